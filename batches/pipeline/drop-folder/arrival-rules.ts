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

const hasRested = ({ since }: SteadyLook, now: number, restMs: number): boolean => now - since >= restMs;

/** A file that ends in the middle of a line is probably still being written: it rests so many times as long. */
const restsWithoutLineEnd = 6;

/** `ready`: only a marker says that a file is whole; `manifest`: only a manifest; `rest`: either, or a rest. */
export type ArrivalSign = 'rest' | 'ready' | 'manifest';

/** A manifest as it is beside a file. */
export interface ManifestSign {
  readonly writtenAt: number;
  /** It is JSON to its end, or it has rested and will not become it. */
  readonly isWhole: boolean;
  /** The size that it states of the file; null when it states none. */
  readonly bytes: number | null;
}

/**
 * @property readyAt when the marker `<name>.ready` was written; null when there is none
 * @property manifest null when there is none
 * @property sign what may say that a file is whole
 */
export interface ArrivalFacts {
  readonly look: SteadyLook;
  readonly now: number;
  readonly restMs: number;
  readonly readyAt: number | null;
  readonly manifest: ManifestSign | null;
  readonly sign: ArrivalSign;
}

/**
 * Whether a file may be taken. `whole_with_end`: only if its last bytes are those of a whole file, such as a line end.
 *
 * A marker counts only if it is not older than the file: one that is left from a former file of this name says nothing.
 * So does a manifest; one that states another size than the file has yet waits for the rest.
 */
export function judgeArrival({ look, now, restMs, readyAt, manifest, sign }: ArrivalFacts): 'whole' | 'whole_with_end' | 'wait' {
  if (manifest === null ? sign === 'manifest' : !manifest.isWhole) return 'wait';
  if (readyAt !== null && readyAt >= look.mtimeMs) return 'whole';
  const says = sign !== 'ready' && manifest !== null && manifest.writtenAt >= look.mtimeMs;
  if (says && (manifest.bytes ?? look.size) === look.size) return 'whole';
  if (sign === 'ready' || !hasRested(look, now, restMs)) return 'wait';
  return hasRested(look, now, restsWithoutLineEnd * restMs) ? 'whole' : 'whole_with_end';
}

/** The last bytes of a file that is whole: a line end, also in UTF-16. */
export const endsWithLineEnd = (tail: Uint8Array): boolean => tail.subarray(-2).some((byte) => byte === 0x0a || byte === 0x0d);

/** The last bytes of a workbook that is whole: the end of a zip's directory, without a comment. */
export const endsWithDirectory = (tail: Uint8Array): boolean => Buffer.from(tail.subarray(-22)).toString('hex').startsWith('504b0506');

/** For so long after its end a file is looked at again: a writer may still have it open. */
export const watchAfterEndMs = 3_600_000;

/**
 * Under which name a file goes back to the drop folder.
 *
 * @param tries names that were taken so far: `may.csv`, then `may.1.csv`, …
 */
export function returnName(name: string, tries: number): string {
  if (tries === 0) return name;
  const end = /(\.csv(?:\.gz)?|\.xlsx)$/i.exec(name)?.[1] ?? '';
  return `${name.slice(0, name.length - end.length)}.${tries}${end}`;
}

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
