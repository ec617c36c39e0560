/** Opens the next attempt of final failures; a body that is no longer kept comes from the row again. */
import type { OperationRequest } from '../../batches/operations/request.ts';
import { serialise } from '../../batches/pipeline/request-body.ts';
import type { ValidInstruction } from '../../batches/instruction/instruction.ts';
import { createFingerprints } from '../../batches/record/fingerprint.ts';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import { nextAttempt, whyNotRetry } from '../../batches/record/person-steps.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { inspectFile, type ReadingFlags } from '../files/inspect-file.ts';
import { readAgain } from '../files/payout-file.ts';
import { loadLedgerKey } from '../ledger/ledger-key.ts';
import { createSeal } from '../ledger/seal.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import { operateAll, personOf, reasonOf, type PersonOptions } from './operate.ts';

export type RetryOptions = PersonOptions & ReadingFlags & { readonly file?: string };

/** @param recordIds at least one; each is reported */
export async function retry(config: Config, recordIds: readonly string[], options: RetryOptions): Promise<ExitCode> {
  const person = { by: personOf(options), reason: reasonOf(options) };
  const bodies = options.file === undefined ? new Map<string, string>() : await sealedBodies(config, options.file, recordIds, options);
  const requests = recordIds.map((recordId): OperationRequest => {
    const sealedBody = bodies.get(recordId);
    return { type: 'retry', recordId, ...person, ...(sealedBody === undefined ? {} : { sealedBody }) };
  });
  return operateAll(config, requests, options.json);
}

/** Only sealed: what crosses to the process that holds the ledger is on its disk for a while. */
async function sealedBodies(
  config: Config,
  path: string,
  recordIds: readonly string[],
  flags: ReadingFlags,
): Promise<ReadonlyMap<string, string>> {
  const rows = await rowsOf(config, path, recordIds, flags);
  const ledgerKey = loadLedgerKey({ dir: config.dataDir, file: config.settings.LEDGER_KEY_FILE });
  const [fingerprints, seal] = [createFingerprints(ledgerKey), createSeal(ledgerKey)];
  const keys = createKeyDerivation(config.settings.GATEWAY_PROJECT ?? '');
  const { ledger, close } = await openLedgerReader(config, () => undefined);
  const sealed = new Map<string, string>();
  try {
    for (const recordId of recordIds) {
      const record = await ledger.record(recordId);
      // What cannot be retried is refused by the process that holds the ledger.
      if (record === undefined || whyNotRetry(record) !== null) continue;
      const draft = rows.get(recordId);
      if (draft === undefined) throw new CommandError(exitCodes.usage, `${path} has no valid row with the record id ${recordId}.`);
      if (draft.kind !== record.kind || fingerprints.fingerprint(draft) !== record.fingerprint)
        throw new CommandError(
          exitCodes.needsAttention,
          `the row of ${recordId} in ${path} is not the one that was sent: a retry pays the same content. Submit changed content under a new record id.`,
        );
      const attempt = nextAttempt(record);
      const body = serialise(draft, { attempt, idempotencyKey: keys.idempotencyKey(record.kind, recordId, attempt) });
      sealed.set(recordId, Buffer.from(seal.close(body, { recordId, attempt })).toString('base64'));
    }
    return sealed;
  } finally {
    await close();
  }
}

async function rowsOf(config: Config, path: string, recordIds: readonly string[], flags: ReadingFlags) {
  const outcome = await inspectFile(config, path, flags);
  if (!outcome.ok) throw new CommandError(exitCodes.usage, `${path} cannot be read: disburse validate ${path} says why.`);
  const wanted = new Set(recordIds);
  const found = new Map<string, ValidInstruction>();
  for await (const block of readAgain(outcome.inspection))
    for (const { reading } of block) if (reading.ok && wanted.has(reading.draft.recordId)) found.set(reading.draft.recordId, reading.draft);
  return found;
}
