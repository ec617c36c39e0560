/**
 * Permits at a rate, within one process. GCRA: a permit passes when the theoretical arrival time is at most
 * (burst - 1) intervals ahead, so that in any window at most rate x window + burst permits pass.
 */
import type { Clock } from '../../batches/ports/clock.ts';
import type { Limiter } from '../../batches/ports/limiter.ts';
import { betweenDropsMs, rampedRate, rateDropFrom, type RateDrop } from './recovery-ramp.ts';
import { createWaiters, noPermitWithin } from './waiters.ts';

/**
 * @property rate permits a second, a decimal number above zero
 * @property resolutionMs how coarse `clock.now()` is. A permit may really pass so much later than the clock said, and
 *   the next ones are counted from there. A clock with fractions of a millisecond may say 0, which wastes nothing
 * @property precise `clock.sleep` ends on time to a fraction of a millisecond
 */
export interface LocalLimiterOptions {
  readonly rate: number | 'unlimited';
  readonly clock: Clock;
  readonly resolutionMs?: number;
  readonly precise?: boolean;
}

/** Timers take no more than 2^31 - 1 ms; a longer wait is made of several. */
const maxSleepMs = 3_600_000;

export const burstOf = (rate: number): number => Math.max(1, Math.floor(rate / 100));

const passed = Promise.resolve();

/** @throws RangeError for a rate that is not above zero */
export function checkRate(rate: number | 'unlimited'): void {
  if (rate !== 'unlimited' && !(Number.isFinite(rate) && rate > 0))
    throw new RangeError(`The rate must be a number above zero, not ${rate}.`);
}

type ScheduleOptions = Required<Pick<LocalLimiterOptions, 'rate' | 'clock' | 'resolutionMs'>>;

/** The theoretical arrival times. Everything in milliseconds from the first reading of the clock. */
function createSchedule({ rate, clock, resolutionMs }: ScheduleOptions) {
  const limited = rate !== 'unlimited';
  let intervalMs = limited ? 1000 / rate : 0;
  const aheadMs = limited ? (burstOf(rate) - 1) * intervalMs : 0;
  // As milliseconds since the epoch, doubles would round a short interval the same way each time. For the same reason
  // the theoretical arrival time is base + count x interval, never a sum.
  const read = createSteadyReading(clock);
  let base = Number.NEGATIVE_INFINITY;
  let count = 0;
  let closedUntil = Number.NEGATIVE_INFINITY;
  let fallen: (RateDrop & { readonly at: number }) | undefined;

  const rateAt = (configured: number, now: number): number =>
    fallen === undefined ? configured : rampedRate(configured, fallen, now - fallen.at);
  /** Permits that passed keep the distance they had; the next ones have that of the rate as it is now. */
  const followRate = (configured: number, now: number): void => {
    const wanted = 1000 / rateAt(configured, now);
    if (wanted === intervalMs) return;
    base += count * intervalMs;
    count = 0;
    intervalMs = wanted;
  };
  return {
    /** Milliseconds until a permit may pass; takes it when that is now. */
    take(): number {
      const now = read();
      if (!limited) return Math.max(closedUntil - now, 0);
      followRate(rate, now);
      const waitMs = Math.max(base + count * intervalMs - aheadMs, closedUntil) - now;
      if (waitMs > 0) return waitMs;
      if (base + count * intervalMs < now + resolutionMs) {
        base = now + resolutionMs;
        count = 0;
      }
      count += 1;
      return 0;
    },
    pushBack(ms: number): void {
      if (ms > 0) closedUntil = Math.max(closedUntil, read() + ms + resolutionMs);
    },
    closedForMs: (): number => Math.max(closedUntil - read(), 0),
    nextInMs(ahead: number): number {
      const now = read();
      if (!limited) return Math.max(closedUntil - now, 0);
      followRate(rate, now);
      const next = Math.max(base + count * intervalMs, now) + ahead * intervalMs - aheadMs;
      return Math.max(next - now, closedUntil - now, 0);
    },
    slowDown(): void {
      if (!limited) return;
      const now = read();
      if (fallen !== undefined && now - fallen.at < betweenDropsMs) return;
      fallen = { ...rateDropFrom(rate, rateAt(rate, now)), at: now };
    },
    rate: (): number | 'unlimited' => (limited ? rateAt(rate, read()) : rate),
  };
}

/** Milliseconds since the first reading. Never runs backwards: a clock set back would stop every caller for that long. */
function createSteadyReading(clock: Pick<Clock, 'now'>): () => number {
  const origin = clock.now();
  let shiftMs = 0;
  let latest = 0;
  return () => {
    const now = clock.now() - origin + shiftMs;
    if (now < latest) shiftMs += latest - now;
    else latest = now;
    return latest;
  };
}

/** @throws RangeError for a rate that is not above zero */
export function createLocalLimiter({ rate, clock, resolutionMs = 1, precise = false }: LocalLimiterOptions): Limiter {
  checkRate(rate);
  const { take, ...schedule } = createSchedule({ rate, clock, resolutionMs });
  let sleeping: AbortController | undefined;
  const waiters = createWaiters(clock, () => {
    if (waiters.size() > 0) return;
    sleeping?.abort();
    sleeping = undefined;
  });

  const serve = (): void => {
    while (waiters.size() > 0) {
      const waitMs = take();
      if (waitMs > 0) return void sleep(waitMs);
      waiters.letPass();
    }
  };

  /** One timer for the first waiter. It may fire early, or a pushBack may have come: `serve` looks again. */
  const sleep = async (waitMs: number): Promise<void> => {
    const controller = new AbortController();
    sleeping = controller;
    try {
      await clock.sleep(Math.min(precise ? waitMs : Math.ceil(waitMs), maxSleepMs), controller.signal);
    } catch {
      return;
    }
    if (sleeping !== controller) return;
    sleeping = undefined;
    serve();
  };

  return {
    ...schedule,
    acquire(signal, withinMs) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      if (withinMs !== undefined && withinMs <= 0) return Promise.reject(noPermitWithin(withinMs));
      if (waiters.size() === 0 && take() === 0) return passed;
      const turn = waiters.join(signal, withinMs);
      if (sleeping === undefined) serve();
      return turn;
    },
  };
}
