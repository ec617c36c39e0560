/** A group call over a store that writes one element at a time. */

/**
 * Starts `work` for every element at once. Settles when all of them have settled: with the values in order, or with the
 * first error in order.
 */
export async function eachOf<Item, Value>(items: readonly Item[], work: (item: Item) => Promise<Value>): Promise<readonly Value[]> {
  // Most calls have one: nothing to gather then.
  const [only] = items;
  if (only !== undefined && items.length === 1) return [await work(only)];
  const settled = await Promise.allSettled(items.map(work));
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
