/** Callers that wait for a permit, in the order of arrival, each under a signal that may remove it from the line. */
import type { Clock } from '../../batches/ports/clock.ts';

interface Waiter {
  readonly signal: AbortSignal;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export interface Waiters {
  readonly size: () => number;
  /** Joins the end of the line; rejects with the signal's reason when it is aborted first, and when `withinMs` are over. */
  join(signal: AbortSignal, withinMs?: number): Promise<void>;
  /** Lets the first one pass. False when none waits. */
  letPass(): boolean;
}

export const noPermitWithin = (ms: number): Error => new Error(`no permit within ${ms} ms`);

/** Why a sleep is ended early; made once, as errors are dear. */
const passed = new Error('passed');

/** @param left called when some of them have gone out of the line without a permit */
export function createWaiters(clock: Pick<Clock, 'sleep'>, left: () => void): Waiters {
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

  const giveUpAfter = (ms: number, waiter: Waiter): (() => void) => {
    const ended = new AbortController();
    clock.sleep(Math.max(ms, 0), ended.signal).then(
      () => {
        if (!line.delete(waiter)) return;
        waiter.reject(noPermitWithin(ms));
        left();
      },
      () => undefined,
    );
    return () => ended.abort(passed);
  };

  return {
    size: () => line.size,
    async join(signal, withinMs) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiter = { signal, resolve, reject };
      watch(signal);
      line.add(waiter);
      if (withinMs === undefined) return promise;
      const stay = giveUpAfter(withinMs, waiter);
      return promise.finally(stay);
    },
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
