/**
 * No bound, but a way that can be closed for all instances. Nobody asks for a permit: one question in 50 ms tells
 * whether the way is open, and without a fresh answer nothing passes.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Limiter } from '../../../batches/ports/limiter.ts';
import { createRateFeedback } from './rate-feedback.ts';
import type { Outage } from './outage.ts';
import { createLimiterScripts } from './scripts.ts';
import { createWaiters, noPermitWithin } from '../waiters.ts';

/** For so long after it was asked for, an answer tells that the way is open. */
const freshMs = 50;
/** While permits are taken it is asked for anew before it is too old, so that nobody waits for it. */
const renewMs = 25;
/** An answer that took longer tells nothing, not even of those who wait for it. */
const worthlessMs = 1_000;
/** A longer closing is looked at again after so long. */
const longestPauseMs = 1_000;

const passed = Promise.resolve();

export function createUnlimitedLimiter(params: {
  redis: Redis;
  key: string;
  clock: Pick<Clock, 'sleep'>;
  now: () => number;
  outage: Outage;
}): Limiter {
  const { redis, key, clock, now, outage } = params;
  const scripts = createLimiterScripts({ redis, key });
  let askedAt = Number.NEGATIVE_INFINITY;
  let closedUntil = Number.NEGATIVE_INFINITY;
  let asking = false;
  let pausing: AbortController | undefined;

  const waiters = createWaiters(clock, () => {
    if (waiters.size() === 0) pausing?.abort();
  });

  const pause = async (ms: number): Promise<void> => {
    const controller = new AbortController();
    pausing = controller;
    // Ended early when nobody waits any more: not an error.
    await clock.sleep(ms, controller.signal).catch(() => undefined);
    if (pausing === controller) pausing = undefined;
  };

  const askOnce = async (): Promise<void> => {
    const sentAt = now();
    try {
      const closedMs = await scripts.pausedFor();
      outage.answered();
      if (closedMs > 0) {
        askedAt = Number.NEGATIVE_INFINITY;
        closedUntil = Math.max(closedUntil, now() + closedMs);
        return;
      }
      askedAt = sentAt;
      const moment = now();
      if (moment < sentAt + worthlessMs && moment >= closedUntil) while (waiters.letPass());
    } catch (cause) {
      outage.failed(cause);
      if (waiters.size() > 0) await pause(outage.pauseMs());
    }
  };

  const ask = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    do {
      const closedMs = closedUntil - now();
      if (closedMs > 0) await pause(Math.min(closedMs, longestPauseMs));
      else await askOnce();
    } while (waiters.size() > 0);
    asking = false;
  };

  const news = createRateFeedback({ pushBack: scripts.pushBack, slowDown: () => Promise.resolve(), clock, now, outage });

  return {
    acquire(signal, withinMs) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      if (withinMs !== undefined && withinMs <= 0) return Promise.reject(noPermitWithin(withinMs));
      const moment = now();
      if (waiters.size() === 0 && moment < askedAt + freshMs && moment >= closedUntil) {
        if (moment >= askedAt + renewMs) void ask();
        return passed;
      }
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
    nextInMs: () => Math.max(closedUntil - now(), 0),
    slowDown() {},
    rate: () => 'unlimited',
  };
}
