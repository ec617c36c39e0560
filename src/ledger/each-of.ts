/** A group call over a store that writes one element at a time. */

/**
 * Starts `work` for every element at once. Settles when all of them have settled: with the values in order, or with the
 * first error in order.
 */
export const eachOf = <Item, Value>(items: readonly Item[], work: (item: Item) => Promise<Value>): Promise<readonly Value[]> =>
  // Most calls have one: nothing to gather then.
  items.length === 1 ? work(items[0] as Item).then(alone) : gathered(items, work);

const alone = <Value>(value: Value): readonly Value[] => [value];

async function gathered<Item, Value>(items: readonly Item[], work: (item: Item) => Promise<Value>): Promise<readonly Value[]> {
  const settled = await Promise.allSettled(items.map(work));
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
