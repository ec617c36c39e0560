/**
 * Looks into the drop folder for files that are whole: size and time have rested, or a marker says so. It remembers
 * no more than the first thousand names, whatever the folder holds; the others have their turn when these are gone.
 */
import { constants, type Dirent } from 'node:fs';
import { lstat, open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  endsWithDirectory,
  endsWithLineEnd,
  isSameLook,
  judgeArrival,
  steadyLook,
  type ArrivalSign,
  type SteadyLook,
} from '../../batches/pipeline/drop-folder/arrival-rules.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import { isCode } from './leases.ts';
import { createManifestSigns, hadManifest, type ManifestSigns } from './manifests.ts';
import { createFirstNames, faultOfName, isPayoutName, isQuietName, manifestOf, readyMarker } from './names.ts';
import type { Quarantine } from './quarantine.ts';

export interface Arrivals {
  /** Names of whole files, in order, at most a thousand. Rejects when the folder cannot be read. */
  look(): Promise<readonly string[]>;
  /** A last look, right before it is taken: still the same, regular and readable. */
  isStillWhole(name: string): Promise<boolean>;
  /** Payout files in the folder at the last look, those set aside included. */
  waiting(): number;
  /** Files at the last look that are no payout files by their name. */
  others(): number;
}

export interface ArrivalsOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly restMs: number;
  readonly sign: ArrivalSign;
  readonly setAside: Quarantine;
  /** Receives each file that has rested and is not taken because of its name, once. */
  readonly onOther: (name: string) => Promise<void>;
}

interface LookOptions extends ArrivalsOptions {
  readonly manifests: ManifestSigns;
}

const maxRemembered = 1_000;
/** Looks at a time; the thread pool also signs payouts. */
const looksAtOnce = 8;

export function createArrivals(options: ArrivalsOptions): Arrivals {
  const { dir, setAside } = options;
  let looks = new Map<string, SteadyLook>();
  let waiting = 0;
  const others = createOthers(options);
  const manifests = createManifestSigns(options);
  return {
    async look() {
      const first = createFirstNames(maxRemembered);
      let count = 0;
      setAside.beginLook();
      for await (const entry of await opendir(dir, { bufferSize: 256 })) {
        if (!isPayoutName(entry.name)) {
          others.see(entry);
          continue;
        }
        count += 1;
        if (mayBeTaken(setAside, entry)) first.add(entry.name);
      }
      setAside.endLook();
      waiting = count;
      await others.report();
      manifests.keep(first.names());
      const { seen, whole } = await lookAtAll({ ...options, manifests }, first.names(), looks);
      looks = seen;
      return whole;
    },
    async isStillWhole(name) {
      const look = looks.get(name);
      return look !== undefined && (await isUnchanged(options, name, look));
    },
    waiting: () => waiting,
    others: others.count,
  };
}

/** Files that are not taken because of their name. They are reported when they have been there for a while. */
function createOthers({ clock, restMs, onOther }: ArrivalsOptions) {
  let known = new Map<string, { readonly since: number; isReported: boolean }>();
  let seen: typeof known = new Map();
  return {
    see(entry: Dirent): void {
      const { name } = entry;
      if (isQuietName(name) || isOtherThanFile(entry) || seen.size >= maxRemembered) return;
      seen.set(name, known.get(name) ?? { since: clock.now(), isReported: false });
    },
    async report(): Promise<void> {
      [known, seen] = [seen, new Map()];
      for (const [name, one] of known) {
        if (one.isReported || clock.now() - one.since < restMs) continue;
        one.isReported = true;
        await onOther(name);
      }
    },
    count: () => known.size,
  };
}

function mayBeTaken(setAside: Quarantine, entry: Dirent): boolean {
  const fault = isOtherThanFile(entry) ? 'is not a regular file' : faultOfName(entry.name);
  if (fault !== undefined) setAside.put(entry.name, `${entry.name} in the drop folder ${fault}. It is left in place.`);
  return fault === undefined && !setAside.has(entry.name);
}

/** What all of them look like now, and which are whole. */
async function lookAtAll(options: LookOptions, names: readonly string[], before: ReadonlyMap<string, SteadyLook>) {
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

async function isWhole(options: LookOptions, name: string, look: SteadyLook): Promise<boolean> {
  const { dir, clock, restMs, manifests, setAside } = options;
  const marker = await lstat(join(dir, readyMarker(name))).catch(() => undefined);
  const readyAt = marker?.isFile() === true ? marker.mtimeMs : null;
  const manifest = await manifests.of(name);
  const sign = (await hadManifest(dir)) ? 'manifest' : options.sign;
  const facts = { look, now: clock.now(), restMs, readyAt, manifest };
  const verdict = judgeArrival({ ...facts, sign });
  if (sign === 'manifest' && manifest === null && judgeArrival({ ...facts, sign: 'rest' }) !== 'wait') {
    setAside.put(
      name,
      `${name} in the drop folder waits for its manifest: files of this folder come with one. Write ${manifestOf(name)} beside it.`,
    );
  }
  return verdict === 'whole' || (verdict === 'whole_with_end' && (await hasEnd(join(dir, name), look.size)));
}

/** Of a compressed file the end of the last line cannot be seen; one that is cut off is refused when it is read. */
async function hasEnd(path: string, size: number): Promise<boolean> {
  if (/\.gz$/i.test(path)) return true;
  const tail = Buffer.alloc(Math.min(size, tailBytes));
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      await file.read(tail, 0, tail.length, size - tail.length);
    } finally {
      await file.close();
    }
  } catch {
    // What cannot be read is reported when it is taken.
    return true;
  }
  return /\.xlsx$/i.test(path) ? endsWithDirectory(tail) : endsWithLineEnd(tail);
}

/** Enough for the end of a zip. */
const tailBytes = 22;

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
