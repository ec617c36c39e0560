/** Who waits for a permit, in the order of arrival, each under a signal that may take him out of the line. */

interface Waiter {
  readonly signal: AbortSignal;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export interface Waiters {
  readonly size: () => number;
  /** Joins the end of the line; rejects with the signal's reason when it is aborted first. */
  join(signal: AbortSignal): Promise<void>;
  /** Lets the first one pass. False when nobody waits. */
  letPass(): boolean;
}

/** @param left called when an abort has taken some of them out of the line */
export function createWaiters(left: () => void): Waiters {
  // A Set keeps the order of arrival and forgets an aborted one in constant time.
  const line = new Set<Waiter>();
  const watched = new WeakSet<AbortSignal>();

  /** One listener a signal rather than one a waiter: thousands may wait under the signal of a run. */
  const watch = (signal: AbortSignal): void => {
    if (watched.has(signal)) return;
    watched.add(signal);
    signal.addEventListener(
      'abort',
      () => {
        for (const waiter of line) {
          if (waiter.signal !== signal) continue;
          line.delete(waiter);
          waiter.reject(signal.reason);
        }
        left();
      },
      { once: true },
    );
  };

  return {
    size: () => line.size,
    join: (signal) =>
      new Promise<void>((resolve, reject) => {
        watch(signal);
        line.add({ signal, resolve, reject });
      }),
    letPass() {
      for (const waiter of line) {
        line.delete(waiter);
        waiter.resolve();
        return true;
      }
      return false;
    },
  };
}
