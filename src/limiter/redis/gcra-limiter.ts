/**
 * Permits at a rate that all instances share. The schedule is Redis's: slots, an interval apart, each given to one
 * instance, which lets one waiter pass from the slot's beginning until its `life` is over, or nobody. With
 * life = (burst - 1) intervals any window holds at most rate x window + burst of them, however late replies and
 * timers are. Slots are reserved a little ahead, so that no way to Redis lies between a slot and its use.
 *
 * Without a burst there is nothing for lateness to use up. In this process permits are then kept an interval apart
 * by the clock; two of different instances may come nearer by what the second was less late than the first, at most
 * half an interval. So a window of whole intervals, as a second at a whole rate, still never holds one too many.
 */
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Limiter } from '../../../batches/ports/limiter.ts';
import type { Random } from '../../../batches/ports/random.ts';
import { betweenDropsMs, rampedRate, type RateDrop } from '../recovery-ramp.ts';
import { burstOf } from '../local.ts';
import { createRateFeedback } from './rate-feedback.ts';
import type { Outage } from './outage.ts';
import { createLimiterScripts, type Reservation } from './scripts.ts';
import { createServerTime } from './redis-time.ts';
import { createWaiters, noPermitWithin } from '../waiters.ts';
import type { Redis } from 'ioredis';

/** How far ahead a slot is reserved: longer than a Redis that syncs every write takes to answer, all but always. */
const aheadMs = 30;
/** No permit is used later than this after it was given: `aheadMs` and the longest life, that of no burst. */
const oldestMs = 50;
const longestLifeMs = oldestMs - aheadMs;
/** A new schedule begins an interval after what a lost one may have held, but does not keep people waiting for long. */
const longestSettleMs = 1_000;
/** At high rates slots are fetched together rather than one by one. */
const leastPauseMs = 3;
/** More blocks than lie within `aheadMs` are not in reach. */
const mostBlocks = 4;
/** A wait is looked at again after so long: somebody may have given slots back. */
const longestPauseMs = 1_000;
/** Room to make up for late timers where nothing else is: half a percent of the rate. */
const stretchWithoutBurst = 1.005;

/** @property at where the slot begins, server time in milliseconds from a moment of this limiter's own */
interface Slot {
  readonly at: number;
  readonly base: string;
  readonly number: number;
}

export function createGcraLimiter(params: {
  redis: Redis;
  key: string;
  rate: number;
  clock: Pick<Clock, 'sleep'>;
  now: () => number;
  random: Random;
  outage: Outage;
}): Limiter {
  const { redis, key, rate, clock, now, random, outage } = params;
  const burst = burstOf(rate);
  const intervalMs = 1000 / rate;
  const lifeMs = burst > 1 ? (burst - 1) * intervalMs : Math.min(intervalMs / 2, longestLifeMs);
  const scripts = createLimiterScripts({
    redis,
    key,
    rate,
    stretch: burst > 1 ? 1 : stretchWithoutBurst,
    // What is left of the life of the oldest slot is the time its permit has to come here.
    backlogMs: burst > 1 ? lifeMs / 2 : 0,
    settleMs: Math.max(oldestMs, aheadMs + Math.min(intervalMs, longestSettleMs)),
  });
  const serverTime = createServerTime();

  /** Reserved and not used yet, in the order of their beginnings; never more than waiters. */
  let slots: Slot[] = [];
  let originUs: number | undefined;
  let closedUntil = Number.NEGATIVE_INFINITY;
  let passedAt = Number.NEGATIVE_INFINITY;
  /** Where the first slot begins that nobody had when Redis answered last. */
  let nextBeginsAt = Number.NEGATIVE_INFINITY;
  let fallen: (RateDrop & { readonly at: number }) | undefined;
  let asking = false;
  /** Blocks of a burst, asked for in one way to Redis: more as long as there are more in reach. */
  let blocksAtOnce = 1;
  let pausing: AbortController | undefined;
  let timer: AbortController | undefined;

  const waiters = createWaiters(clock, () => {
    giveBack(slots.splice(waiters.size()));
    if (waiters.size() > 0) return;
    pausing?.abort();
    timer?.abort();
    timer = undefined;
  });

  /** Gives back those at the end of the schedule; earlier ones are lost. */
  const giveBack = (unused: readonly Slot[]): void => {
    const last = unused.at(-1);
    if (last === undefined) return;
    let from = last.number;
    for (const slot of unused.toReversed()) if (slot.base === last.base && slot.number === from - 1) from -= 1;
    // Nothing hangs on it: when Redis is away the slots are lost, and who waits asks next and learns why he gets none.
    scripts.returnPermits({ base: last.base, from, to: last.number + 1 }).catch(() => undefined);
    // They can be reserved again at once.
    pausing?.abort();
  };

  const take = (reply: Reservation, sentAt: number, receivedAt: number): void => {
    originUs ??= reply.nowUs;
    const serverMs = (reply.nowUs - originUs) / 1000;
    // By the clock as it is now the older slots lie somewhere else.
    if (!serverTime.note({ sentAt, receivedAt, serverMs })) slots = [];
    nextBeginsAt = reply.waitMs > 0 ? receivedAt + reply.waitMs + aheadMs : Number.NEGATIVE_INFINITY;
    fallen = reply.fall === undefined ? undefined : { low: reply.fall.low, at: sentAt - reply.fall.elapsedMs };
    if (reply.closedMs > 0) {
      const { from } = serverTime.within({ beginsMs: serverMs + reply.closedMs, lifeMs }, receivedAt);
      closedUntil = Math.max(closedUntil, from);
    }
    for (let n = 0; n < reply.given; n += 1)
      slots.push({ at: serverMs + reply.firstInMs + n * reply.intervalMs, base: reply.base, number: reply.first + n });
    giveBack(slots.splice(waiters.size()));
  };

  const pause = async (ms: number): Promise<void> => {
    const controller = new AbortController();
    pausing = controller;
    // Ended early when there is something to ask for, or nobody to ask for: not an error.
    await clock.sleep(ms, controller.signal).catch(() => undefined);
    if (pausing === controller) pausing = undefined;
  };

  /** No block is larger than the burst, and no more is asked for than is missing. */
  const blocksOf = (missing: number): number[] =>
    Array.from({ length: Math.min(Math.ceil(missing / burst), blocksAtOnce) }, (_, n) => Math.min(burst, missing - n * burst));

  /** One round of questions at a time, while more wait than slots are reserved. */
  const ask = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    while (waiters.size() > slots.length) {
      const closedMs = closedUntil - aheadMs - now();
      if (closedMs > 0) {
        await pause(Math.min(closedMs, longestPauseMs));
        continue;
      }
      const sentAt = now();
      const blocks = blocksOf(waiters.size() - slots.length);
      const replies = await Promise.allSettled(blocks.map((wanted) => scripts.reserve({ wanted, aheadMs })));
      const receivedAt = now();
      const failure = replies.find((reply) => reply.status === 'rejected');
      for (const reply of replies) if (reply.status === 'fulfilled') take(reply.value, sentAt, receivedAt);
      serve();
      if (failure !== undefined) {
        blocksAtOnce = 1;
        outage.failed(failure.reason);
        await pause(outage.pauseMs());
        continue;
      }
      outage.answered();
      const last = replies.at(-1) as PromiseFulfilledResult<Reservation>;
      blocksAtOnce = last.value.waitMs > 0 ? 1 : Math.min(2 * blocksAtOnce, mostBlocks);
      // The spread lets each of several instances be the first one now and then.
      if (last.value.waitMs > 0)
        await pause(Math.min(Math.max(last.value.waitMs, leastPauseMs) + random() * Math.min(1, intervalMs / 4), longestPauseMs));
    }
    asking = false;
  };

  /** Lets pass whoever has a slot that has begun; drops slots that are over. */
  const serve = (): void => {
    const late: Slot[] = [];
    for (let slot = slots[0]; slot !== undefined; slot = slots[0]) {
      const moment = now();
      const { from, to } = serverTime.within({ beginsMs: slot.at, lifeMs }, moment);
      const begins = Math.max(from, closedUntil, burst > 1 ? from : passedAt + intervalMs);
      if (begins > to || moment > to) late.push(slot);
      else if (moment < begins) {
        wakeIn(begins - moment);
        break;
      } else {
        passedAt = moment;
        waiters.letPass();
      }
      slots.shift();
    }
    if (slots.length === 0) giveBack(late);
    if (waiters.size() > slots.length) void ask();
  };

  const wakeIn = (ms: number): void => {
    timer?.abort();
    const controller = new AbortController();
    timer = controller;
    clock.sleep(ms, controller.signal).then(
      () => {
        if (timer !== controller) return;
        timer = undefined;
        serve();
      },
      () => undefined,
    );
  };

  const news = createRateFeedback({
    pushBack: scripts.pushBack,
    slowDown: async () => {
      const { low, elapsedMs } = await scripts.slowDown();
      fallen = { low, at: now() - elapsedMs };
    },
    clock,
    now,
    outage,
  });

  return {
    acquire(signal, withinMs) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      if (withinMs !== undefined && withinMs <= 0) return Promise.reject(noPermitWithin(withinMs));
      const turn = waiters.join(signal, withinMs);
      void ask();
      return turn;
    },
    pushBack(ms) {
      if (!(ms > 0)) return;
      closedUntil = Math.max(closedUntil, now() + ms);
      news.closeUntil(now() + ms);
    },
    closedForMs: () => Math.max(closedUntil - now(), 0),
    nextInMs: (ahead) => Math.max(Math.max(nextBeginsAt, closedUntil) - now(), 0) + Math.max(ahead + 1 - burst, 0) * intervalMs,
    slowDown() {
      if (fallen !== undefined && now() - fallen.at < betweenDropsMs) return;
      news.slowDown();
    },
    rate: () => (fallen === undefined ? rate : rampedRate(rate, fallen, now() - fallen.at)),
  };
}
