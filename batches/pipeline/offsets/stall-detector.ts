/**
 * Notices a partition that has records and brings none, although brokers answer: the client was seen to stop fetching
 * without a word. A partition that waits because others are worked on is not stalled.
 */
const stalledAfterMs = 60_000;
/** As many fetches as every broker must have answered without it. */
const fetchesWithout = 3;

interface Quiet {
  readonly since: number;
  readonly fetches: ReadonlyMap<string, number>;
}

export interface StallDetector {
  joined(partitions: Iterable<number>): void;
  /** A fetch was answered by this broker. */
  fetched(node: string): void;
  /** Something of this partition arrived, or there is nothing to come. */
  moved(partition: number): void;
  /** A batch is worked on, which holds up the fetches of its broker. */
  batchBegan(partition: number): void;
  batchEnded(partition: number): void;
  /** Whether this partition, which has more, should have brought it by now. */
  isStalled(partition: number): boolean;
}

export function createStallDetector(now: () => number): StallDetector {
  const fetches = new Map<string, number>();
  const quiet = new Map<number, Quiet>();
  const busy = new Set<number>();
  let idleSince = now();

  const moved = (partition: number): void => void quiet.set(partition, { since: now(), fetches: new Map(fetches) });

  return {
    joined(partitions) {
      fetches.clear();
      quiet.clear();
      idleSince = now();
      for (const partition of partitions) moved(partition);
    },
    fetched: (node) => void fetches.set(node, (fetches.get(node) ?? 0) + 1),
    moved,
    batchBegan(partition) {
      busy.add(partition);
      moved(partition);
    },
    batchEnded(partition) {
      busy.delete(partition);
      moved(partition);
      idleSince = now();
    },
    isStalled(partition) {
      const found = quiet.get(partition);
      if (found === undefined || busy.has(partition) || now() - found.since < stalledAfterMs) return false;
      const isIdle = busy.size === 0 && now() - idleSince >= stalledAfterMs;
      const passedOver =
        fetches.size > 0 && [...fetches].every(([node, count]) => count - (found.fetches.get(node) ?? 0) >= fetchesWithout);
      return isIdle || passedOver;
    },
  };
}
