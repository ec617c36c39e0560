/** Handles one file of `processing/` while its lease is kept. */
import type { Clock } from '../../batches/ports/clock.ts';
import { openWorkDir, type WorkDir } from './folders.ts';
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
    workDir = await openWorkDir({ dir, name, token: lease.token, heirOf: lease.previousTokens });
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
  const { signal, handle, onWarning } = watch.options;
  const { path, pathOf, write } = workDir;
  const verdict = await handle({ name, path, pathOf, write, signal: AbortSignal.any([signal, lost]) });
  if (!(await lease.isOurs())) {
    onWarning(`${name} was taken over by another instance while this one processed it; the other instance completes it.`);
  } else if (verdict === 'left') {
    tryLater(watch, name);
  } else {
    await workDir.moveTo(verdict);
    watch.ended[verdict] += 1;
    watch.retries.delete(name);
  }
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
