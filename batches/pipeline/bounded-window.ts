/**
 * A bounded window of instructions on their way out. Intents are made in the window, so that many share one
 * durable write; sends take a slot of p-limit inside it.
 */
import pLimit from 'p-limit';

export interface BoundedWindow {
  /** Runs `work` when the window has room; resolves when it was taken in, not when it is done. */
  submit(work: () => Promise<unknown>): Promise<void>;
  /** Resolves when the window is empty. Rejects with the first failure of any work. */
  idle(): Promise<void>;
  readonly inFlight: number;
}

/** Runs at most so many works at once, in the order of their coming. */
export interface Semaphore {
  <T>(work: () => Promise<T>): Promise<T>;
  /** Whether a work would begin at once. */
  isFree(): boolean;
}

/** Bounds the calls in flight; see `createWindow` for the window around it. */
export function createSemaphore(concurrency: number): Semaphore {
  const limit = pLimit(concurrency);
  return Object.assign(<T>(work: () => Promise<T>): Promise<T> => limit(work), {
    isFree: () => limit.activeCount + limit.pendingCount < concurrency,
  });
}

/**
 * @param window how many instructions may be between their admission and their outcome
 */
export function createWindow({ window }: { readonly window: number }): BoundedWindow {
  let inFlight = 0;
  let failure: { readonly cause: unknown } | undefined;
  const waiting: (() => void)[] = [];
  const wakeAll = (): void => {
    for (const wake of waiting.splice(0)) wake();
  };
  const ended = (): void => {
    inFlight -= 1;
    wakeAll();
  };
  const failed = (cause: unknown): void => {
    failure ??= { cause };
    ended();
  };
  const changed = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  const check = (): void => {
    if (failure !== undefined) throw failure.cause;
  };

  return {
    get inFlight() {
      return inFlight;
    },
    async submit(work) {
      while (inFlight >= window) {
        check();
        await changed();
      }
      check();
      inFlight += 1;
      work().then(ended, failed);
    },
    async idle() {
      while (inFlight > 0) await changed();
      check();
    },
  };
}
