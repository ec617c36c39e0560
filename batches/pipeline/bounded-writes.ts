/** A bounded number of writes at once; the first failure ends it. */

/** Writes under way at once; enough for Redis to sync many together. */
const atOnce = 256;

export interface Writes {
  add(write: Promise<void>): Promise<void>;
  idle(): Promise<unknown>;
}

/** A bounded number of writes at once; the first failure ends it. */
export function createWrites(): Writes {
  const underWay = new Set<Promise<void>>();
  return {
    async add(write) {
      const mine = write.then(() => void underWay.delete(mine));
      mine.catch(() => undefined);
      underWay.add(mine);
      if (underWay.size >= atOnce) await Promise.race(underWay);
    },
    idle: () => Promise.all(underWay),
  };
}
