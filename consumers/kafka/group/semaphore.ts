/** Bounds how many records are worked on at once, over all partitions and all generations of the group. */

export interface Semaphore {
  /** Waits for a place, first come first served; false when the signal ended the wait. */
  acquire(signal: AbortSignal): Promise<boolean>;
  release(): void;
}

export function createSemaphore(size: number): Semaphore {
  let free = size;
  const waiting: (() => void)[] = [];

  return {
    async acquire(signal) {
      if (signal.aborted) return false;
      if (free > 0) {
        free -= 1;
        return true;
      }
      return new Promise((resolve) => {
        const give = (): void => {
          signal.removeEventListener('abort', end);
          resolve(true);
        };
        const end = (): void => {
          waiting.splice(waiting.indexOf(give), 1);
          resolve(false);
        };
        waiting.push(give);
        signal.addEventListener('abort', end, { once: true });
      });
    },
    release() {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    },
  };
}
