/**
 * Commits how far each partition is, for one generation of the group: all partitions in one request, one request at a
 * time, at most every `commitEveryMs`. A position never goes back. A request that fails is made again with the next;
 * if the generation ends first, the records behind the last commit are read again, which their handler must bear.
 */
import type { Clock } from '../../ports/clock.ts';

const commitEveryMs = 250;

export type Commit = (positions: ReadonlyMap<number, bigint>) => Promise<void>;

export interface Committer {
  /** @param next behind the last finished record */
  note(partition: number, next: bigint, commit: Commit): void;
  /** Tries once to commit everything noted so far; resolves also when it failed. */
  flush(): Promise<void>;
}

export function createCommitter(deps: {
  clock: Clock;
  /** Nothing is committed afterwards. */
  over: AbortSignal;
  onCommitted: (partition: number, next: bigint) => void;
}): Committer {
  const { clock, over, onCommitted } = deps;
  const noted = new Map<number, bigint>();
  const committed = new Map<number, bigint>();
  let commit: Commit | undefined;
  let isScheduled = false;
  let turn: Promise<void> = Promise.resolve();

  const dirty = (): Map<number, bigint> => new Map([...noted].filter(([partition, next]) => next > (committed.get(partition) ?? -1n)));
  const commitNow = async (): Promise<void> => {
    const positions = dirty();
    if (positions.size === 0 || over.aborted || commit === undefined) return;
    await commit(positions);
    for (const [partition, next] of positions) {
      committed.set(partition, next);
      onCommitted(partition, next);
    }
  };
  const flush = (): Promise<void> => {
    // A failure leaves its positions dirty: they are tried again, or read again.
    turn = turn.then(commitNow).catch(schedule);
    return turn;
  };
  const waitAndFlush = async (): Promise<void> => {
    try {
      await clock.sleep(commitEveryMs, over);
    } catch {
      // It is over: nothing is committed any more.
      return;
    }
    isScheduled = false;
    await flush();
  };
  function schedule(): void {
    if (isScheduled || over.aborted) return;
    isScheduled = true;
    void waitAndFlush();
  }

  return {
    note(partition, next, by) {
      if (next <= (noted.get(partition) ?? -1n)) return;
      noted.set(partition, next);
      commit = by;
      schedule();
    },
    flush,
  };
}
