/** Handles one file of `processing/` while its lease is kept. */
import type { Clock } from '../../batches/ports/clock.ts';
import { lstat } from 'node:fs/promises';
import { isSameLook, type Look } from '../../batches/pipeline/drop-folder/arrival-rules.ts';
import { readManifest } from './manifests.ts';
import { manifestOf } from './names.ts';
import { openWorkDir, type WorkDir } from './work-dir.ts';
import type { Lease } from './leases.ts';
import { text, tryLater, type Watch } from './watch-state.ts';

/** Sends heartbeats until it is stopped; `lost` is aborted when another instance took the file over. */
function keepAlive(
  { processing, options: { clock, refreshMs, onWarning } }: Watch,
  name: string,
  lease: Lease,
  lost: AbortController,
): () => Promise<void> {
  const stopped = new AbortController();
  let isReported = false;
  const keep = async (): Promise<void> => {
    while (await slept(clock, refreshMs, stopped.signal)) {
      try {
        if (await lease.keep()) continue;
        lost.abort(new Error(`${name} was taken over by another instance`));
        return;
      } catch (cause) {
        if (!isReported) onWarning(`The claim of ${name} in ${processing} could not be renewed (${text(cause)}). Retrying.`);
        isReported = true;
      }
    }
  };
  const keeping = keep();
  return () => {
    stopped.abort();
    return keeping;
  };
}

/** A file in `processing/` whose lease we hold, to its end or as far as it goes. */
export async function attend(watch: Watch, name: string, lease: Lease): Promise<void> {
  const { processing, options } = watch;
  const { dir, onWarning } = options;
  const lost = new AbortController();
  const stopKeeping = keepAlive(watch, name, lease, lost);
  let workDir: WorkDir | undefined;
  try {
    workDir = await openWorkDir({ dir, name, token: lease.token, heirOf: lease.previousTokens, access: options.access });
    if (await workDir.finishMove()) watch.retries.delete(name);
    else await handleFile(watch, { name, lease, workDir, lost: lost.signal });
  } catch (cause) {
    tryLater(watch, name);
    onWarning(`${name} stays in ${processing} and will be retried: ${text(cause)}`);
  } finally {
    await stopKeeping();
    await releaseAll(workDir, lease).catch((cause: unknown) =>
      onWarning(`The notes about ${name} in ${processing} could not be removed: ${text(cause)}`),
    );
  }
}

async function releaseAll(workDir: WorkDir | undefined, lease: Lease): Promise<void> {
  await workDir?.clear();
  await lease.release();
}

interface Attended {
  readonly name: string;
  readonly lease: Lease;
  readonly workDir: WorkDir;
  readonly lost: AbortSignal;
}

async function handleFile(watch: Watch, { name, lease, workDir, lost }: Attended): Promise<void> {
  const { dir, signal, handle, onWarning } = watch.options;
  const { path, pathOf, write } = workDir;
  const growth = await watchGrowth(watch, path);
  const anyEnd = AbortSignal.any([signal, lost, growth.signal]);
  const hasNamesake = (): Promise<boolean> => watch.recent.has(name);
  const manifest = (): Promise<string | null> => readManifest(manifestOf(path));
  const file = { name, path, pathOf, write, signal: anyEnd, hasChanged: growth.hasChanged, hasNamesake, manifest };
  const verdict = await handle(file)
    .catch(async (cause: unknown) => {
      if (await growth.hasChanged()) return 'left' as const;
      throw cause;
    })
    .finally(growth.stop);
  if (!(await lease.isOurs())) {
    onWarning(`${name} was taken over by another instance while this one processed it; the other instance completes it.`);
  } else if (await growth.hasChanged()) {
    const back = await workDir.returnToInbox();
    watch.ended.returned += 1;
    watch.retries.delete(name);
    onWarning(
      `${name} changed after it was taken: it was not complete. It is back in ${dir} as ${back.name} and will be read again as a whole; rows that were paid are duplicates then. Write files as ${name}.part and rename them when they are complete, or set INBOX_REST or INBOX_REQUIRE.`,
    );
  } else if (verdict === 'left') {
    tryLater(watch, name);
  } else {
    await workDir.moveTo(verdict, growth.taken);
    watch.ended[verdict] += 1;
    watch.retries.delete(name);
  }
}

interface Growth {
  /** What it looked like before it was read. */
  readonly taken: Look;
  /** Aborted when it looks otherwise. */
  readonly signal: AbortSignal;
  /** A last look. */
  hasChanged(): Promise<boolean>;
  readonly stop: () => void;
}

/** Compares the file with what it was when it was taken, while it is read and paid. */
async function watchGrowth({ options: { clock, pollMs } }: Watch, path: string): Promise<Growth> {
  const { size, mtimeMs } = await lstat(path);
  const taken: Look = { size, mtimeMs };
  const changed = new AbortController();
  const stopped = new AbortController();
  const look = async (): Promise<boolean> => {
    if (!changed.signal.aborted && !isSameLook(taken, await lstat(path))) changed.abort(new Error('the file changed after it was taken'));
    return changed.signal.aborted;
  };
  const watching = async (): Promise<void> => {
    while (await slept(clock, pollMs, stopped.signal)) if (await look()) return;
  };
  // What cannot be looked at now is looked at once more at the end.
  void watching().catch(() => undefined);
  return { taken, signal: changed.signal, hasChanged: look, stop: () => stopped.abort(new Error('ended')) };
}

/** False when it ended early. */
async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (cause) {
    if (signal.aborted) return false;
    throw cause;
  }
}
