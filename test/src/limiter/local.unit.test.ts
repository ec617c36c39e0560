import { array, assert, asyncProperty, constant, constantFrom, double, nat, oneof } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { burstOf, createLocalLimiter } from '../../../src/limiter/local.ts';
import { limiterSuite, worstExcess } from '../../contracts/limiter.suite.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';

limiterSuite('local, virtual clock', (rate) => {
  const clock = createVirtualClock();
  return Promise.resolve({
    limiter: createLocalLimiter({ rate, clock, resolutionMs: 0 }),
    now: () => clock.now(),
    sightMs: 0,
    pass: (ms) => clock.pass(ms),
    close: () => Promise.resolve(),
  });
});

limiterSuite('local, virtual clock as the program has it', (rate) => {
  // The limiter reads whole milliseconds, and timers end a little early; what is measured is not rounded.
  const clock = createVirtualClock(1_800_000_000_000.3, () => 0.4);
  return Promise.resolve({
    limiter: createLocalLimiter({ rate, clock: { now: () => Math.floor(clock.now()), sleep: clock.sleep } }),
    now: () => clock.now(),
    sightMs: 0,
    pass: (ms) => clock.pass(ms),
    close: () => Promise.resolve(),
  });
});

const never = new AbortController().signal;
const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

/** Asks for permits at the given gaps; answers when each passed, by the clock. */
async function permits(clock: VirtualClock, acquire: (signal: AbortSignal) => Promise<void>, gapsMs: readonly number[]): Promise<number[]> {
  const at: number[] = [];
  for (const gapMs of gapsMs) {
    await clock.pass(gapMs);
    void acquire(never).then(() => at.push(clock.now()));
  }
  await clock.passUntil(() => at.length === gapsMs.length);
  return at;
}

describe('createLocalLimiter', () => {
  const rates = oneof(double({ min: 0.5, max: 20_000, noNaN: true }), constantFrom(0.5, 1, 3, 50, 99, 100, 199, 200, 5_000, 10_000));
  const gaps = array(oneof({ weight: 4, arbitrary: constant(0) }, double({ min: 0, max: 50, noNaN: true }), nat(3_000)), {
    minLength: 1,
    maxLength: 150,
  });

  it('no window holds more than it may, whatever comes when, and though timers fire early', async () => {
    await assert(
      asyncProperty(rates, gaps, array(double({ min: 0, max: 0.9, noNaN: true }), { minLength: 1 }), async (rate, gapsMs, early) => {
        let turn = 0;
        const clock = createVirtualClock(1_800_000_000_000, () => early[(turn += 1) % early.length] as number);
        const limiter = createLocalLimiter({ rate, clock, resolutionMs: 0 });
        const at = await permits(clock, limiter.acquire, gapsMs);
        expect(at).toHaveLength(gapsMs.length);
        // The clock's own rounding, at 1.8e12 ms, is a quarter of a microsecond.
        expect(worstExcess(at, rate, burstOf(rate))).toBeLessThanOrEqual(rate * 1e-6 + 1e-9);
      }),
      { numRuns: 60 },
    );
  });

  it('holds in true time too when the clock is coarse', async () => {
    await assert(
      asyncProperty(rates, gaps, async (rate, gapsMs) => {
        const clock = createVirtualClock();
        const limiter = createLocalLimiter({ rate, clock: { now: () => Math.floor(clock.now()), sleep: clock.sleep } });
        const at = await permits(clock, limiter.acquire, gapsMs);
        expect(worstExcess(at, rate, burstOf(rate))).toBeLessThanOrEqual(rate * 1e-6 + 1e-9);
      }),
      { numRuns: 60 },
    );
  });

  it('counts from when a permit may really have passed, not from what a coarse clock said', async () => {
    const clock = createVirtualClock(0);
    const limiter = createLocalLimiter({ rate: 50, clock: { now: () => Math.floor(clock.now()), sleep: clock.sleep } });
    await clock.pass(0.9);
    await limiter.acquire(never);
    // The coarse clock now says 20, an interval after 0; in truth 19.2 ms have passed.
    await clock.pass(19.2);
    const at: number[] = [];
    void limiter.acquire(never).then(() => at.push(clock.now()));
    await clock.pass(5);
    expect(at).toEqual([expect.closeTo(21.1, 6)]);
  });

  it('is not slower than it must be: who waits gets the full rate, but for the timer', async () => {
    for (const rate of [0.5, 7, 50, 150, 1_000, 5_000]) {
      const clock = createVirtualClock();
      const limiter = createLocalLimiter({ rate, clock, resolutionMs: 0 });
      const count = burstOf(rate) + Math.ceil(rate * 2) + 1;
      const at = await permits(clock, limiter.acquire, zeros(count));
      const usedMs = (at.at(-1) as number) - (at[0] as number);
      const dueMs = ((count - burstOf(rate)) * 1000) / rate;
      // With a burst of 1 each permit may be late by the timer's millisecond; with more, lateness is made up for.
      const lateMs = burstOf(rate) === 1 ? count : 2;
      expect(usedMs, `rate ${rate}`).toBeGreaterThanOrEqual(dueMs - 1e-3);
      expect(usedMs, `rate ${rate}`).toBeLessThanOrEqual(dueMs + lateMs);
    }
  });

  it('short intervals do not drift with the size of the clock', async () => {
    const clock = createVirtualClock();
    const rate = 30_000;
    const limiter = createLocalLimiter({ rate, clock, resolutionMs: 0 });
    const at = await permits(clock, limiter.acquire, zeros(60_000));
    const usedMs = (at.at(-1) as number) - (at[0] as number);
    expect(usedMs).toBeGreaterThanOrEqual(((60_000 - burstOf(rate)) * 1000) / rate - 1e-3);
  });

  it('has one timer, however many wait, and none when none does', async () => {
    const clock = createVirtualClock();
    const limiter = createLocalLimiter({ rate: 1, clock });
    const stop = new AbortController();
    await limiter.acquire(stop.signal);
    const waiting = Array.from({ length: 100 }, () => limiter.acquire(stop.signal).catch(() => 'stopped'));
    expect(clock.sleepers()).toBe(1);
    stop.abort();
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 100 }, () => 'stopped'));
    expect(clock.sleepers()).toBe(0);
  });

  it('an abort of one signal leaves the others in their order', async () => {
    const clock = createVirtualClock();
    const limiter = createLocalLimiter({ rate: 1, clock });
    await limiter.acquire(never);
    const stop = new AbortController();
    const order: string[] = [];
    for (const [name, signal] of [
      ['a', stop.signal],
      ['b', never],
      ['c', stop.signal],
      ['d', never],
    ] as const)
      limiter.acquire(signal).then(
        () => order.push(name),
        () => order.push(`-${name}`),
      );
    stop.abort();
    await clock.pass(1_100);
    expect(order).toEqual(['-a', '-c', 'b']);
    await clock.pass(1_100);
    expect(order).toEqual(['-a', '-c', 'b', 'd']);
  });

  it('a clock that is set back delays no caller; one that is set forward gives no more than the burst', async () => {
    const clock = createVirtualClock();
    const limiter = createLocalLimiter({ rate: 200, clock, resolutionMs: 0 });
    for (let n = 0; n < 2; n += 1) await limiter.acquire(never);
    clock.jump(-3_600_000);
    let passed = 0;
    void limiter.acquire(never).then(() => (passed += 1));
    await clock.pass(10);
    expect(passed).toBe(1);
    clock.jump(3_600_000);
    for (let n = 0; n < 5; n += 1) void limiter.acquire(never).then(() => (passed += 1));
    await clock.pass(0);
    expect(passed).toBe(3);
  });

  it('pushBack never pulls nearer, and lengthens the wait of a running timer', async () => {
    const clock = createVirtualClock(0);
    const limiter = createLocalLimiter({ rate: 10, clock, resolutionMs: 0 });
    await limiter.acquire(never);
    const at: number[] = [];
    void limiter.acquire(never).then(() => at.push(clock.now()));
    limiter.pushBack(5_000);
    limiter.pushBack(10);
    limiter.pushBack(0);
    limiter.pushBack(-100);
    await clock.pass(4_999);
    expect(at).toEqual([]);
    await clock.pass(2);
    expect(at).toEqual([5_000]);
  });

  it('slowDown: to half, never below a hundredth, and back to the configured rate within a minute', async () => {
    const clock = createVirtualClock(0);
    const limiter = createLocalLimiter({ rate: 100, clock, resolutionMs: 0 });
    limiter.slowDown();
    expect(limiter.rate()).toBe(50);
    await clock.pass(30_000);
    expect(limiter.rate()).toBeCloseTo(75);
    await clock.pass(30_000);
    expect(limiter.rate()).toBe(100);

    for (let n = 0; n < 20; n += 1) {
      limiter.slowDown();
      await clock.pass(1_000);
    }
    expect(limiter.rate()).toBeGreaterThanOrEqual(1);
    expect(limiter.rate()).toBeLessThan(4.5);
  });

  it('the permits follow the rate down and up again', async () => {
    const clock = createVirtualClock(0);
    const limiter = createLocalLimiter({ rate: 100, clock, resolutionMs: 0 });
    const passing = async (ms: number): Promise<number> => {
      const stop = new AbortController();
      let count = 0;
      const all = Array.from({ length: 200 }, () =>
        limiter.acquire(stop.signal).then(
          () => (count += 1),
          () => undefined,
        ),
      );
      await clock.pass(ms);
      stop.abort();
      await Promise.all(all);
      return count;
    };
    expect(await passing(1_000)).toBeCloseTo(100, -1);
    limiter.slowDown();
    expect(await passing(1_000)).toBeCloseTo(50, -1);
    await clock.pass(29_000);
    expect(await passing(1_000)).toBeCloseTo(75, -1);
    await clock.pass(29_000);
    expect(await passing(1_000)).toBeCloseTo(100, -1);
  });

  it('waits longer than one timer can', async () => {
    const clock = createVirtualClock(0);
    const limiter = createLocalLimiter({ rate: 1e-7, clock, resolutionMs: 0 });
    const at = await permits(clock, limiter.acquire, [0, 0]);
    expect(at).toEqual([0, 1e10]);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses the rate %f', (rate) => {
    expect(() => createLocalLimiter({ rate, clock: createVirtualClock() })).toThrow(RangeError);
  });
});
