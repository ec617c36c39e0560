import { getEventListeners } from 'node:events';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Limiter } from '../../../../batches/ports/limiter.ts';
import { monotonicClock, preciseClock } from '../../../../src/clock.ts';
import { burstOf } from '../../../../src/limiter/local.ts';
import { createRedisLimiter } from '../../../../src/limiter/redis/limiter.ts';
import { limiterSuite, worstExcess } from '../../../contracts/limiter.suite.ts';
import { patience } from '../../../support/patience.ts';
import { startRedis, type RedisServer } from '../../../support/redis-server.ts';
import { uniquePrefix } from '../../../support/services.ts';
import { connect } from './client.ts';

const now = (): number => performance.now();
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const never = new AbortController().signal;

/** A busy machine may hold the process for so long between a grant and this test's look at the clock. */
const sightMs = 3;

interface Options {
  readonly redis: Redis;
  readonly prefix: string;
  readonly rate: number | 'unlimited';
  readonly onTrouble?: (trouble: Error) => void;
}
const silent = (trouble: Error): never => {
  throw trouble;
};
const limiterOn = ({ redis, prefix, rate, onTrouble = silent }: Options): Limiter => {
  const clock = rate !== 'unlimited' && burstOf(rate) === 1 ? preciseClock : monotonicClock;
  return createRedisLimiter({ redis, prefix, name: 'init', rate, clock, now, random: Math.random, onTrouble });
};

limiterSuite('on Redis', async (rate) => {
  const redis = await connect();
  const prefix = uniquePrefix();
  return {
    limiter: limiterOn({ redis, prefix, rate }),
    now,
    sightMs,
    pass: sleep,
    close: async () => {
      await redis.del(`${prefix}:{limiter}:init`);
      redis.disconnect();
    },
  };
});

/** Lets workers take permits until `stop`; reports when they passed. */
function work(limiters: readonly Limiter[], workers = 10): { at: number[]; stop: () => Promise<void> } {
  const at: number[] = [];
  const stopping = new AbortController();
  const worker = async (limiter: Limiter): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await limiter.acquire(stopping.signal);
        at.push(now());
      } catch (cause) {
        if (cause !== stopping.signal.reason) throw cause;
      }
    }
  };
  const all = limiters.flatMap((limiter) => Array.from({ length: workers }, () => worker(limiter)));
  return {
    at,
    async stop() {
      stopping.abort();
      await Promise.all(all);
    },
  };
}

/** Waits until more permits than this have passed. */
const hasPassed = (at: readonly number[], count: number): Promise<void> => expect.poll(() => at.length, patience).toBeGreaterThan(count);

/** How much of the time this process was held up for longer than a permit lives, and what each time may cost besides. */
function watchStalls(longerMs: number, besidesMs: number): () => number {
  const begin = now();
  let last = begin;
  let lostMs = 0;
  const timer = setInterval(() => {
    const moment = now();
    if (moment - last > longerMs) lostMs += moment - last + besidesMs;
    last = moment;
  }, 1);
  return () => {
    clearInterval(timer);
    return lostMs / (now() - begin);
  };
}

describe('four instances', () => {
  let clients: Redis[] = [];
  const prefixes: string[] = [];
  beforeAll(async () => {
    clients = await Promise.all([connect(), connect(), connect(), connect()]);
  });
  afterAll(async () => {
    for (const prefix of prefixes) await clients[0]?.del(`${prefix}:{limiter}:init`);
    for (const client of clients) client.disconnect();
  });
  const four = (rate: number | 'unlimited'): Limiter[] => {
    const prefix = uniquePrefix();
    prefixes.push(prefix);
    return clients.map((redis) => limiterOn({ redis, prefix, rate }));
  };

  it('use all of 200 a second, and no window holds more than it may', async () => {
    let shortfall = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 3 && shortfall > 0.01; tries += 1) {
      const limiters = four(200);
      const running = work(limiters);
      await sleep(300);
      const stalled = watchStalls(2.5, 10);
      const started = running.at.length;
      const from = running.at.at(-1) as number;
      await sleep(5_000);
      const share = (running.at.length - started) / (((running.at.at(-1) as number) - from) / 1000) / 200;
      shortfall = 1 - share - stalled();
      await running.stop();
      expect(worstExcess(running.at, 200, 2)).toBeLessThanOrEqual((200 * sightMs) / 1000);
    }
    expect(shortfall).toBeLessThanOrEqual(0.01);
  });

  it('hold the bound also when replies are late and the process stalls', async () => {
    const prefix = uniquePrefix();
    prefixes.push(prefix);
    let late = 0;
    const slow = new Proxy(clients[0] as Redis, {
      get(target, name): unknown {
        const value: unknown = Reflect.get(target, name, target);
        if (name !== 'disburseLimiterReserve') return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        return async (...args: unknown[]) => {
          const reply = await (value as (...all: unknown[]) => Promise<unknown>).apply(target, args);
          await sleep((late = (late + 7) % 45));
          return reply;
        };
      },
    });
    // A process that the machine holds up between the permit and our look at the clock sees it late: best of three.
    let worst = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 3 && worst > (500 * sightMs) / 1000; tries += 1) {
      const running = work([slow, ...clients.slice(1)].map((redis) => limiterOn({ redis, prefix, rate: 500 })));
      // Until there are permits enough to judge, which takes longer on a busy machine.
      for (let stalls = 0; stalls < 30 || running.at.length <= 200; stalls += 1) {
        await sleep(50);
        const until = now() + (stalls % 5) * 6;
        while (now() < until);
      }
      await running.stop();
      worst = worstExcess(running.at, 500, 5);
    }
    expect(worst).toBeLessThanOrEqual((500 * sightMs) / 1000);
  });

  it('without a burst send at most the rate in any second', async () => {
    const running = work(four(50));
    await sleep(4_000);
    await hasPassed(running.at, 100);
    await running.stop();
    for (const [first, from] of running.at.entries()) {
      const inSecond = running.at.slice(first).filter((moment) => moment <= from + 1000 - sightMs).length;
      expect(inSecond).toBeLessThanOrEqual(51);
    }
    // Half an interval is what two instances may differ by.
    expect(worstExcess(running.at, 50, 1)).toBeLessThanOrEqual(0.5 + (50 * sightMs) / 1000);
  });

  it.each([200, 'unlimited' as const])('at %s, pushBack of one holds all of them, and then they go on', async (rate) => {
    const [first, ...others] = four(rate) as [Limiter, ...Limiter[]];
    // Paced, as unlimited work would never let go of the event loop.
    const paced = others.map((limiter) => ({ ...limiter, acquire: (signal: AbortSignal) => sleep(1).then(() => limiter.acquire(signal)) }));
    const running = work(paced, 2);
    await sleep(500);
    await hasPassed(running.at, 20);
    const closedAt = now();
    first.pushBack(700);
    first.pushBack(10);
    await sleep(300);
    // Told to the one, known to all who ask for permits; a busy machine may have slept longer.
    const leftMs = closedAt + 700 - now();
    for (const limiter of others) expect(Math.abs(limiter.closedForMs() - Math.max(leftMs, 0))).toBeLessThan(100);
    await sleep(1_000);
    await running.stop();
    // What they know may be 50 ms old; the way to Redis is its own time.
    const held = running.at.filter((at) => at > closedAt + 50 + 30 && at < closedAt + 700);
    expect(held).toEqual([]);
    expect(running.at.filter((at) => at > closedAt + 700).length).toBeGreaterThan(20);
  });

  it('slowDown of one slows all of them, and all of them climb back', async () => {
    const limiters = four(200);
    const [first, second] = limiters as [Limiter, Limiter];
    const prefix = prefixes.at(-1) as string;
    const running = work(limiters);
    await sleep(500);
    for (const limiter of limiters) limiter.slowDown();
    first.slowDown();
    await sleep(200);
    const from = now();
    await sleep(1_000);
    // Of a second, however long it was slept.
    const halved = running.at.filter((at) => at >= from && at < from + 1_000).length;
    expect(halved).toBeGreaterThan(30);
    expect(halved).toBeLessThanOrEqual(107);
    expect(second.rate()).toBeGreaterThan(100);
    expect(second.rate()).toBeLessThan(110);

    // As if 59.5 s had gone by: a second later all is as it was.
    const fell = Number(await clients[0]?.hget(`${prefix}:{limiter}:init`, 'fell'));
    await clients[0]?.hset(`${prefix}:{limiter}:init`, 'fell', String(fell - 59_500_000));
    await sleep(1_000);
    // More in a second than half the rate and the burst allow; a busy machine may need a few tries.
    let most = 0;
    for (let tries = 0; tries < 5 && most <= 107; tries += 1) {
      const before = running.at.length;
      await sleep(1_000);
      most = Math.max(most, running.at.length - before);
    }
    await running.stop();
    expect(most).toBeGreaterThan(107);
    expect(limiters.map((limiter) => limiter.rate())).toEqual([200, 200, 200, 200]);
  });

  it('an abort gives the permit back to the others, and leaves no listener', async () => {
    const [first, second] = four(1) as [Limiter, Limiter];
    await first.acquire(never);
    const begin = now();
    const stop = new AbortController();
    const waiting = Array.from({ length: 5 }, () => first.acquire(stop.signal).catch(() => 'stopped'));
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
    // The slot is reserved some milliseconds before it begins. Asked on the same connection, so the first has its
    // answer when this one comes.
    while ((await clients[0]?.hget(`${prefixes.at(-1)}:{limiter}:init`, 'count')) === '1') await sleep(1);
    stop.abort(new Error('stopped'));
    expect(await Promise.all(waiting)).toContain('stopped');
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
    await second.acquire(never);
    // At the first permit's second, or, had it just passed, a second later.
    const passed = (await Promise.all(waiting)).filter((end) => end !== 'stopped').length;
    expect(passed).toBeLessThanOrEqual(1);
    expect(now() - begin).toBeLessThan(1_200 + passed * 1_005);
    expect(now() - begin).toBeGreaterThanOrEqual(990);
  });
});

describe('a limiter while Redis is unavailable', () => {
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  afterEach(() => redis.disconnect());

  describe.each([200, 'unlimited' as const])('at %s', (rate) => {
    it.each([
      ['frozen', async () => server.pause(), async () => server.resume()],
      ['killed', () => server.stop('SIGKILL'), () => server.restart()],
    ])('grants no permit while Redis is %s, reports it once, and continues when Redis is back', async (_, away, back) => {
      redis = await connect(server.url);
      const troubles: string[] = [];
      const limiter = limiterOn({ redis, prefix: uniquePrefix(), rate, onTrouble: (trouble) => troubles.push(trouble.message) });
      const paced = { ...limiter, acquire: (signal: AbortSignal) => sleep(1).then(() => limiter.acquire(signal)) };
      const running = work([paced], 3);
      await hasPassed(running.at, 20);
      await away();
      const awayAt = now();
      await sleep(1_500);
      // Whatever was given before is used or dead after 50 ms.
      expect(running.at.filter((at) => at > awayAt + 50 + sightMs)).toEqual([]);
      expect(troubles).toEqual([expect.stringContaining(`"init" gets no answer from Redis at 127.0.0.1:${server.port}`)]);
      // Told now, and taken when Redis is back.
      limiter.pushBack(600);
      const pushedAt = now();
      await back();
      await sleep(1_500);
      await running.stop();
      expect(running.at.filter((at) => at > awayAt + 50 + sightMs && at < pushedAt + 600)).toEqual([]);
      expect(running.at.filter((at) => at >= pushedAt + 600).length).toBeGreaterThan(20);
      expect(troubles).toHaveLength(1);
      if (rate !== 'unlimited') expect(worstExcess(running.at, rate, burstOf(rate))).toBeLessThanOrEqual((rate * sightMs) / 1000);
    });
  });

  it('an abort releases waiters, and a pushBack that was not delivered ends with the connection', async () => {
    redis = await connect(server.url);
    const troubles: Error[] = [];
    const limiter = limiterOn({ redis, prefix: uniquePrefix(), rate: 10, onTrouble: (trouble) => troubles.push(trouble) });
    server.pause();
    try {
      const stop = new AbortController();
      const waiting = limiter.acquire(stop.signal);
      limiter.pushBack(3_600_000);
      await sleep(100);
      stop.abort(new Error('stopped'));
      await expect(waiting).rejects.toThrow('stopped');
      redis.disconnect();
      await sleep(600);
      expect(troubles).toHaveLength(1);
    } finally {
      server.resume();
    }
  });
});

it.each([0, -1, Number.NaN])('the Redis limiter refuses the rate %f', (rate) => {
  expect(() => limiterOn({ redis: {} as Redis, prefix: 'p', rate })).toThrow(RangeError);
});
