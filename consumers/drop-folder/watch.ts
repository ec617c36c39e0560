/**
 * The drop folder of `serve`. A file that is whole moves to `processing/`, is handled by exactly one instance, and
 * moves on to `done/` or `refused/` with all that belongs to it. The folder is polled, for notices of changes do not
 * come from network folders.
 *
 * Any number of instances may share the folder: `claims.ts` says who handles what. One that dies is inherited from
 * after `takeOverMs`. Should two ever handle the same file, it is the same batch by the hash of its bytes, so nothing
 * is paid twice; it is only work done twice.
 */
import { lstat, opendir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Random } from '../../batches/ports/random.ts';
import { createArrivals } from './arrivals.ts';
import { createLeases, isCode, readClaimName, unlinkIfThere, type Lease } from './leases.ts';
import { deleteMarker, openWorkDir, prepareDropFolder, processingIn, type WorkDir, type Destination } from './folders.ts';
import { createFirstNames, isPayoutName, readyMarker, type Sibling } from './names.ts';
import { createQuarantine } from './quarantine.ts';

/** A file that is ours to handle. */
export interface DroppedFile {
  readonly name: string;
  /** In `processing/`, under its own name. */
  readonly path: string;
  /** Where something that belongs to it is to be written; it moves with the file. Of no use after `handle` has ended. */
  pathOf(sibling: Sibling): string;
  /** Writes a short text there: whole or not at all, mode 0600. */
  write(sibling: Sibling, content: string): Promise<void>;
  /** Aborted when we stop, and when the file became another instance's because we gave no sign of life for long. */
  readonly signal: AbortSignal;
}

/** `left`: not at its end. It stays in `processing/` and is taken up again, by this instance or another. */
export type Verdict = Destination | 'left';

/**
 * @property dir the drop folder; it must exist, what is in it is made
 * @property owner id of this instance
 * @property clock must not be set back or forward: rests and pauses are measured by it
 * @property restMs how long size and time of a file must stay the same
 * @property takeOverMs without a sign of life for this long, a file passes to another instance
 * @property refreshMs between two signs of life
 * @property concurrency files at once
 * @property signal stops it: no file is taken any more, and what is handled is waited for
 * @property handle a rejection leaves the file in `processing/`; it is tried again after a growing pause
 */
export interface DropFolderOptions {
  readonly dir: string;
  readonly owner: string;
  readonly host: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
  readonly handle: (file: DroppedFile) => Promise<Verdict>;
  readonly restMs?: number;
  readonly pollMs?: number;
  readonly takeOverMs?: number;
  readonly refreshMs?: number;
  readonly concurrency?: number;
}

/**
 * @property waiting payout files in the drop folder at the last look, those set aside included
 * @property processing handled by this instance now
 * @property setAside cannot be taken: no regular file, not readable, …
 * @property done @property refused ended by this instance since it started
 * @property problem why the folder cannot be worked in; null while it can
 */
export interface DropFolderState {
  readonly waiting: number;
  readonly processing: number;
  readonly setAside: number;
  readonly done: number;
  readonly refused: number;
  readonly problem: string | null;
}

export interface DropFolder {
  /** Resolves when it has stopped; rejects when the folder cannot be used at the start, with words for people. */
  readonly running: Promise<void>;
  state(): DropFolderState;
}

const setAsideMs = 60_000;
const maxRetryMs = 5 * 60_000;
/** Files in `processing/` that are looked at in one go; there are seldom more than instances. */
const maxLeftBehind = 1_000;
/** Looking costs at most this part of the time, also in a folder of a hundred thousand files. */
const lookShare = 10;

export function watchDropFolder(options: DropFolderOptions): DropFolder {
  const { dir, owner, host, clock, random, signal, onWarning, handle } = options;
  const { restMs = 2_000, pollMs = 1_000, takeOverMs = 30_000, refreshMs = 5_000, concurrency = 1 } = options;
  const processing = processingIn(dir);
  const claims = createLeases({ folder: processing, owner, host, clock, random, takeOverMs });
  const setAside = createQuarantine({ clock, pauseMs: setAsideMs, onWarning });
  const stuck = createQuarantine({ clock, pauseMs: setAsideMs, onWarning });
  const arrivals = createArrivals({ dir, clock, restMs, setAside });

  const active = new Map<string, Promise<void>>();
  /** Files in `processing/` that could not be brought to their end, and when they are tried again. */
  const retries = new Map<string, { readonly tries: number; readonly at: number }>();
  const ended = { done: 0, refused: 0 };
  let problem: string | null = null;
  let queue: string[] = [];
  let lookAgainAt = -Infinity;
  let pause = new AbortController();
  const wake = (): void => pause.abort();

  const hasRoom = (): boolean => active.size < concurrency && !signal.aborted;
  const mustWait = (name: string): boolean => active.has(name) || (retries.get(name)?.at ?? -Infinity) > clock.now();

  const tryLater = (name: string): void => {
    const tries = (retries.get(name)?.tries ?? 0) + 1;
    const ms = Math.min(pollMs * 2 ** Math.min(tries, 20), maxRetryMs) * (0.75 + random() / 2);
    retries.set(name, { tries, at: clock.now() + ms });
  };

  /** Gives signs of life until it is stopped; tells when the claim was lost. */
  const keepAlive = (name: string, claim: Lease, lost: AbortController): (() => Promise<void>) => {
    const stopped = new AbortController();
    let told = false;
    const keeping = (async () => {
      while (await slept(clock, refreshMs, stopped.signal)) {
        try {
          if (await claim.keep()) continue;
          lost.abort(new Error(`${name} was taken over by another instance`));
          return;
        } catch (cause) {
          if (!told) onWarning(`The claim of ${name} in ${processing} could not be renewed (${text(cause)}). It is tried again.`);
          told = true;
        }
      }
    })();
    return () => {
      stopped.abort();
      return keeping;
    };
  };

  /** A file in `processing/` whose claim we hold, to its end or as far as it goes. */
  const attend = async (name: string, claim: Lease): Promise<void> => {
    const lost = new AbortController();
    const stopKeeping = keepAlive(name, claim, lost);
    let desk: WorkDir | undefined;
    try {
      desk = await openWorkDir({ dir, name, token: claim.token, heirOf: claim.previousTokens });
      if (await desk.finishMove()) {
        retries.delete(name);
        return;
      }
      const { path, pathOf, write } = desk;
      const verdict = await handle({ name, path, pathOf, write, signal: AbortSignal.any([signal, lost.signal]) });
      if (!(await claim.isOurs())) {
        onWarning(`${name} was taken over by another instance while this one handled it; the other brings it to its end.`);
      } else if (verdict === 'left') {
        tryLater(name);
      } else {
        await desk.moveTo(verdict);
        ended[verdict] += 1;
        retries.delete(name);
      }
    } catch (cause) {
      tryLater(name);
      onWarning(`${name} stays in ${processing} and is tried again: ${text(cause)}`);
    } finally {
      await stopKeeping();
      await (async () => {
        await desk?.clear();
        await claim.release();
      })().catch((cause: unknown) => onWarning(`What was noted about ${name} in ${processing} could not be removed: ${text(cause)}`));
    }
  };

  const startAttending = (name: string, claim: Lease): void => {
    const attending = attend(name, claim).finally(() => {
      active.delete(name);
      wake();
    });
    active.set(name, attending);
  };

  /** Answers whether the file is in `processing/` and in our hands now. */
  const claimAndAttend = async (name: string, bringIn: () => Promise<boolean>): Promise<boolean> => {
    const claim = await claims.acquire(name);
    if (claim === undefined) return false;
    try {
      if (await bringIn()) {
        if (claim.previousTokens.length > 0)
          onWarning(`${name} was left in ${processing} by an instance that ended suddenly; it is taken over.`);
        startAttending(name, claim);
        return true;
      }
    } catch (cause) {
      await claim.release();
      throw cause;
    }
    await claim.release();
    return false;
  };

  /** What lies in `processing/` and nobody handles: left by a stop, by a crash, or brought back by an operator. */
  const takeLeftBehind = async (): Promise<void> => {
    const files = createFirstNames(maxLeftBehind);
    const claimed = createFirstNames(maxLeftBehind);
    const heirs = createFirstNames(maxLeftBehind);
    const there = new Set<string>();
    stuck.beginLook();
    for await (const { name } of await opendir(processing, { bufferSize: 256 })) {
      const claim = readClaimName(name);
      if (claim?.isTakeover === true) heirs.add(name);
      else if (claim !== undefined) claimed.add(claim.name);
      else if (isPayoutName(name) && !stuck.has(name)) files.add(name);
    }
    stuck.endLook();
    const look = async (name: string): Promise<void> => {
      try {
        await claimAndAttend(name, () => isFileIn(processing, name));
      } catch (cause) {
        stuck.put(name, `${name} in ${processing} cannot be taken up: ${text(cause)}`);
      }
    };
    for (const name of files.names()) {
      there.add(name);
      if (hasRoom() && !mustWait(name)) await look(name);
    }
    for (const name of retries.keys()) if (!there.has(name) && !active.has(name)) retries.delete(name);
    // Claims whose file is gone: whoever held them died in the last moment. Taking one and giving it back removes it.
    for (const name of claimed.names()) if (hasRoom() && !there.has(name) && !mustWait(name)) await look(name);
    for (const name of heirs.names()) await claims.removeOrphan(name);
  };

  const bringIn = async (name: string): Promise<boolean> => {
    // One of this name is there already, without a claim: that one first, and this one waits.
    if (await isFileIn(processing, name)) return true;
    if (!(await arrivals.isStillWhole(name))) return false;
    await deleteMarker(dir, name);
    try {
      await rename(join(dir, name), join(processing, name));
    } catch (cause) {
      if (isCode(cause, 'ENOENT')) return false;
      throw cause;
    }
    await unlinkIfThere(join(dir, readyMarker(name))).catch((cause: unknown) =>
      onWarning(`${readyMarker(name)} in the drop folder could not be removed: ${text(cause)}`),
    );
    return true;
  };

  const takeArrivals = async (): Promise<void> => {
    const before = clock.now();
    if (before >= lookAgainAt || queue.length === 0) {
      queue = [...(await arrivals.look())];
      const after = clock.now();
      lookAgainAt = after + Math.max(pollMs, lookShare * (after - before));
    }
    while (hasRoom()) {
      const name = queue.shift();
      if (name === undefined) return;
      if (mustWait(name)) continue;
      try {
        await claimAndAttend(name, () => bringIn(name));
      } catch (cause) {
        setAside.put(name, `${name} in the drop folder cannot be taken: ${text(cause)}`);
      }
    }
  };

  const round = async (): Promise<void> => {
    if (problem !== null) await prepareDropFolder(dir);
    if (hasRoom()) await takeLeftBehind();
    if (hasRoom()) await takeArrivals();
    if (problem !== null) onWarning(`The drop folder ${dir} can be used again.`);
    problem = null;
  };

  const run = async (): Promise<void> => {
    await prepareDropFolder(dir);
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        pause = new AbortController();
        await round().catch(async (cause: unknown) => {
          // What is wrong with the folders says more than what failed in them.
          const told = await prepareDropFolder(dir).then(
            () => text(cause),
            (fault: unknown) => text(fault),
          );
          if (told !== problem) onWarning(`The drop folder cannot be used now, and is tried again. ${told}`);
          problem = told;
        });
        if (!signal.aborted) await slept(clock, pollMs, pause.signal);
      }
      await Promise.all(active.values());
    } finally {
      signal.removeEventListener('abort', wake);
    }
  };

  return {
    running: run(),
    state: () => ({
      waiting: arrivals.waiting(),
      processing: active.size,
      setAside: setAside.count() + stuck.count(),
      ...ended,
      problem,
    }),
  };
}

/** False when it was cut short. */
async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (cause) {
    if (signal.aborted) return false;
    throw cause;
  }
}

/** @throws Error when there is something else of that name */
async function isFileIn(folder: string, name: string): Promise<boolean> {
  const found = await lstat(join(folder, name)).catch((cause: unknown) => {
    if (!isCode(cause, 'ENOENT')) throw cause;
    return undefined;
  });
  if (found !== undefined && !found.isFile()) throw new Error(`it is no regular file`);
  return found !== undefined;
}

const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
