/** How far consumption is, for metrics and readiness. */

/** Offsets; null: not known yet. */
export interface PartitionOffset {
  readonly partition: number;
  /** Behind the last record that is finished without a gap. */
  readonly next: bigint | null;
  readonly committed: bigint | null;
  /** Behind the last record that was started. */
  readonly begun: bigint | null;
  /** The end of the partition as it was last seen. */
  readonly end: bigint | null;
}

export interface PartitionOffsets {
  joined(partitions: readonly number[]): void;
  left(): void;
  fetchAnswered(): void;
  fetched(partition: number, end: bigint): void;
  begun(partition: number, next: bigint): void;
  finished(partition: number, next: bigint): void;
  committed(partition: number, next: bigint): void;

  readonly lastFetchAt: number | null;
  assigned(): readonly number[];
  all(): readonly PartitionOffset[];
  /** Records between what is finished and the newest known end, of each partition of which both are known. */
  lag(): ReadonlyMap<number, number>;
  /** The same between what was started and the end. */
  unread(): ReadonlyMap<number, number>;
}

export function createPartitionOffsets(now: () => number): PartitionOffsets {
  type Place = { -readonly [Key in keyof PartitionOffset]: PartitionOffset[Key] };
  const places = new Map<number, Place>();
  let lastFetchAt: number | null = null;
  const set = (partition: number, change: Partial<Place>): void => {
    const place = places.get(partition);
    if (place !== undefined) Object.assign(place, change);
  };

  const upToTheEnd = (from: (place: PartitionOffset) => bigint | null): Map<number, number> => {
    const counts = new Map<number, number>();
    for (const place of places.values()) {
      const begin = from(place);
      if (begin !== null && place.end !== null) counts.set(place.partition, Math.max(0, Number(place.end - begin)));
    }
    return counts;
  };

  return {
    joined(partitions) {
      places.clear();
      for (const partition of partitions) places.set(partition, { partition, next: null, committed: null, begun: null, end: null });
    },
    left: () => places.clear(),
    fetchAnswered: () => void (lastFetchAt = now()),
    fetched: (partition, end) => set(partition, { end }),
    begun: (partition, next) => set(partition, { begun: next }),
    finished: (partition, next) => set(partition, { next }),
    committed: (partition, next) => set(partition, { committed: next }),
    get lastFetchAt() {
      return lastFetchAt;
    },
    assigned: () => [...places.keys()].sort((one, other) => one - other),
    all: () => [...places.values()].map((place) => ({ ...place })),
    lag: () => upToTheEnd(({ next }) => next),
    unread: () => upToTheEnd(({ begun }) => begun),
  };
}
