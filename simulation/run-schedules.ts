/** Runs many schedules on all cores: each seed by itself, so that who runs it changes nothing. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { themeOf, type Theme } from './themes.ts';
import { addSums, noSums, type Chunk, type ChunkResult, type FailedSchedule, type ScheduleSums } from './schedule-sums.ts';

export interface RunParams extends Chunk {
  /** Ends after so many schedules in which something does not hold. */
  readonly mostFailures: number;
  readonly onFailed: (failed: FailedSchedule) => void;
  readonly onProgress?: (sums: ScheduleSums) => void;
  readonly threads?: number;
  /** Of these seeds only those of this theme. */
  readonly theme?: Theme;
}

// Small: what a slow schedule has found is reported when its chunk ends. One by one when the first failure is all that is wanted.
const chunkSizes = { usual: 5, firstFailure: 1 } as const;
/**
 * What a simulated process waits for when it is killed never ends, and Node keeps every signal of `AbortSignal.any` that
 * somebody listens to: half a megabyte a schedule, which only the end of the thread gives back.
 */
const schedulesOfThread = 1000;

/** @throws what a schedule throws: that is a mistake of the simulation, not a finding */
export async function runSchedules(params: RunParams): Promise<{ readonly sums: ScheduleSums; readonly failures: number }> {
  const { first, count, mostFailures, threads = availableParallelism(), theme } = params;
  const chunkSize = mostFailures === 1 || theme !== undefined ? chunkSizes.firstFailure : chunkSizes.usual;
  const sums = noSums();
  let failures = 0;
  let next = first;
  const takeChunk = (): Chunk | undefined => {
    while (theme !== undefined && next < first + count && themeOf(next) !== theme) next += 1;
    if (next >= first + count || failures >= mostFailures) return undefined;
    const chunk = { first: next, count: Math.min(chunkSize, first + count - next) };
    next += chunk.count;
    return chunk;
  };
  const note = ({ sums: more, failed }: ChunkResult): void => {
    addSums(sums, more);
    for (const one of failed) {
      failures += 1;
      params.onFailed(one);
    }
    params.onProgress?.(sums);
  };
  const workers = Math.max(1, Math.min(threads, Math.ceil(count / chunkSize)));
  await Promise.all(Array.from({ length: workers }, () => workThrough(takeChunk, note)));
  return { sums, failures };
}

/** Replaces the thread now and then, until there is nothing more to do. */
async function workThrough(takeChunk: () => Chunk | undefined, note: (result: ChunkResult) => void): Promise<void> {
  for (;;) {
    let left = schedulesOfThread;
    const isDone = await inThread(() => {
      if (left <= 0) return 'replace';
      const chunk = takeChunk();
      left -= chunk?.count ?? 0;
      return chunk;
    }, note);
    if (isDone) return;
  }
}

/** @returns false when the thread is to be replaced */
function inThread(take: () => Chunk | 'replace' | undefined, note: (result: ChunkResult) => void): Promise<boolean> {
  return new Promise((done, failed) => {
    const worker = new Worker(new URL('./schedule-worker.ts', import.meta.url));
    const hand = (): void => {
      const chunk = take();
      if (chunk === undefined || chunk === 'replace') void worker.terminate().then(() => done(chunk === undefined));
      else worker.postMessage(chunk);
    };
    worker.on('message', (result: ChunkResult) => {
      note(result);
      hand();
    });
    worker.on('error', failed);
    hand();
  });
}
