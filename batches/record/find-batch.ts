/** Which batch a person means by a few characters. */
import type { Batch } from './batch.ts';

type Named = Pick<Batch, 'batchId' | 'file'>;

export type FoundBatch<Of extends Named> =
  { readonly type: 'one'; readonly batch: Of } | { readonly type: 'none' } | { readonly type: 'several'; readonly batches: readonly Of[] };

/** Fewer characters of an id say too little. */
const leastCharacters = 6;

/**
 * A batch is named by its id, by the first 6 or more characters of its id, or by the name of its file. A whole id wins
 * over everything else.
 */
export function findBatch<Of extends Named>(batches: readonly Of[], named: string): FoundBatch<Of> {
  const exact = batches.find(({ batchId }) => batchId === named);
  if (exact !== undefined) return { type: 'one', batch: exact };
  const found = batches.filter(
    ({ batchId, file }) => (file !== '' && file === named) || (named.length >= leastCharacters && batchId.startsWith(named)),
  );
  const [only] = found;
  if (only === undefined) return { type: 'none' };
  return found.length === 1 ? { type: 'one', batch: only } : { type: 'several', batches: found };
}
