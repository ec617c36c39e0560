/** When a file in the drop folder is whole, and when what could not be handled is tried again. */
import type { Random } from '../../ports/random.ts';

/** What a file looked like. Bytes, milliseconds since the epoch. */
export interface Look {
  readonly size: number;
  readonly mtimeMs: number;
}

/** @property since when it has looked like this, on the clock of the watcher */
export interface SteadyLook extends Look {
  readonly since: number;
}

/** Not by inode: some network file systems invent a new one each time. */
export const isSameLook = (one: Look, other: Look): boolean => one.size === other.size && one.mtimeMs === other.mtimeMs;

/** @param now read after the look: one that took long must not pass for two */
export const steadyLook = (before: SteadyLook | undefined, { size, mtimeMs }: Look, now: number): SteadyLook => ({
  size,
  mtimeMs,
  since: before !== undefined && isSameLook(before, { size, mtimeMs }) ? before.since : now,
});

export const hasRested = ({ since }: SteadyLook, now: number, restMs: number): boolean => now - since >= restMs;

const maxRetryMs = 5 * 60_000;

/** Before the next try, after `tries` of them: doubles from `firstMs`, with jitter, to five minutes. */
export const retryAfterMs = (tries: number, firstMs: number, random: Random): number =>
  Math.min(firstMs * 2 ** Math.min(tries, 20), maxRetryMs) * (0.75 + random() / 2);

/** One more than is ever taken over in earnest. */
export const maxPreviousTokens = 1_000;

/** A lease as its file shows it; `writtenAt` is a time of the file system. */
export interface LeaseLink {
  readonly token: string;
  readonly writtenAt: number;
}

/** Whether the last holder of a chain of leases has given no sign of life for so long that another may take over. */
export const mayTakeOver = (chain: readonly LeaseLink[], fileSystemNow: number, takeOverMs: number): boolean => {
  const last = chain.at(-1);
  return last === undefined || fileSystemNow - last.writtenAt > takeOverMs;
};
