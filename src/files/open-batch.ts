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
  const { file, sha256: batchId, encoding, bytes, blockDigests } = inspection;
  const delimiter = pinDelimiter(inspection);
  const batch = await ledger.openBatch({ batchId, file, policy, encoding, delimiter, bytes, blockDigests, at: clock.now() });
  if (batch.delimiter !== delimiter && delimiterOf(batch.delimiter) === inspection.delimiter) throw otherDecimal(batch.delimiter);
  const pinned = { encoding: batch.encoding, delimiter: delimiterOf(batch.delimiter), policy: batch.policy };
  const asked = { encoding, delimiter: inspection.delimiter, policy: policy ?? batch.policy };
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

const decimalComma = ' decimal comma';

/** The reading that the batch is pinned to: a decimal comma is kept with the delimiter, and a point adds nothing. */
const pinDelimiter = ({ delimiter, reading }: Inspection): string =>
  reading.decimal === 'comma' ? `${delimiter}${decimalComma}` : delimiter;

const delimiterOf = (pinned: string): string => (pinned.endsWith(decimalComma) ? pinned.slice(0, -decimalComma.length) : pinned);

const otherDecimal = (pinned: string): CommandError => {
  const [then, now] = pinned.endsWith(decimalComma) ? ['comma', 'point'] : ['point', 'comma'];
  return new CommandError(
    exitCodes.usage,
    `this file was first run with a decimal ${then}, and what was decided then stays; a decimal ${now} was given. ` +
      `Run it again with --decimal ${then}. To pay rows that were rejected, run the fix-file with --decimal ${now}.`,
  );
};
