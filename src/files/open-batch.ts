import type { Batch, Policy } from '../../batches/record/batch.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Inspection } from './payout-file.ts';

interface OpenBatchParams {
  readonly ledger: Ledger;
  readonly inspection: Inspection;
  /** Null takes the pinned one, or `skip`. */
  readonly policy: Policy | null;
  readonly clock: Clock;
}

/**
 * The batch of a file, made or found, and running.
 *
 * @throws {CommandError} exit 1 when the batch was pinned with another reading of the same bytes
 */
export async function openFileBatch({ ledger, inspection, policy, clock }: OpenBatchParams): Promise<Batch> {
  const { file, sha256: batchId, encoding, delimiter, bytes, blockDigests } = inspection;
  const batch = await ledger.openBatch({ batchId, file, policy, encoding, delimiter, bytes, blockDigests, at: clock.now() });
  const pinned = { encoding: batch.encoding, delimiter: batch.delimiter, policy: batch.policy };
  const asked = { encoding, delimiter, policy: policy ?? batch.policy };
  for (const name of ['encoding', 'delimiter', 'policy'] as const) {
    if (pinned[name] === asked[name]) continue;
    throw new CommandError(
      exitCodes.usage,
      `this file was first run with ${name} ${JSON.stringify(pinned[name])}; ${JSON.stringify(asked[name])} was given. Run it again with --${name} ${JSON.stringify(pinned[name])}.`,
    );
  }
  await ledger.updateBatch({ batchId, state: 'running', at: clock.now() });
  return batch;
}
