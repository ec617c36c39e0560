/** The life cycle of everything that repeats: started once, woken early when something is due, stopped once. */
import type { Clock } from '../ports/clock.ts';

export interface Worker {
  /** For people: logs and failures. */
  readonly name: string;
  /** Does what is due now. Returns the milliseconds until the next tick; `Infinity` waits for a wake-up. */
  tick(): Promise<number>;
  /** Receives, once and before the first tick, a function that ends the present pause or skips the next one. */
  started?(wake: () => void): void;
  /** Resolves when everything that its ticks started has ended. Called once, after the last tick. Rejects with its failure. */
  drain?(): Promise<void>;
}

export interface WorkerOptions {
  readonly clock: Pick<Clock, 'sleep'>;
  /** Once it is aborted no tick starts. */
  readonly signal: AbortSignal;
  /** Called at once, and once a worker, when it fails; it ticks no more, the others go on. */
  readonly onFailure: (cause: unknown, worker: Worker) => void;
}

export interface RunningWorkers {
  /** Ends all pauses, waits for what is under way, and rejects with the first failure. Every call returns the same promise. */
  stop(): Promise<void>;
}

export function startWorkers(workers: readonly Worker[], options: WorkerOptions): RunningWorkers {
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const failures = new Map<Worker, unknown>();
  const guarded = async (worker: Worker, step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (cause) {
      if (failures.has(worker)) return;
      failures.set(worker, cause);
      options.onFailure(cause, worker);
    }
  };
  const running = workers.map((worker) => guarded(worker, () => repeat(worker, options.clock, signal)));
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    ended.abort();
    await Promise.all(running);
    await Promise.all(workers.map((worker) => guarded(worker, async () => worker.drain?.())));
    for (const cause of failures.values()) throw cause;
  };
  return { stop: () => (stopped ??= stop()) };
}

/** A reason of its own: an abort without one makes an error with a stack each time. */
const woken = new Error('woken');

async function repeat(worker: Worker, clock: Pick<Clock, 'sleep'>, signal: AbortSignal): Promise<void> {
  let isAwake = false;
  let pause: AbortController | undefined;
  const wake = (): void => {
    isAwake = true;
    pause?.abort(woken);
  };
  worker.started?.(wake);
  signal.addEventListener('abort', wake, { once: true });
  while (!signal.aborted) {
    isAwake = false;
    const delayMs = await worker.tick();
    if (isAwake || signal.aborted) continue;
    pause = new AbortController();
    await sleepUntilWoken(clock, delayMs, pause.signal);
    pause = undefined;
  }
}

/** An endless pause has no timer: it would keep the process alive and end too early. */
async function sleepUntilWoken(clock: Pick<Clock, 'sleep'>, delayMs: number, signal: AbortSignal): Promise<void> {
  if (delayMs === Number.POSITIVE_INFINITY)
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  try {
    await clock.sleep(delayMs, signal);
  } catch (cause) {
    if (!signal.aborted) throw cause;
  }
}
