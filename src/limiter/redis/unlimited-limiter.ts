/**
 * No bound, but sending can be paused for all instances. No permit is asked for: one question in 50 ms says whether
 * sending is paused, and without a fresh answer nothing passes.
 */
import type { ScriptRunner } from '../../redis/by-key-scripts.ts';
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Limiter } from '../../../batches/ports/limiter.ts';
import { createRateFeedback } from './rate-feedback.ts';
import type { Outage } from './outage.ts';
import { createPause } from './pause.ts';
import { createLimiterScripts } from './scripts.ts';
import { createWaiters, noPermitWithin } from '../waiters.ts';

/** For so long after its question, an answer says that sending is not paused. */
const freshMs = 50;
/** While permits are taken the next question comes before the answer is too old, so that no caller waits for it. */
const renewMs = 25;
/** An answer that took longer says nothing, not even to the callers that wait for it. */
const worthlessMs = 1_000;
/** A longer pause is checked again after so long. */
const longestPauseMs = 1_000;

const passed = Promise.resolve();

export function createUnlimitedLimiter(params: {
  redis: ScriptRunner;
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
  const pause = createPause(clock);

  const waiters = createWaiters(clock, () => {
    if (waiters.size() === 0) pause.end();
  });

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
      if (waiters.size() > 0) await pause.sleep(outage.pauseMs());
    }
  };

  const ask = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    do {
      const closedMs = closedUntil - now();
      if (closedMs > 0) await pause.sleep(Math.min(closedMs, longestPauseMs));
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
