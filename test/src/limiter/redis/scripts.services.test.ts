/** The scripts alone, called with horizons far beyond what the limiter asks for. */
import { array, assert, asyncProperty, constant, constantFrom, integer, oneof, record } from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLimiterScripts, type LimiterScripts, type Reservation } from '../../../../src/limiter/redis/scripts.ts';
import { uniquePrefix } from '../../../support/services.ts';
import { connect } from './client.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const hour = 3_600_000;

let redis: Redis;
const keys: string[] = [];
beforeAll(async () => {
  redis = await connect();
});
afterAll(async () => {
  if (keys.length > 0) await redis.del(...keys);
  redis.disconnect();
});

type Numbers = Omit<Parameters<typeof createLimiterScripts>[0], 'redis' | 'key'>;
function open(numbers: Numbers): { key: string; scripts: LimiterScripts; other: (numbers: Numbers) => LimiterScripts } {
  const key = `${uniquePrefix()}:{limiter}:script`;
  keys.push(key);
  const other = (changed: Numbers): LimiterScripts => createLimiterScripts({ redis, key, ...changed });
  return { key, scripts: other(numbers), other };
}

/** With a horizon of an hour or more; such a schedule starts with one slot at this moment. */
async function openFar(numbers: Numbers): Promise<ReturnType<typeof open> & { readonly first: Reservation }> {
  const { key, other } = open(numbers);
  const first = await other({ ...numbers, settleMs: 0 }).reserve({ wanted: 1, aheadMs: 0 });
  const far = (changed: Numbers): LimiterScripts => other({ settleMs: 2_000 * hour, ...changed });
  return { key, scripts: far(numbers), other: far, first };
}

const firstUs = (reply: Reservation): number => reply.nowUs + reply.firstInMs * 1000;
const beginnings = (reply: Reservation): number[] =>
  Array.from({ length: reply.given }, (_, n) => firstUs(reply) + n * reply.intervalMs * 1000);

describe('reserve', () => {
  it.each([0.3, 7, 333.33, 999, 30_000])('at %f a second slots are an interval apart, without drift', async (rate) => {
    const { scripts } = await openFar({ rate });
    // So many at once that this test's own time does not reach them.
    const many = await scripts.reserve({ wanted: Math.max(100_000, Math.ceil(120 * rate)), aheadMs: 1_000 * hour });
    const first = firstUs(many);
    let count = many.given;
    let last = first + (many.given - 1) * many.intervalMs * 1000;
    for (let asks = 0; asks < 300; asks += 1) {
      const reply = await scripts.reserve({ wanted: 1 + (asks % 3), aheadMs: 1_000 * hour });
      for (const at of beginnings(reply)) {
        // Microseconds since the epoch are exact to a quarter.
        expect(at - last).toBeGreaterThanOrEqual(1e6 / rate - 0.5);
        last = at;
      }
      count += reply.given;
    }
    expect(Math.abs(last - first - ((count - 1) * 1e6) / rate)).toBeLessThan(1);
  });

  it('whatever comes: no two slots that are held are nearer than an interval', async () => {
    const step = oneof(
      record({ take: integer({ min: 1, max: 12 }) }),
      record({ back: integer({ min: 1, max: 3 }) }),
      record({ sleep: integer({ min: 0, max: 4 }) }),
      constant({ slow: true as const }),
    );
    await assert(
      asyncProperty(constantFrom(0.3, 7, 333.33, 999), array(step, { minLength: 5, maxLength: 25 }), async (rate, steps) => {
        const { key, scripts } = await openFar({ rate, backlogMs: 2 });
        let held: { base: string; number: number; at: number }[] = [];
        for (const one of steps) {
          if ('take' in one) {
            const reply = await scripts.reserve({ wanted: one.take, aheadMs: hour });
            expect(reply.given).toBeLessThanOrEqual(one.take);
            held.push(...beginnings(reply).map((at, n) => ({ base: reply.base, number: reply.first + n, at })));
          } else if ('back' in one) {
            const last = held.at(-1);
            const unused = held.slice(-one.back).filter(({ base }) => base === last?.base);
            if (last === undefined || unused[0] === undefined) continue;
            await scripts.returnPermits({ base: last.base, from: unused[0].number, to: last.number + 1 });
            held = held.slice(0, -unused.length);
          } else if ('sleep' in one) await sleep(one.sleep);
          else {
            await redis.hset(key, 'fell', '1');
            await scripts.slowDown();
          }
        }
        const at = held.map((slot) => slot.at);
        expect(at).toEqual(at.toSorted((a, b) => a - b));
        for (let n = 1; n < at.length; n += 1) expect((at[n] as number) - (at[n - 1] as number)).toBeGreaterThanOrEqual(1e6 / rate - 0.5);
      }),
      { numRuns: 40 },
    );
  });

  it('gives nothing beyond the horizon, returns how long to wait, and keeps to it', async () => {
    const { scripts } = open({ rate: 0.3 });
    const one = await scripts.reserve({ wanted: 5, aheadMs: 0 });
    expect(one.given).toBe(1);
    const none = await scripts.reserve({ wanted: 5, aheadMs: 10 });
    expect(none.given).toBe(0);
    // By the time of Redis, so that it does not matter when it was asked.
    expect(none.waitMs).toBeCloseTo((firstUs(one) - none.nowUs) / 1000 + one.intervalMs - 10, 1);
    await sleep(none.waitMs + 2);
    expect((await scripts.reserve({ wanted: 5, aheadMs: 10 })).given).toBe(1);
  });

  it('an unused slot is kept for the backlog time and no longer', async () => {
    const { scripts } = open({ rate: 1_000, backlogMs: 5 });
    await scripts.reserve({ wanted: 1, aheadMs: 0 });
    await sleep(30);
    const reply = await scripts.reserve({ wanted: 100, aheadMs: 0 });
    expect(reply.given).toBe(6);
    expect(reply.firstInMs).toBe(-5);
  });

  it('a new schedule begins when a lost one is over, and asking again does not put it off', async () => {
    const settleMs = 3_000;
    const { key, scripts } = open({ rate: 100, settleMs });
    const first = await scripts.reserve({ wanted: 1, aheadMs: 10 });
    expect([first.given, first.firstInMs]).toEqual([0, settleMs]);
    await sleep(20);
    const again = await scripts.reserve({ wanted: 1, aheadMs: 10 });
    expect(firstUs(again)).toBe(firstUs(first));
    await sleep(again.firstInMs);
    expect((await scripts.reserve({ wanted: 1, aheadMs: 10 })).given).toBe(1);
    await redis.del(key);
    expect((await scripts.reserve({ wanted: 1, aheadMs: 10 })).firstInMs).toBe(settleMs);
  });

  it('a clock that was set back delays no caller for long', async () => {
    const { key, scripts } = open({ rate: 100, settleMs: 50 });
    const { nowUs } = await scripts.reserve({ wanted: 1, aheadMs: 0 });
    await redis.hset(key, 'base', String(nowUs + hour * 1000), 'count', '3', 'interval', '10000');
    const first = await scripts.reserve({ wanted: 1, aheadMs: 10 });
    expect([first.given, first.firstInMs]).toEqual([0, 60]);
    await sleep(55);
    expect((await scripts.reserve({ wanted: 1, aheadMs: 10 })).given).toBe(1);
  });

  it('instances with another rate keep the interval of the instance before them', async () => {
    const { scripts, other, first: slow } = await openFar({ rate: 10 });
    const fast = await other({ rate: 100 }).reserve({ wanted: 2, aheadMs: hour });
    const after = await scripts.reserve({ wanted: 1, aheadMs: hour });
    const at = [...beginnings(slow), ...beginnings(fast), ...beginnings(after)];
    expect(at.map((moment) => Math.round((moment - firstUs(slow)) / 1000))).toEqual([0, 100, 110, 120]);
  });

  it('an interval can be made longer', async () => {
    const { scripts } = await openFar({ rate: 100, stretch: 1.005 });
    expect((await scripts.reserve({ wanted: 2, aheadMs: hour })).intervalMs).toBeCloseTo(10.05);
  });
});

describe('returning permits', () => {
  it('the last ones are given again, at the same times', async () => {
    const { scripts } = await openFar({ rate: 10 });
    const two = await scripts.reserve({ wanted: 2, aheadMs: hour });
    await scripts.returnPermits({ base: two.base, from: two.first, to: two.first + 2 });
    expect(beginnings(await scripts.reserve({ wanted: 2, aheadMs: hour }))).toEqual(beginnings(two));
  });

  it('not when others came after them, nor twice, nor in another schedule', async () => {
    const { key, scripts, other, first: mine } = await openFar({ rate: 10 });
    const theirs = await scripts.reserve({ wanted: 1, aheadMs: hour });
    const count = (): Promise<string | null> => redis.hget(key, 'count');
    await scripts.returnPermits({ base: mine.base, from: mine.first, to: mine.first + 1 });
    expect(await count()).toBe('2');
    await scripts.returnPermits({ base: theirs.base, from: theirs.first, to: theirs.first + 1 });
    await scripts.returnPermits({ base: theirs.base, from: theirs.first, to: theirs.first + 1 });
    expect(await count()).toBe('1');
    await redis.del(key);
    expect((await other({ rate: 10, settleMs: 0 }).reserve({ wanted: 1, aheadMs: 0 })).given).toBe(1);
    await scripts.returnPermits({ base: mine.base, from: mine.first, to: mine.first + 1 });
    expect(await count()).toBe('1');
    await redis.del(key);
    await scripts.returnPermits({ base: mine.base, from: mine.first, to: mine.first + 1 });
    expect(await redis.exists(key)).toBe(0);
  });
});

describe('pausing the limiter', () => {
  it('never shortens, and slots begin only after it', async () => {
    const { scripts } = await openFar({ rate: 100 });
    await scripts.pushBack(2_000);
    await scripts.pushBack(5);
    const closedMs = await scripts.pausedFor();
    expect(closedMs).toBeGreaterThan(1_900);
    const reply = await scripts.reserve({ wanted: 1, aheadMs: hour });
    expect(reply.firstInMs).toBeGreaterThan(1_900);
    expect(reply.firstInMs).toBeCloseTo(reply.closedMs, 2);
    expect((await scripts.reserve({ wanted: 1, aheadMs: 0 })).given).toBe(0);
  });

  it('is open when it was never paused, and afterwards', async () => {
    const { key, scripts } = open({});
    expect(await scripts.pausedFor()).toBe(0);
    await scripts.pushBack(60_000);
    expect(await scripts.pausedFor()).toBeGreaterThan(0);
    // As if the minute had gone by.
    await redis.hincrby(key, 'closed', -60_000_000);
    expect(await scripts.pausedFor()).toBe(0);
  });
});

describe('slowing the limiter down', () => {
  it('halves, once a second, not below a hundredth', async () => {
    const { key, scripts } = open({ rate: 100 });
    expect((await scripts.slowDown()).low).toBe(50);
    expect((await scripts.slowDown()).low).toBe(50);
    for (let falls = 0; falls < 8; falls += 1) {
      const fell = Number(await redis.hget(key, 'fell'));
      await redis.hset(key, 'fell', String(fell - 1_000_000));
      await scripts.slowDown();
    }
    const { low, elapsedMs } = await scripts.slowDown();
    expect(low).toBeGreaterThanOrEqual(1);
    expect(low).toBeLessThan(3);
    expect(elapsedMs).toBeLessThan(500);
  });

  it('climbs back in a straight line, to the configured rate and not beyond it', async () => {
    const { key, scripts, other } = await openFar({ rate: 100 });
    await scripts.slowDown();
    const intervalAfter = async (seconds: number, asked = scripts): Promise<number> => {
      const { nowUs } = await scripts.reserve({ wanted: 1, aheadMs: hour });
      await redis.hset(key, 'fell', String(nowUs - seconds * 1_000_000));
      return (await asked.reserve({ wanted: 1, aheadMs: hour })).intervalMs;
    };
    expect(await intervalAfter(0)).toBeCloseTo(20, 1);
    expect(await intervalAfter(30)).toBeCloseTo(1000 / 75, 1);
    expect(await intervalAfter(61)).toBe(10);
    expect(await intervalAfter(10, other({ rate: 20 }))).toBe(50);
    // The clock was set back: the fall is counted from now.
    expect(await intervalAfter(-3_600)).toBeCloseTo(20, 1);
    expect(await intervalAfter(60)).toBe(10);
  });
});
