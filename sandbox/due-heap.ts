/** A binary heap of items that are due at a time: the earliest comes out first, equal ones in any order. */

export interface DueHeap<Item extends { readonly dueAtMs: number }> {
  push(item: Item): void;
  /** When the earliest is due; undefined in an empty heap. */
  nextDueAtMs(): number | undefined;
  pop(): Item | undefined;
  readonly size: number;
}

export function createDueHeap<Item extends { readonly dueAtMs: number }>(): DueHeap<Item> {
  const items: Item[] = [];
  const dueAt = (index: number): number => items[index]?.dueAtMs ?? Infinity;

  function swap(a: number, b: number): void {
    const [first, second] = [items[a], items[b]];
    if (first === undefined || second === undefined) return;
    items[a] = second;
    items[b] = first;
  }

  function sinkFromTop(): void {
    for (let index = 0; ;) {
      const left = 2 * index + 1;
      const least = dueAt(left + 1) < dueAt(left) ? left + 1 : left;
      if (dueAt(least) >= dueAt(index)) return;
      swap(index, least);
      index = least;
    }
  }

  return {
    get size() {
      return items.length;
    },
    nextDueAtMs: () => items[0]?.dueAtMs,
    push(item) {
      items.push(item);
      for (let index = items.length - 1; index > 0;) {
        const parent = (index - 1) >> 1;
        if (dueAt(parent) <= dueAt(index)) return;
        swap(index, parent);
        index = parent;
      }
    },
    pop() {
      swap(0, items.length - 1);
      const earliest = items.pop();
      sinkFromTop();
      return earliest;
    },
  };
}
