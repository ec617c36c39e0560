/** Callers that wait until a permit is reserved. */

export interface Reservations {
  /** Called after permits were reserved. */
  look(): void;
  /** Resolves when a permit behind `ahead` others is reserved; rejects with the reason of `signal`. */
  wait(ahead: number, signal: AbortSignal): Promise<void>;
}

/** @param reserved how many permits are reserved now */
export function createReservations(reserved: () => number): Reservations {
  let changed: PromiseWithResolvers<void> | undefined;
  return {
    look(): void {
      changed?.resolve();
      changed = undefined;
    },
    async wait(ahead: number, signal: AbortSignal): Promise<void> {
      signal.throwIfAborted();
      while (reserved() <= ahead) {
        changed ??= Promise.withResolvers<void>();
        await orAborted(changed.promise, signal);
      }
    },
  };
}

/** Rejects with the signal's reason when it is aborted first. */
async function orAborted(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  const abort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  await Promise.race([wait, aborted.promise]).finally(() => signal.removeEventListener('abort', abort));
}
