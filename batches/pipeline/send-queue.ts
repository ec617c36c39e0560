/**
 * Decides when an intent may be made: only when its bytes may leave within a tenth of a second, at every rate, and not
 * while everybody waits. What has an intent when the process is killed may have been sent, for all that is known.
 */
import pLimit from 'p-limit';
import type { Clock } from '../ports/clock.ts';
import type { Limiter } from '../ports/limiter.ts';

/** The longest time between an intent and its permit; after it the record goes back to the queue unsent. */
export const permitWithinMs = 100;
/**
 * How long before its permit a record is admitted: twice what an intent took to be written lately, so that the permit
 * does not wait for it, and no longer, so that few intents are open.
 */
const shortestLeadMs = 10;
const longestLeadMs = 80;
const firstGuessMs = 10;
const weightOfNewest = 0.1;
/**
 * A longer wait is looked at again after so long: a place that leaves without its permit, as that of a paused batch does,
 * leaves the permit to those behind it.
 */
const longestPauseMs = 100;
/** A remainder below the resolution of a clock would never pass. */
const shortestPauseMs = 1;
/** Where other instances take permits too, what is admitted adapts to how many come in time. */
const afterLate = 0.7;
const afterPermit = 0.5;
const mostHeld = 10_000;

/** A record between its intent and its permit. */
export interface SendPlace {
  /** The intent is durable. */
  intended(): void;
  /** Calling it twice is safe. `late`: no permit came in time. */
  leave(outcome: 'permitted' | 'late'): void;
}

export interface SendQueue {
  /** Waits until an intent may be made, in the order of arrival. Rejects with the signal's reason. */
  acquire(signal: AbortSignal): Promise<SendPlace>;
  /** Whether an intent may be made now: no other record waits, and the permit is near. */
  isFree(): boolean;
  /** A place without a wait; null when none is free. */
  acquireNow(): SendPlace | null;
}

export interface SendQueueOptions {
  /** The limiter that the sends take their permits from. */
  readonly limiter: Pick<Limiter, 'closedForMs' | 'nextInMs'>;
  readonly clock: Clock;
}

export function createSendQueue({ limiter, clock }: SendQueueOptions): SendQueue {
  const oneAtATime = pLimit(1);
  let held = 0;
  let allowed = mostHeld;
  let intentMs = firstGuessMs;
  let freed: PromiseWithResolvers<void> | undefined;

  /** Infinity: until a place is left. */
  const waitMs = (): number => {
    const closedMs = limiter.closedForMs();
    if (closedMs > 0) return closedMs;
    if (held >= Math.floor(allowed)) return Number.POSITIVE_INFINITY;
    return limiter.nextInMs(held) - Math.min(Math.max(2 * intentMs, shortestLeadMs), longestLeadMs);
  };
  const leave = (outcome: 'permitted' | 'late'): void => {
    allowed = outcome === 'permitted' ? Math.min(allowed + afterPermit, mostHeld) : Math.max(1, Math.min(allowed, held) * afterLate);
    held -= 1;
    freed?.resolve();
    freed = undefined;
  };
  const placeOf = (): SendPlace => {
    held += 1;
    const admittedAt = clock.now();
    let isLeft = false;
    return {
      intended: () => void (intentMs += weightOfNewest * (clock.now() - admittedAt - intentMs)),
      leave(outcome) {
        if (!isLeft) leave(outcome);
        isLeft = true;
      },
    };
  };
  const untilFreed = async (signal: AbortSignal): Promise<void> => {
    freed ??= Promise.withResolvers<void>();
    const { promise, reject } = freed;
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', abort));
  };

  const isFree = (): boolean => oneAtATime.activeCount + oneAtATime.pendingCount === 0 && waitMs() <= 0;

  return {
    isFree,
    acquireNow: () => (isFree() ? placeOf() : null),
    acquire: (signal) =>
      oneAtATime(async () => {
        signal.throwIfAborted();
        for (let ms = waitMs(); ms > 0; ms = waitMs()) {
          if (ms === Number.POSITIVE_INFINITY) await untilFreed(signal);
          else await clock.sleep(Math.min(Math.max(ms, shortestPauseMs), longestPauseMs), signal);
        }
        return placeOf();
      }),
  };
}
