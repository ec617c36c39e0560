/** What was started and has not ended: how much it is, and when little of it is left. */
export interface InFlight {
  /** @param work never rejects */
  add(work: Promise<unknown>): void;
  readonly size: number;
  /** Resolves when no more than `count` are in flight, or when the signal is aborted. */
  atMost(count: number, signal: AbortSignal): Promise<void>;
}

export function createInFlight(): InFlight {
  let size = 0;
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const look of waiting) look();
  };
  return {
    get size() {
      return size;
    },
    add(work) {
      size += 1;
      void work.then(() => {
        size -= 1;
        changed();
      });
    },
    atMost: (count, signal) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (size > count && !signal.aborted) return;
          waiting.delete(look);
          signal.removeEventListener('abort', look);
          resolve();
        };
        waiting.add(look);
        signal.addEventListener('abort', look, { once: true });
        look();
      }),
  };
}
