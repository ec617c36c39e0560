/** Time that moves only when a test says so. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../batches/ports/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export interface VirtualClock extends Clock {
  /** Moves time forward, waking each sleeper at its own moment and letting it act before the next. */
  pass(ms: number): Promise<void>;
  /** As `pass`, from one sleeper to the next, until `done` or nobody sleeps. */
  passUntil(done: () => boolean): Promise<void>;
  /** Sets the clock without waking anybody, as an operator or NTP does. */
  jump(ms: number): void;
  readonly sleepers: () => number;
}

/** `early` answers how many milliseconds too early a timer fires, as real ones may. */
export function createVirtualClock(start = 1_800_000_000_000, early: () => number = () => 0): VirtualClock {
  let now = start;
  let elapsed = 0;
  const sleepers = new Set<Sleeper>();
  const next = (): Sleeper | undefined => [...sleepers].toSorted((a, b) => a.at - b.at)[0];
  const wakeAt = async (sleeper: Sleeper): Promise<void> => {
    const ms = Math.max(sleeper.at - elapsed, 0);
    now += ms;
    elapsed += ms;
    sleepers.delete(sleeper);
    sleeper.wake();
    await turn();
  };
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const leave = (): void => {
          sleepers.delete(sleeper);
          reject(signal?.reason as Error);
        };
        const sleeper: Sleeper = {
          at: elapsed + Math.max(ms - early(), 0),
          wake: () => {
            signal?.removeEventListener('abort', leave);
            resolve();
          },
        };
        signal?.addEventListener('abort', leave, { once: true });
        sleepers.add(sleeper);
      }),
    async pass(ms) {
      await turn();
      const end = elapsed + ms;
      for (let sleeper = next(); sleeper !== undefined && sleeper.at <= end; sleeper = next()) await wakeAt(sleeper);
      now += end - elapsed;
      elapsed = end;
      await turn();
    },
    async passUntil(done) {
      await turn();
      for (let sleeper = next(); sleeper !== undefined && !done(); sleeper = next()) await wakeAt(sleeper);
    },
    jump: (ms) => {
      now += ms;
    },
    sleepers: () => sleepers.size,
  };
}
