import type { Batch, Policy } from '../../batches/record/batch.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Inspection } from './payout-file.ts';
import { pinReading, readingOf, unpinReading, type PinnedReading } from './pinned-reading.ts';
import { assertBatchTotal, submitFile } from './submission.ts';

interface OpenBatchParams {
  readonly ledger: Ledger;
  readonly inspection: Inspection;
  /** Null takes the pinned one, or `skip`. */
  readonly policy: Policy | null;
  readonly clock: Clock;
  /** Who submits the file. */
  readonly by: string;
  /** No row is sent before; milliseconds since the epoch. */
  readonly notBefore?: number | undefined;
}

/**
 * The batch of a file, made or found, and running.
 *
 * @throws {CommandError} exit 1 when the batch was pinned with another reading of the same bytes
 */
export async function openFileBatch({ ledger, inspection, policy, clock, by, notBefore }: OpenBatchParams): Promise<Batch> {
  const { file, sha256: batchId, encoding, bytes, blockDigests } = inspection;
  assertBatchTotal((await ledger.gates())?.maxBatchTotal ?? {}, inspection, await ledger.batch(batchId));
  const asked = readingOf(inspection);
  const batch = await ledger.openBatch({
    batchId,
    file,
    policy,
    encoding,
    delimiter: pinReading(asked),
    bytes,
    blockDigests,
    at: clock.now(),
  });
  const pinned = unpinReading(batch.delimiter);
  refuseOther('encoding', batch.encoding, encoding);
  refuseOther('delimiter', pinned.delimiter, asked.delimiter);
  refuseOther('sheet', pinned.sheet, asked.sheet);
  refuseOther('policy', batch.policy, policy ?? batch.policy);
  if (pinned.mapping !== asked.mapping) throw otherMapping(pinned.mapping, asked.mapping);
  if (pinned.decimal !== asked.decimal) throw otherDecimal(pinned.decimal, asked.decimal);
  await submitFile({ ledger, inspection, by, notBefore: notBefore ?? null, clock });
  await ledger.updateBatch({ batchId, state: 'running', at: clock.now() });
  return batch;
}

function refuseOther(name: string, then: string | null, now: string | null): void {
  if (then === now) return;
  throw new CommandError(
    exitCodes.usage,
    `this file was first run with ${name} ${JSON.stringify(then)}; ${JSON.stringify(now)} was given. Run it again with --${name} ${JSON.stringify(then)}.`,
  );
}

const mappingText = (digest: string | null): string => (digest === null ? 'without a mapping' : `with the mapping ${digest.slice(0, 12)}…`);

const otherMapping = (then: string | null, now: string | null): CommandError =>
  new CommandError(
    exitCodes.usage,
    `this file was first run ${mappingText(then)}, and is now run ${mappingText(now)}, which reads it otherwise. Run it again as the first time. To pay rows that were rejected, run the fix-file.`,
  );

const otherDecimal = (then: PinnedReading['decimal'], now: PinnedReading['decimal']): CommandError =>
  new CommandError(
    exitCodes.usage,
    `this file was first run with a decimal ${then}, and what was decided then stays; a decimal ${now} was given. ` +
      `Run it again with --decimal ${then}. To pay rows that were rejected, run the fix-file with --decimal ${now}.`,
  );
