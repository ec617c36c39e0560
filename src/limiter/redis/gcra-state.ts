/** What one instance knows of the shared schedule. */
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Random } from '../../../batches/ports/random.ts';
import type { ScriptRunner } from '../../redis/by-key-scripts.ts';
import { burstOf } from '../local.ts';
import type { RateDrop } from '../recovery-ramp.ts';
import type { Outage } from './outage.ts';
import { createServerTime } from './redis-time.ts';
import { createLimiterScripts, type Reservation } from './scripts.ts';

/** How far ahead a slot is reserved: longer than a Redis that syncs every write takes to answer, all but always. */
export const aheadMs = 100;
/** No permit is used later than this after it was given: `aheadMs` and the longest life, that of no burst. */
const oldestMs = 120;
const longestLifeMs = oldestMs - aheadMs;
/** From the last look at the clock until the byte is with the kernel: kept free at the end of a life. */
const onTheWayMs = 0.25;
/** A new schedule begins an interval after what a lost one may have held, but keeps no caller waiting for long. */
const longestSettleMs = 1_000;
/** Room to make up for late timers where nothing else is: half a percent of the rate. */
const stretchWithoutBurst = 1.005;

/** @property at where the slot begins, server time in milliseconds from a moment of this limiter's own */
export interface Slot {
  readonly at: number;
  /** Where it begins by the local clock, as known when it was reserved. */
  readonly localAt: number;
  readonly base: string;
  readonly number: number;
}

export interface GcraLimiterParams {
  readonly redis: ScriptRunner;
  readonly key: string;
  /** Permits a second. */
  readonly rate: number;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly now: () => number;
  readonly random: Random;
  readonly outage: Outage;
  /** Permits are granted before their time, with a window, for a gateway that waits for it. */
  readonly windows?: boolean | undefined;
}

/** What is known of the schedule, in milliseconds of `now`. */
export interface State {
  /** Reserved and not used yet, in the order of their beginnings; never more than callers. */
  slots: Slot[];
  /** Callers that wait or are about to. */
  expected: number;
  originUs: number | undefined;
  closedUntil: number;
  /** Where the first slot begins that was free when Redis answered last. */
  nextBeginsAt: number;
  fallen: (RateDrop & { readonly at: number }) | undefined;
}

/** Everything that stays the same while the limiter lives. */
export function termsOf({ redis, key, rate }: GcraLimiterParams) {
  const burst = burstOf(rate);
  const intervalMs = 1000 / rate;
  const lifeMs = (burst > 1 ? (burst - 1) * intervalMs : Math.min(intervalMs / 2, longestLifeMs)) - onTheWayMs;
  const scripts = createLimiterScripts({
    redis,
    key,
    rate,
    stretch: burst > 1 ? 1 : stretchWithoutBurst,
    // What is left of the life of the oldest slot is the time its permit has to come here.
    backlogMs: burst > 1 ? lifeMs / 2 : 0,
    settleMs: Math.max(oldestMs, aheadMs + Math.min(intervalMs, longestSettleMs)),
  });
  return { burst, intervalMs, lifeMs, scripts, serverTime: createServerTime() };
}

export type Terms = ReturnType<typeof termsOf>;

/** Adds what a reply reserved, and what it says of pauses and of the rate. */
export function takeReply(
  state: State,
  { serverTime, lifeMs }: Terms,
  reply: Reservation,
  times: { sentAt: number; receivedAt: number },
): void {
  const { sentAt, receivedAt } = times;
  state.originUs ??= reply.nowUs;
  const serverMs = (reply.nowUs - state.originUs) / 1000;
  // By the clock as it is now the older slots begin elsewhere.
  if (!serverTime.note({ sentAt, receivedAt, serverMs })) state.slots = [];
  state.nextBeginsAt = reply.waitMs > 0 ? receivedAt + reply.waitMs + aheadMs : Number.NEGATIVE_INFINITY;
  state.fallen = reply.fall === undefined ? undefined : { low: reply.fall.low, at: sentAt - reply.fall.elapsedMs };
  if (reply.closedMs > 0) {
    const { from } = serverTime.within({ beginsMs: serverMs + reply.closedMs, lifeMs }, receivedAt);
    state.closedUntil = Math.max(state.closedUntil, from);
  }
  for (let n = 0; n < reply.given; n += 1) {
    const at = serverMs + reply.firstInMs + n * reply.intervalMs;
    const localAt = serverTime.within({ beginsMs: at, lifeMs }, receivedAt).from;
    state.slots.push({ at, localAt, base: reply.base, number: reply.first + n });
  }
}

/** Gives back those at the end of the schedule; earlier ones are lost. */
export function returnSlots({ scripts }: Terms, unused: readonly Slot[]): void {
  const last = unused.at(-1);
  if (last === undefined) return;
  let from = last.number;
  for (const slot of unused.toReversed()) if (slot.base === last.base && slot.number === from - 1) from -= 1;
  // Nothing depends on it: when Redis is away the slots are lost, and the next question reports the outage.
  scripts.returnPermits({ base: last.base, from, to: last.number + 1 }).catch(() => undefined);
}
