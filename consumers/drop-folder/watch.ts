/**
 * The drop folder of `serve`. A file that is whole moves to `processing/`, is handled by exactly one instance, and
 * moves on to `done/` or `refused/` with all that belongs to it. The folder is polled, because notices of changes do
 * not come from network folders.
 *
 * Any number of instances may share the folder: `leases.ts` says which handles what. Files of a dead one are taken over
 * after `takeOverMs`. Should two ever handle the same file, it is the same batch by the hash of its bytes, so nothing
 * is paid twice; it is only work done twice.
 */
import { lstat, opendir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { startWorkers, type Worker } from '../../batches/pipeline/worker.ts';
import { createArrivals } from './arrivals.ts';
import { attend } from './attend.ts';
import type { DropFolder, DropFolderOptions } from './drop-folder.ts';
import { prepareDropFolder, processingIn } from './folders.ts';
import { bringManifest } from './manifests.ts';
import { createLeases, isCode, readClaimName } from './leases.ts';
import { writeAnswer } from './moves.ts';
import { answerTo, createFirstNames, isPayoutName, payoutEndings, readyMarker } from './names.ts';
import { createQuarantine, type Quarantine } from './quarantine.ts';
import { createRecentlyEnded } from './recently-ended.ts';
import { hasRoom, mustWait, text, type Watch } from './watch-state.ts';
import { deleteMarker } from './work-dir.ts';

const setAsideMs = 60_000;
/** Files in `processing/` that are looked at in one go; there are seldom more than instances. */
const maxLeftBehind = 1_000;
/** Looking costs at most this part of the time, also in a folder of a hundred thousand files. */
const lookShare = 10;
const defaults = {
  restMs: 10_000,
  sign: 'rest',
  access: { mode: 0o640, gid: null },
  answerOther: (name: string): string => `${name} is not taken: the name of a payout file ends in ${payoutEndings}.\n`,
  onReturned: async (): Promise<void> => undefined,
  pollMs: 1_000,
  takeOverMs: 30_000,
  refreshMs: 5_000,
  concurrency: 1,
} as const;

export function watchDropFolder(given: DropFolderOptions): DropFolder {
  const watch = openWatch({ ...defaults, ...given });
  const { arrivals, active, setAside, stuck, ended } = watch;
  return {
    running: run(watch),
    state: () => ({
      waiting: arrivals.waiting(),
      processing: active.size,
      setAside: setAside.count() + stuck.count(),
      others: arrivals.others(),
      ...ended,
      problem: watch.problem,
    }),
  };
}

function openWatch(options: Required<DropFolderOptions>): Watch {
  const { dir, clock, onWarning, access, answerOther } = options;
  const onOther = async (name: string): Promise<void> => {
    onWarning(`${name} in the drop folder is not taken: the name of a payout file ends in ${payoutEndings}. See ${answerTo(name)}.`);
    await writeAnswer(join(dir, answerTo(name)), answerOther(name), access).catch((cause: unknown) =>
      onWarning(`${answerTo(name)} in the drop folder could not be written: ${text(cause)}`),
    );
  };
  const setAside = createQuarantine({ clock, pauseMs: setAsideMs, onWarning });
  return {
    options,
    processing: processingIn(dir),
    leases: createLeases({ ...options, folder: processingIn(dir) }),
    setAside,
    stuck: createQuarantine({ clock, pauseMs: setAsideMs, onWarning }),
    arrivals: createArrivals({ ...options, setAside, onOther }),
    active: new Map(),
    retries: new Map(),
    ended: { done: 0, refused: 0, returned: 0 },
    recent: createRecentlyEnded({ dir, clock }),
    problem: null,
    queue: [],
    lookAgainAt: -Infinity,
    wake: () => undefined,
  };
}

/** One worker that looks each `pollMs`, and at once when a file has ended. */
async function run(watch: Watch): Promise<void> {
  const { dir, clock, signal, pollMs, access } = watch.options;
  await prepareDropFolder(dir, access);
  const worker: Worker = {
    name: 'drop folder',
    started: (wake) => void (watch.wake = wake),
    async tick() {
      await round(watch).catch((cause: unknown) => reportProblem(watch, cause));
      return pollMs;
    },
    drain: async () => void (await Promise.all(watch.active.values())),
  };
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const running = startWorkers([worker], { clock, signal, onFailure: failed.reject });
  await Promise.race([untilAborted(signal), failed.promise]).catch(() => undefined);
  await running.stop();
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

async function round(watch: Watch): Promise<void> {
  const { dir, onWarning, access, onReturned } = watch.options;
  if (watch.problem !== null) await prepareDropFolder(dir, access);
  await watch.recent.check(async ({ path, name }) => {
    watch.ended.returned += 1;
    await onReturned({ path, name });
    onWarning(
      `${path} changed after it was processed: it was not complete. It is back in ${dir} as ${name} and will be read again as a whole; rows that were paid are duplicates then.`,
    );
  });
  if (hasRoom(watch)) await takeLeftBehind(watch);
  if (hasRoom(watch)) await takeArrivals(watch);
  if (watch.problem !== null) onWarning(`The drop folder ${dir} is usable again.`);
  watch.problem = null;
}

/** What is wrong with the folders says more than what failed in them. */
async function reportProblem(watch: Watch, cause: unknown): Promise<void> {
  const { dir, onWarning, access } = watch.options;
  const problem = await prepareDropFolder(dir, access).then(
    () => text(cause),
    (fault: unknown) => text(fault),
  );
  if (problem !== watch.problem) onWarning(`The drop folder cannot be used; retrying. ${problem}`);
  watch.problem = problem;
}

/** Returns whether the file is in `processing/` and handled by us now. */
async function leaseAndAttend(watch: Watch, name: string, bringIn: () => Promise<boolean>): Promise<boolean> {
  const { processing, active, options } = watch;
  const lease = await watch.leases.acquire(name);
  if (lease === undefined) return false;
  try {
    if (await bringIn()) {
      if (lease.previousTokens.length > 0)
        options.onWarning(`${name} was left in ${processing} by an instance that ended unexpectedly; this instance takes it over.`);
      const attending = attend(watch, name, lease).finally(() => {
        active.delete(name);
        watch.wake();
      });
      active.set(name, attending);
      return true;
    }
  } catch (cause) {
    await lease.release();
    throw cause;
  }
  await lease.release();
  return false;
}

/** What is in `processing/` without a holder: left by a stop, by a crash, or brought back by an operator. */
async function takeLeftBehind(watch: Watch): Promise<void> {
  const { processing, stuck, retries, active, leases } = watch;
  const { files, claimed, takenOver } = await listProcessing(processing, stuck);
  const look = async (name: string): Promise<void> => {
    try {
      await leaseAndAttend(watch, name, () => isFileIn(processing, name));
    } catch (cause) {
      stuck.put(name, `${name} in ${processing} cannot be processed: ${text(cause)}`);
    }
  };
  const there = new Set(files);
  for (const name of files) if (hasRoom(watch) && !mustWait(watch, name)) await look(name);
  for (const name of retries.keys()) if (!there.has(name) && !active.has(name)) retries.delete(name);
  // Claims whose file is gone: their holder died in the last moment. Taking one and releasing it removes it.
  for (const name of claimed) if (hasRoom(watch) && !there.has(name) && !mustWait(watch, name)) await look(name);
  for (const entry of takenOver) await leases.removeOrphan(entry);
}

async function listProcessing(processing: string, stuck: Quarantine) {
  const files = createFirstNames(maxLeftBehind);
  const claimed = createFirstNames(maxLeftBehind);
  const takenOver = createFirstNames(maxLeftBehind);
  stuck.beginLook();
  for await (const { name } of await opendir(processing, { bufferSize: 256 })) {
    const claim = readClaimName(name);
    if (claim?.isTakeover === true) takenOver.add(name);
    else if (claim !== undefined) claimed.add(claim.name);
    else if (isPayoutName(name) && !stuck.has(name)) files.add(name);
  }
  stuck.endLook();
  return { files: files.names(), claimed: claimed.names(), takenOver: takenOver.names() };
}

async function bringIn({ processing, arrivals, options: { dir, onWarning } }: Watch, name: string): Promise<boolean> {
  // One of this name is there already, without a lease: that one first, and this one waits.
  if (await isFileIn(processing, name)) return true;
  if (!(await arrivals.isStillWhole(name))) return false;
  await deleteMarker(dir, name);
  await bringManifest(dir, name);
  try {
    await rename(join(dir, name), join(processing, name));
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return false;
    throw cause;
  }
  await rename(join(dir, readyMarker(name)), join(processing, readyMarker(name))).catch((cause: unknown) => {
    if (!isCode(cause, 'ENOENT')) onWarning(`${readyMarker(name)} in the drop folder could not be moved: ${text(cause)}`);
  });
  return true;
}

async function takeArrivals(watch: Watch): Promise<void> {
  const { arrivals, setAside, options } = watch;
  const { clock, pollMs } = options;
  const before = clock.now();
  if (before >= watch.lookAgainAt || watch.queue.length === 0) {
    watch.queue = [...(await arrivals.look())];
    const after = clock.now();
    watch.lookAgainAt = after + Math.max(pollMs, lookShare * (after - before));
  }
  while (hasRoom(watch)) {
    const name = watch.queue.shift();
    if (name === undefined) return;
    if (mustWait(watch, name)) continue;
    try {
      await leaseAndAttend(watch, name, () => bringIn(watch, name));
    } catch (cause) {
      setAside.put(name, `${name} in the drop folder cannot be claimed: ${text(cause)}`);
    }
  }
}

/** @throws Error when there is something else of that name */
async function isFileIn(folder: string, name: string): Promise<boolean> {
  const found = await lstat(join(folder, name)).catch((cause: unknown) => {
    if (!isCode(cause, 'ENOENT')) throw cause;
    return undefined;
  });
  if (found !== undefined && !found.isFile()) throw new Error(`it is not a regular file`);
  return found !== undefined;
}
