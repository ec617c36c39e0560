/** How many records succeeded in each of the newest minutes, as seen since the console started. */
import type { Clock } from '../../batches/ports/clock.ts';
import { byStatus } from '../../batches/record/tally.ts';
import type { Bar } from './pieces/charts.ts';
import type { KeptReader } from './reading.ts';

const everyMs = 5_000;
const minuteMs = 60_000;
const minutes = 30;

export interface Pace {
  bars(): readonly Bar[];
  close(): void;
}

export function watchPace(reader: KeptReader, clock: Clock): Pace {
  const stopped = new AbortController();
  const counts = new Map<number, number>();
  let before: number | undefined;
  const look = async (): Promise<void> => {
    const { succeeded } = byStatus(await reader.read(({ ledger }) => ledger.tallies()));
    const minute = Math.floor(clock.now() / minuteMs);
    const more = before === undefined ? 0 : Math.max(0, succeeded.count - before);
    before = succeeded.count;
    counts.set(minute, (counts.get(minute) ?? 0) + more);
    for (const old of counts.keys()) if (old <= minute - minutes) counts.delete(old);
  };
  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      // Without a ledger, or while it cannot be read, there is nothing to count.
      await look().catch(() => undefined);
      await clock.sleep(everyMs, stopped.signal).catch(() => undefined);
    }
  };
  void run();
  return {
    bars() {
      const newest = Math.floor(clock.now() / minuteMs);
      return Array.from({ length: minutes }, (_, index) => {
        const minute = newest - minutes + 1 + index;
        return { name: new Date(minute * minuteMs).toISOString().slice(11, 16), value: counts.get(minute) ?? 0 };
      });
    },
    close: () => stopped.abort(new Error('closed')),
  };
}
