/**
 * Decides when an intent may be made: only when its permit is reserved and its bytes may leave within a tenth of a second,
 * at every rate, and not while everybody waits. What has an intent when the process is killed may have been sent, for all
 * that is known.
 */
import pLimit from 'p-limit';
import type { Clock } from '../ports/clock.ts';
import type { Limiter } from '../ports/limiter.ts';

/** The longest time between an intent and its permit; after it the record goes back to the queue unsent. */
export const permitWithinMs = 100;
/**
 * How long before its permit a record is admitted: so long that about one intent in `latePerIntent` is written too late for
 * its permit, which is then lost, and no longer, so that few intents are open.
 */
const shortestLeadMs = 10;
const longestLeadMs = 80;
const firstLeadMs = 20;
const afterLateMs = 6;
const latePerIntent = 400;
/**
 * A longer wait is looked at again after so long: a place that leaves without its permit, as that of a paused batch does,
 * leaves the permit to those behind it.
 */
const longestPauseMs = 100;
/** A remainder below the resolution of a clock would never pass. */
const shortestPauseMs = 1;
/** How much a timer may be late on an idle machine. */
const timerMs = 2;
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
}

export interface SendQueueOptions {
  /** The limiter that the sends take their permits from. */
  readonly limiter: Pick<Limiter, 'closedForMs' | 'expect' | 'nextInMs' | 'reserved'>;
  readonly clock: Clock;
}

/** How long before its permit a record is admitted, by how long intents took lately. */
function createLead() {
  let leadMs = firstLeadMs;
  return {
    ms: (): number => leadMs,
    note(wasLate: boolean): void {
      const change = wasLate ? afterLateMs : -afterLateMs / latePerIntent;
      leadMs = Math.min(Math.max(leadMs + change, shortestLeadMs), longestLeadMs);
    },
  };
}

/** Waits for it; an abort rejects it for all who wait. */
async function settledBy({ promise, reject }: PromiseWithResolvers<void>, signal: AbortSignal): Promise<void> {
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  await promise.finally(() => signal.removeEventListener('abort', abort));
}

export function createSendQueue({ limiter, clock }: SendQueueOptions): SendQueue {
  const oneAtATime = pLimit(1);
  let held = 0;
  let allowed = mostHeld;
  let waiting = 0;
  const lead = createLead();
  let freed: PromiseWithResolvers<void> | undefined;

  /** Infinity: until a place is left. */
  const waitMs = (): number => {
    const closedMs = limiter.closedForMs();
    if (closedMs > 0) return closedMs;
    if (held >= Math.floor(allowed)) return Number.POSITIVE_INFINITY;
    return limiter.nextInMs(held) - lead.ms();
  };
  const waitFor = (callers: number): void => {
    waiting += callers;
    limiter.expect(held + waiting);
  };
  const leave = (outcome: 'permitted' | 'late'): void => {
    allowed = outcome === 'permitted' ? Math.min(allowed + afterPermit, mostHeld) : Math.max(1, Math.min(allowed, held) * afterLate);
    held -= 1;
    limiter.expect(held + waiting);
    freed?.resolve();
    freed = undefined;
  };
  const placeOf = (): SendPlace => {
    held += 1;
    waitFor(-1);
    const leftMs = limiter.nextInMs(held - 1);
    const dueAt = clock.now() + leftMs;
    // What came when its permit was near says nothing of the lead.
    const hadItsLead = leftMs > lead.ms() - shortestPauseMs - timerMs;
    let isLeft = false;
    return {
      intended() {
        if (hadItsLead) lead.note(clock.now() > dueAt);
      },
      leave(outcome) {
        if (!isLeft) leave(outcome);
        isLeft = true;
      },
    };
  };
  const untilFreed = (signal: AbortSignal): Promise<void> => settledBy((freed ??= Promise.withResolvers<void>()), signal);

  const untilAdmitted = async (signal: AbortSignal): Promise<SendPlace> => {
    signal.throwIfAborted();
    for (;;) {
      const ms = waitMs();
      if (ms === Number.POSITIVE_INFINITY) await untilFreed(signal);
      else if (ms > 0) await clock.sleep(Math.min(Math.max(ms, shortestPauseMs), longestPauseMs), signal);
      else {
        await limiter.reserved(held, signal);
        if (waitMs() <= 0) return placeOf();
      }
    }
  };

  return {
    async acquire(signal) {
      waitFor(1);
      try {
        return await oneAtATime(() => untilAdmitted(signal));
      } catch (cause) {
        waitFor(-1);
        throw cause;
      }
    },
  };
}
