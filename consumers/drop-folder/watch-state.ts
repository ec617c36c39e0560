/** What the parts of the watcher share. */
import { retryAfterMs } from '../../batches/pipeline/drop-folder/arrival-rules.ts';
import type { Arrivals } from './arrivals.ts';
import type { DropFolderOptions } from './drop-folder.ts';
import type { Leases } from './leases.ts';
import type { Quarantine } from './quarantine.ts';
import type { RecentlyEnded } from './recently-ended.ts';

/** Everything that the watcher knows while it runs. */
export interface Watch {
  readonly options: Required<DropFolderOptions>;
  readonly processing: string;
  readonly leases: Leases;
  readonly setAside: Quarantine;
  readonly stuck: Quarantine;
  readonly arrivals: Arrivals;
  readonly active: Map<string, Promise<void>>;
  /** Files in `processing/` that could not be brought to their end, and when they are tried again. */
  readonly retries: Map<string, { readonly tries: number; readonly at: number }>;
  readonly ended: { done: number; refused: number; returned: number };
  readonly recent: RecentlyEnded;
  problem: string | null;
  queue: string[];
  lookAgainAt: number;
  wake: () => void;
}

export const hasRoom = ({ active, options: { concurrency, signal } }: Watch): boolean => active.size < concurrency && !signal.aborted;
export const mustWait = ({ active, retries, options: { clock } }: Watch, name: string): boolean =>
  active.has(name) || (retries.get(name)?.at ?? -Infinity) > clock.now();

export function tryLater({ retries, options: { clock, pollMs, random } }: Watch, name: string): void {
  const tries = (retries.get(name)?.tries ?? 0) + 1;
  retries.set(name, { tries, at: clock.now() + retryAfterMs(tries, pollMs, random) });
}

export const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
