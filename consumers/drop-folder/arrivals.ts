/**
 * Looks into the drop folder for files that are whole: size and time have rested, or a marker says so. It remembers
 * no more than the first thousand names, whatever the folder holds; the others have their turn when these are gone.
 */
import { constants, type Dirent } from 'node:fs';
import { lstat, open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasRested, isSameLook, steadyLook, type SteadyLook } from '../../batches/pipeline/drop-folder/arrival-rules.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import { isCode } from './leases.ts';
import { createFirstNames, faultOfName, isPayoutName, readyMarker } from './names.ts';
import type { Quarantine } from './quarantine.ts';

export interface Arrivals {
  /** Names of whole files, in order, at most a thousand. Rejects when the folder cannot be read. */
  look(): Promise<readonly string[]>;
  /** A last look, right before it is taken: still the same, regular and readable. */
  isStillWhole(name: string): Promise<boolean>;
  /** Payout files in the folder at the last look, those set aside included. */
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

export function createArrivals(options: ArrivalsOptions): Arrivals {
  const { dir, setAside } = options;
  let looks = new Map<string, SteadyLook>();
  let waiting = 0;
  return {
    async look() {
      const first = createFirstNames(maxRemembered);
      let count = 0;
      setAside.beginLook();
      for await (const entry of await opendir(dir, { bufferSize: 256 })) {
        if (!isPayoutName(entry.name)) continue;
        count += 1;
        if (mayBeTaken(setAside, entry)) first.add(entry.name);
      }
      setAside.endLook();
      waiting = count;
      const { seen, whole } = await lookAtAll(options, first.names(), looks);
      looks = seen;
      return whole;
    },
    async isStillWhole(name) {
      const look = looks.get(name);
      return look !== undefined && (await isUnchanged(options, name, look));
    },
    waiting: () => waiting,
  };
}

function mayBeTaken(setAside: Quarantine, entry: Dirent): boolean {
  const fault = isOtherThanFile(entry) ? 'is not a regular file' : faultOfName(entry.name);
  if (fault !== undefined) setAside.put(entry.name, `${entry.name} in the drop folder ${fault}. It is left in place.`);
  return fault === undefined && !setAside.has(entry.name);
}

/** What all of them look like now, and which are whole. */
async function lookAtAll(options: ArrivalsOptions, names: readonly string[], before: ReadonlyMap<string, SteadyLook>) {
  const seen = new Map<string, SteadyLook>();
  const whole: string[] = [];
  for (let at = 0; at < names.length; at += looksAtOnce) {
    const found = await Promise.all(
      names.slice(at, at + looksAtOnce).map(async (name) => {
        const look = await lookAt(options, name, before.get(name));
        return look === undefined ? undefined : { name, look, isWhole: await isWhole(options, name, look) };
      }),
    );
    for (const one of found) {
      if (one === undefined) continue;
      seen.set(one.name, one.look);
      if (one.isWhole) whole.push(one.name);
    }
  }
  return { seen, whole };
}

/** Undefined when it is gone, or not a file. */
async function lookAt(
  { dir, clock, setAside }: ArrivalsOptions,
  name: string,
  before: SteadyLook | undefined,
): Promise<SteadyLook | undefined> {
  const found = await lstat(join(dir, name)).catch((cause: unknown) => {
    if (!isCode(cause, 'ENOENT')) setAside.put(name, `${name} in the drop folder cannot be inspected (${(cause as Error).message}).`);
    return undefined;
  });
  if (found === undefined) return undefined;
  if (!found.isFile()) {
    setAside.put(name, `${name} in the drop folder is not a regular file. It is left in place.`);
    return undefined;
  }
  return steadyLook(before, found, clock.now());
}

async function isWhole({ dir, clock, restMs }: ArrivalsOptions, name: string, look: SteadyLook): Promise<boolean> {
  if (hasRested(look, clock.now(), restMs)) return true;
  const marker = await lstat(join(dir, readyMarker(name))).catch(() => undefined);
  return marker?.isFile() === true;
}

async function isUnchanged({ dir, setAside }: ArrivalsOptions, name: string, look: SteadyLook): Promise<boolean> {
  try {
    // Opening makes a network file system ask its server; neither a link is followed nor a pipe waited for.
    const file = await open(join(dir, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      return found.isFile() && isSameLook(look, found);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (!isCode(cause, 'ENOENT', 'ELOOP'))
      setAside.put(name, `${name} in the drop folder cannot be read (${(cause as Error).message}). Give disburse the right to read it.`);
    return false;
  }
}

/** Some file systems do not say in the listing what an entry is. */
const isOtherThanFile = (entry: Dirent): boolean =>
  entry.isDirectory() || entry.isSymbolicLink() || entry.isFIFO() || entry.isSocket() || entry.isCharacterDevice() || entry.isBlockDevice();
