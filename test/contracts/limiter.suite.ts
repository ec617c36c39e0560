/** What every Limiter must hold, on a virtual clock or on a real service. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Limiter } from '../../batches/ports/limiter.ts';

/**
 * @property now milliseconds, as exact as the world is
 * @property sightMs how much later than it was granted a permit may be seen here: 0 on a virtual clock
 * @property pass lets so much time go by
 */
export interface LimiterWorld {
  readonly limiter: Limiter;
  readonly now: () => number;
  readonly sightMs: number;
  readonly pass: (ms: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Permits in any window: at most rate x window + burst. Answers the worst excess over all windows, at most 0 when it holds. */
export function worstExcess(permitsAtMs: readonly number[], rate: number, burst: number): number {
  let worst = Number.NEGATIVE_INFINITY;
  for (let first = 0; first < permitsAtMs.length; first += 1) {
    for (let last = first; last < permitsAtMs.length; last += 1) {
      const windowMs = (permitsAtMs[last] as number) - (permitsAtMs[first] as number);
      worst = Math.max(worst, last - first + 1 - ((rate * windowMs) / 1000 + burst));
    }
  }
  return worst;
}

export function limiterSuite(name: string, create: (rate: number | 'unlimited') => Promise<LimiterWorld>): void {
  describe(`limiter contract: ${name}`, () => {
    let world: LimiterWorld | undefined;
    afterEach(async () => {
      await world?.close();
      world = undefined;
    });
    const start = async (rate: number | 'unlimited'): Promise<LimiterWorld> => (world = await create(rate));
    const never = new AbortController().signal;
    const collect = ({ limiter, now }: LimiterWorld, count: number) => {
      const at: number[] = [];
      const order: number[] = [];
      const all = Array.from({ length: count }, async (_, n) => {
        await limiter.acquire(never);
        at.push(now());
        order.push(n);
      });
      return { at, order, all: Promise.all(all) };
    };

    it.each([
      [20, 1],
      [500, 5],
    ])('at %f a second no window holds more permits than rate and burst allow, and no permit is lost', async (rate, burst) => {
      // On a real service the machine may hold us up between the permit and our look at the clock: best of three.
      let excess = Number.POSITIVE_INFINITY;
      for (let tries = 0; tries < 3 && excess > 0; tries += 1) {
        await world?.close();
        const one = await start(rate);
        const count = burst + Math.ceil(rate * 0.4);
        const { at, order, all } = collect(one, count);
        await one.pass(1_500);
        await all;
        expect(order).toEqual(Array.from({ length: count }, (_, n) => n));
        excess = worstExcess(at, rate, burst) - (rate * one.sightMs) / 1000 - 1e-6;
        if (one.sightMs === 0) break;
      }
      expect(excess).toBeLessThanOrEqual(0);
    });

    it('unused permits do not accumulate beyond the burst', async () => {
      const one = await start(200);
      await one.pass(500);
      const { at, all } = collect(one, 6);
      await one.pass(500);
      await all;
      expect(worstExcess(at, 200, 2)).toBeLessThanOrEqual((200 * one.sightMs) / 1000 + 1e-6);
    });

    it('pushBack holds back every caller, also those that wait already', async () => {
      const one = await start(20);
      await one.limiter.acquire(never);
      const { at, all } = collect(one, 2);
      const begin = one.now();
      one.limiter.pushBack(300);
      await one.pass(1_000);
      await all;
      expect(at[0]).toBeGreaterThanOrEqual(begin + 300);
    });

    it('slowDown halves the rate once for all calls within a second, and the rate climbs back', async () => {
      const one = await start(400);
      expect(one.limiter.rate()).toBe(400);
      for (let n = 0; n < 5; n += 1) one.limiter.slowDown();
      await one.pass(100);
      one.limiter.slowDown();
      await one.pass(100);
      const half = one.limiter.rate() as number;
      expect(half).toBeGreaterThanOrEqual(200);
      expect(half).toBeLessThan(210);

      const { at, all } = collect(one, 60);
      await one.pass(500);
      await all;
      // 4 is the burst; the rate climbs by 3.3 a second each second.
      expect(worstExcess(at, 210, 4)).toBeLessThanOrEqual((210 * one.sightMs) / 1000 + 1e-6);

      await one.pass(500);
      expect(one.limiter.rate()).toBeGreaterThan(half);
      one.limiter.slowDown();
      await one.pass(100);
      expect(one.limiter.rate()).toBeGreaterThanOrEqual(100);
      expect(one.limiter.rate()).toBeLessThan(120);
    });

    it('an unlimited limiter stays unlimited after slowDown', async () => {
      const one = await start('unlimited');
      one.limiter.slowDown();
      await one.pass(50);
      expect(one.limiter.rate()).toBe('unlimited');
      await one.limiter.acquire(never);
    });

    it('an unlimited limiter grants permits at once, and obeys pushBack', async () => {
      const one = await start('unlimited');
      for (let n = 0; n < 100; n += 1) await one.limiter.acquire(never);
      const begin = one.now();
      one.limiter.pushBack(200);
      const { at, all } = collect(one, 3);
      await one.pass(500);
      await all;
      expect(at[0]).toBeGreaterThanOrEqual(begin + 200);
    });

    it('an aborted caller rejects with the reason and takes no permit', async () => {
      const one = await start(1);
      await one.limiter.acquire(never);
      const stop = new AbortController();
      const aborted = one.limiter.acquire(stop.signal);
      const { at, all } = collect(one, 1);
      const begin = one.now();
      stop.abort(new Error('stopped'));
      await expect(aborted).rejects.toThrow('stopped');
      await expect(one.limiter.acquire(stop.signal)).rejects.toThrow('stopped');
      await one.pass(1_950);
      await all;
      // Had one of them taken a permit, this one would have waited two seconds.
      expect((at[0] as number) - begin).toBeLessThan(1_950);
    });

    it('a caller whose time is over rejects and takes no permit', async () => {
      const one = await start(1);
      await one.limiter.acquire(never);
      const begin = one.now();
      const impatient = one.limiter.acquire(never, 50).then(
        () => 'passed',
        () => one.now() - begin,
      );
      const { at, all } = collect(one, 1);
      await one.pass(1_900);
      // Timers of Node count whole milliseconds, so that one may end up to a millisecond early.
      expect(await impatient).toBeGreaterThan(49);
      await all;
      expect((at[0] as number) - begin).toBeLessThan(1_900);
    });

    it.each([0, -5])('a caller with %d ms left rejects although a permit is free, and takes none', async (withinMs) => {
      const one = await start(1);
      await one.limiter.acquire(never);
      await one.pass(1_250);
      await expect(one.limiter.acquire(never, withinMs)).rejects.toThrow(`no permit within ${withinMs} ms`);
      const begin = one.now();
      const { at, all } = collect(one, 1);
      await one.pass(900);
      await all;
      expect((at[0] as number) - begin).toBeLessThan(900);

      await one.close();
      const free = await start('unlimited');
      await free.limiter.acquire(never);
      await expect(free.limiter.acquire(never, withinMs)).rejects.toThrow(`no permit within ${withinMs} ms`);
    });

    it.each([20, 'unlimited'] as const)('at %s closedForMs returns how long no permit is granted, and 0 when it is open', async (rate) => {
      const one = await start(rate);
      expect(one.limiter.closedForMs()).toBe(0);
      await one.limiter.acquire(never);
      one.limiter.pushBack(400);
      one.limiter.pushBack(10);
      // A clock of whole milliseconds is rounded up.
      const told = one.limiter.closedForMs();
      expect(told).toBeGreaterThan(300);
      expect(told).toBeLessThanOrEqual(402);
      await one.pass(100);
      expect(one.limiter.closedForMs()).toBeLessThanOrEqual(told - 98);
      const { all } = collect(one, 1);
      await one.pass(310);
      await all;
      expect(one.limiter.closedForMs()).toBe(0);
    });

    it('returns when the next permit is granted, and when one behind others is', async () => {
      const one = await start(5);
      expect(one.limiter.nextInMs(0)).toBe(0);
      await one.limiter.acquire(never);
      // A second caller asks, so that a limiter that has to ask knows.
      const late = expect(one.limiter.acquire(never, 20)).rejects.toThrow('no permit');
      await one.pass(30);
      await late;
      expect(one.limiter.nextInMs(0)).toBeLessThanOrEqual(202);
      expect(one.limiter.nextInMs(3) - one.limiter.nextInMs(0)).toBeGreaterThan(590);
      await one.pass(400);
      expect(one.limiter.nextInMs(0)).toBe(0);
      one.limiter.pushBack(400);
      expect(one.limiter.nextInMs(0)).toBeGreaterThan(300);
      const free = await create('unlimited');
      expect(free.limiter.nextInMs(7)).toBe(0);
      free.limiter.pushBack(400);
      expect(free.limiter.nextInMs(7)).toBeGreaterThan(300);
      await free.close();
    });

    it('a caller whose permit comes in time gets it', async () => {
      const one = await start(20);
      await one.limiter.acquire(never);
      const patient = one.limiter.acquire(never, 5_000);
      await one.pass(500);
      await patient;
    });
  });
}
