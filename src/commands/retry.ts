/** Opens the next attempt of final failures; a body that is no longer kept comes from the row again. */
import type { OperationRequest } from '../../batches/operations/request.ts';
import { serialise } from '../../batches/pipeline/request-body.ts';
import type { ValidInstruction } from '../../batches/instruction/instruction.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import { createFingerprints } from '../../batches/record/fingerprint.ts';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import { currentFingerprint, nextAttempt, whyNotRetry } from '../../batches/record/person-steps.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { inspectFile, type ReadingFlags } from '../files/inspect-file.ts';
import { readAgain } from '../files/payout-file.ts';
import { loadLedgerKey } from '../ledger/ledger-key.ts';
import { createSeal } from '../ledger/seal.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import { chooseRecords, choiceOf, type RecordChoice } from './choose-records.ts';
import { operateAll, reasonOf, type PersonOptions } from './operate.ts';
import { personOf } from './person.ts';

/** @property amend the row may have other content, but never another amount or currency */
export type RetryOptions = PersonOptions & ReadingFlags & RecordChoice & { readonly file?: string; readonly amend: boolean };

/** @param ids of records, each of which is reported; without one the filters choose them */
export async function retry(config: Config, ids: readonly string[], options: RetryOptions): Promise<ExitCode> {
  const person = { by: personOf(options), reason: reasonOf(options) };
  const { file, amend, json, status, batch, currency, code, olderThan, expect } = options;
  if (amend && file === undefined) throw new CommandError(exitCodes.usage, '--amend needs --file FILE with the changed row.');
  for (const name of ['encoding', 'delimiter', 'decimal', 'sheet', 'map'] as const)
    if (file === undefined && options[name] !== undefined)
      throw new CommandError(exitCodes.usage, `--${name} needs --file FILE: it says how that file is read.`);
  const choice = choiceOf({ status, batch, currency, code, olderThan, expect });
  const recordIds = await chooseRecords(config, ids, { decision: 'retry', choice });
  const rows = file === undefined ? new Map<string, SealedRow>() : await sealedRows(config, file, recordIds, options);
  const requests = recordIds.map((recordId): OperationRequest => ({ type: 'retry', recordId, ...person, ...rows.get(recordId) }));
  return operateAll(config, requests, json);
}

/** What crosses to the process that holds the ledger is on its disk for a while: so the body is sealed. */
interface SealedRow {
  readonly sealedBody: string;
  readonly amendment?: { readonly fingerprint: string; readonly destination?: string };
}

async function sealedRows(
  config: Config,
  path: string,
  recordIds: readonly string[],
  flags: RetryOptions,
): Promise<ReadonlyMap<string, SealedRow>> {
  const rows = await rowsOf(config, path, recordIds, flags);
  const ledgerKey = loadLedgerKey({ dir: config.dataDir, file: config.settings.LEDGER_KEY_FILE });
  const [fingerprints, seal] = [createFingerprints(ledgerKey), createSeal(ledgerKey)];
  const keys = createKeyDerivation(config.settings.GATEWAY_PROJECT ?? '');
  const { ledger, close } = await openLedgerReader(config, () => undefined);
  const sealed = new Map<string, SealedRow>();
  try {
    for (const recordId of recordIds) {
      const record = await ledger.record(recordId);
      // What cannot be retried is refused by the process that holds the ledger.
      if (record === undefined || whyNotRetry(record) !== null) continue;
      const draft = rows.get(recordId);
      if (draft === undefined) throw new CommandError(exitCodes.usage, `${path} has no valid row with the record id ${recordId}.`);
      const fingerprint = fingerprints.fingerprint(draft);
      const why = whyNotThisRow(record, draft, { fingerprint, amend: flags.amend });
      if (why !== null) throw new CommandError(exitCodes.needsAttention, `the row of ${recordId} in ${path} ${why}`);
      const attempt = nextAttempt(record);
      const body = serialise(draft, { attempt, idempotencyKey: keys.idempotencyKey(record.kind, recordId, attempt) });
      const sealedBody = Buffer.from(seal.close(body, { recordId, attempt })).toString('base64');
      const { destination } = draft;
      const isSame = fingerprint === currentFingerprint(record);
      sealed.set(recordId, {
        sealedBody,
        ...(isSame ? {} : { amendment: { fingerprint, ...(destination === undefined ? {} : { destination }) } }),
      });
    }
    return sealed;
  } finally {
    await close();
  }
}

/** Why the row cannot be sent as the next attempt, as the end of a sentence; null when it can. */
function whyNotThisRow(
  record: LedgerRecord,
  draft: ValidInstruction,
  { fingerprint, amend }: { readonly fingerprint: string; readonly amend: boolean },
): string | null {
  const isSame = draft.kind === record.kind && fingerprint === currentFingerprint(record);
  if (isSame) return null;
  if (!amend)
    return 'is not the one that was sent: a retry pays the same content. To send a changed row, add --amend; to pay another amount, submit it under a new record id.';
  if (draft.kind !== record.kind || draft.amountMinor !== record.amountMinor || draft.currency !== record.currency)
    return 'has another amount, currency or kind than the one that was sent: submit it under a new record id.';
  return draft.hasCardNumber ? 'has a card number, whose body is never kept: submit it under a new record id.' : null;
}

async function rowsOf(config: Config, path: string, recordIds: readonly string[], flags: ReadingFlags) {
  const { expect: _ofRecords, ...reading } = flags;
  const outcome = await inspectFile(config, path, reading);
  if (!outcome.ok) throw new CommandError(exitCodes.usage, `${path} cannot be read: disburse validate ${path} says why.`);
  const wanted = new Set(recordIds);
  const found = new Map<string, ValidInstruction>();
  for await (const block of readAgain(outcome.inspection))
    for (const { reading } of block) if (reading.ok && wanted.has(reading.draft.recordId)) found.set(reading.draft.recordId, reading.draft);
  return found;
}
