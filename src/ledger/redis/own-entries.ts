/** Unpublished events of this instance, in memory and in the order of their numbers. */
import type { OutboxEntry } from '../../../batches/ports/result-sink.ts';

export interface OwnEntries {
  /** True when it was not there before. */
  add(entry: OutboxEntry): boolean;
  /** At most `limit` with numbers above `after`. */
  list(limit: number, after: number): readonly OutboxEntry[];
  remove(numbers: readonly number[]): void;
}

export function createOwnEntries(): OwnEntries {
  /** By number; in the order of the numbers while `sorted`. */
  let entries = new Map<number, OutboxEntry>();
  let highest = 0;
  let sorted = true;
  return {
    add(entry) {
      if (entries.has(entry.number)) return false;
      if (entry.number < highest) sorted = false;
      else highest = entry.number;
      entries.set(entry.number, entry);
      return true;
    },
    list(limit, after) {
      if (!sorted) {
        entries = new Map([...entries].sort(([a], [b]) => a - b));
        sorted = true;
      }
      const listed: OutboxEntry[] = [];
      for (const entry of entries.values()) {
        if (listed.length >= limit) break;
        if (entry.number > after) listed.push(entry);
      }
      return listed;
    },
    remove(numbers) {
      for (const number of numbers) entries.delete(number);
    },
  };
}
