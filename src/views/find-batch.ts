/** From the words of a person to one batch, or to a sentence about it. */
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Batch } from '../../batches/record/batch.ts';
import { findBatch } from '../../batches/record/find-batch.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { shownFileName } from '../files/file-name.ts';
import { printable } from '../terminal/format.ts';

/** @throws {CommandError} exit 1 when no batch fits; exit 2, with a list, when several do */
export async function chooseBatch(ledger: Pick<Ledger, 'batch' | 'batches'>, named: string): Promise<Batch> {
  // A whole id needs no search through all batches.
  const exact = named === '' ? undefined : await ledger.batch(named);
  if (exact !== undefined) return exact;
  const batches = await ledger.batches();
  const asNamed = findBatch(batches, named);
  // The ledger has the names of files with card numbers masked.
  const found = asNamed.type === 'none' ? findBatch(batches, shownFileName(named)) : asNamed;
  if (found.type === 'one') return found.batch;
  const name = printable(named);
  if (found.type === 'several') {
    const list = found.batches.map(({ batchId, file }) => `  ${printable(batchId)}  ${printable(file)}`);
    throw new CommandError(
      exitCodes.needsAttention,
      `${found.batches.length} batches match ${name}; give more characters of the id:\n${list.join('\n')}`,
    );
  }
  const isShort = named !== '' && named.length < 6 && batches.some(({ batchId }) => batchId.startsWith(named));
  throw new CommandError(
    exitCodes.usage,
    isShort
      ? `${name} is too short: give at least 6 characters of the batch id, or the name of the file.`
      : `no batch ${name === '' ? '""' : name} in this ledger. disburse status lists them; name one by 6 or more characters of its id, or by its file. Is DATA_DIR right (or REDIS_URL and REDIS_PREFIX)?`,
  );
}
