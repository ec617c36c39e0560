/**
 * Looks into the drop folder for files that are whole: size and time have rested, or a marker says so. It remembers
 * no more than the first thousand names, whatever the folder holds; the others have their turn when these are gone.
 */
import { constants, type Dirent } from 'node:fs';
import { lstat, open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../batches/ports/clock.ts';
import { isCode } from './leases.ts';
import { createFirstNames, faultOfName, isPayoutName, readyMarker } from './names.ts';
import type { Quarantine } from './quarantine.ts';

/** What a file looked like, and since when it has looked so. */
interface Look {
  readonly size: number;
  readonly mtimeMs: number;
  readonly since: number;
}

export interface Arrivals {
  /** Names of whole files, in order, at most a thousand. Rejects when the folder cannot be read. */
  look(): Promise<readonly string[]>;
  /** A last look, right before it is taken: still the same, regular and readable. */
  isStillWhole(name: string): Promise<boolean>;
  /** Payout files that lay in the folder at the last look, those set aside included. */
  waiting(): number;
}

export interface ArrivalsOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly restMs: number;
  readonly setAside: Quarantine;
}

const maxRemembered = 1_000;
/** Looks at a time; the thread pool also signs payouts. */
const looksAtOnce = 8;

export function createArrivals({ dir, clock, restMs, setAside }: ArrivalsOptions): Arrivals {
  let looks = new Map<string, Look>();
  let waiting = 0;

  const mayBeTaken = (entry: Dirent): boolean => {
    const fault = isOtherThanFile(entry) ? 'is no regular file' : faultOfName(entry.name);
    if (fault !== undefined) setAside.put(entry.name, `${entry.name} in the drop folder ${fault}. It is left where it is.`);
    return fault === undefined && !setAside.has(entry.name);
  };

  /** Undefined when it is gone, or no file. */
  const lookAt = async (name: string): Promise<Look | undefined> => {
    const found = await lstat(join(dir, name)).catch((cause: unknown) => {
      if (!isCode(cause, 'ENOENT')) setAside.put(name, `${name} in the drop folder cannot be looked at (${(cause as Error).message}).`);
      return undefined;
    });
    if (found === undefined) return undefined;
    if (!found.isFile()) {
      setAside.put(name, `${name} in the drop folder is no regular file. It is left where it is.`);
      return undefined;
    }
    const { size, mtimeMs } = found;
    const before = looks.get(name);
    // From after the look: one that took long must not pass for two.
    return { size, mtimeMs, since: before !== undefined && isSame(before, found) ? before.since : clock.now() };
  };

  const isWhole = async (name: string, look: Look): Promise<boolean> => {
    if (clock.now() - look.since >= restMs) return true;
    const marker = await lstat(join(dir, readyMarker(name))).catch(() => undefined);
    return marker?.isFile() === true;
  };

  return {
    async look() {
      const first = createFirstNames(maxRemembered);
      let count = 0;
      setAside.beginLook();
      for await (const entry of await opendir(dir, { bufferSize: 256 })) {
        if (!isPayoutName(entry.name)) continue;
        count += 1;
        if (mayBeTaken(entry)) first.add(entry.name);
      }
      setAside.endLook();
      waiting = count;
      const seen = new Map<string, Look>();
      const whole: string[] = [];
      const names = first.names();
      for (let at = 0; at < names.length; at += looksAtOnce) {
        const some = names.slice(at, at + looksAtOnce);
        const found = await Promise.all(
          some.map(async (name) => {
            const look = await lookAt(name);
            return look === undefined ? undefined : { name, look, whole: await isWhole(name, look) };
          }),
        );
        for (const one of found) {
          if (one === undefined) continue;
          seen.set(one.name, one.look);
          if (one.whole) whole.push(one.name);
        }
      }
      looks = seen;
      return whole;
    },
    async isStillWhole(name) {
      const look = looks.get(name);
      if (look === undefined) return false;
      try {
        // Opening makes a network file system ask its server; neither a link is followed nor a pipe waited for.
        const file = await open(join(dir, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        try {
          const found = await file.stat();
          return found.isFile() && isSame(look, found);
        } finally {
          await file.close();
        }
      } catch (cause) {
        if (!isCode(cause, 'ENOENT', 'ELOOP'))
          setAside.put(
            name,
            `${name} in the drop folder cannot be read (${(cause as Error).message}). Give disburse the right to read it.`,
          );
        return false;
      }
    },
    waiting: () => waiting,
  };
}

/** Some file systems do not tell in the listing what an entry is. */
const isOtherThanFile = (entry: Dirent): boolean =>
  entry.isDirectory() || entry.isSymbolicLink() || entry.isFIFO() || entry.isSocket() || entry.isCharacterDevice() || entry.isBlockDevice();

/** Not by inode: some network file systems make them up anew each time. */
const isSame = (look: Look, found: Omit<Look, 'since'>): boolean => look.size === found.size && look.mtimeMs === found.mtimeMs;
