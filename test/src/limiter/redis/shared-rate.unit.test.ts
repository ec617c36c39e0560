import { array, assert, asyncProperty, constantFrom, double, integer, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSendQueue, permitWithinMs } from '../../../../batches/pipeline/send-queue.ts';
import { burstOf } from '../../../../src/limiter/local.ts';
import { createRedisLimiter } from '../../../../src/limiter/redis/limiter.ts';
import { createTimedLine } from '../../../../src/sender/timed-line.ts';
import { worstExcess } from '../../../contracts/limiter.suite.ts';
import { createVirtualClock, type VirtualClock } from '../../../support/virtual-clock.ts';
import { createVirtualScripts, virtualRedis } from './virtual-redis.ts';

/** From `at` for so long nothing of a process runs; milliseconds since the start. */
interface Pause {
  readonly at: number;
  readonly ms: number;
}

interface Machine {
  /** Of the main thread. */
  readonly pauses: readonly Pause[];
  /** Of the thread that sends. */
  readonly senderPauses: readonly Pause[];
  /** Its monotonic clock began then. */
  readonly offsetMs: number;
}

interface Setting {
  readonly rate: number;
  readonly machines: readonly Machine[];
  readonly seconds: number;
  /** Redis TIME runs so many millionths fast. */
  readonly driftPpm: number;
  /** From 0 to 1, again and again. */
  readonly dice: () => number;
  readonly lostShare: number;
  readonly longestTripMs: number;
  readonly longestIntentMs: number;
}

const never = new AbortController().signal;
const start = 0;
/** A shorter sleep would not move the sum of a clock and an offset. */
const resolutionMs = 0.01;

/** A clock whose sleepers wake up when the process runs again. */
function heldUp(clock: VirtualClock, pauses: readonly Pause[], offsetMs: number) {
  const runs = async (): Promise<void> => {
    for (;;) {
      const moment = clock.now() - start;
      const pause = pauses.find(({ at, ms }) => moment >= at && moment < at + ms);
      if (pause === undefined) return;
      await clock.sleep(Math.max(pause.at + pause.ms - moment, resolutionMs));
    }
  };
  return {
    runs,
    now: () => clock.now() + offsetMs,
    sleep: async (ms: number, signal?: AbortSignal): Promise<void> => {
      await clock.sleep(Math.max(ms, resolutionMs), signal);
      await runs();
      signal?.throwIfAborted();
    },
  };
}

/** When the first bytes leave, with more work than the rate lets pass. */
async function arrivalsOf({ rate, machines, seconds, driftPpm, dice, ...network }: Setting): Promise<number[]> {
  const clock = createVirtualClock(start);
  const serverUs = (): number => Math.floor((5_000_000 + (clock.now() - start) * (1 + driftPpm / 1e6)) * 1000);
  const scripts = createVirtualScripts(serverUs);
  const at: number[] = [];
  let ended = false;

  for (const { pauses, senderPauses, offsetMs } of machines) {
    const main = heldUp(clock, pauses, offsetMs);
    const thread = heldUp(clock, senderPauses, 0);
    const redis = virtualRedis(scripts, async (carryOut) => {
      await main.runs();
      await clock.sleep(0.1 + dice() * network.longestTripMs);
      const isLost = dice() < network.lostShare;
      const isCarriedOut = !isLost || dice() < 0.5;
      const reply = isCarriedOut ? carryOut() : undefined;
      await clock.sleep(0.1 + dice() * network.longestTripMs);
      await main.runs();
      if (isLost) throw new Error('the answer was lost');
      return reply;
    });
    const limiter = createRedisLimiter({
      ...{ redis, prefix: 'p', name: 'dispatch', rate, clock: main, now: main.now, random: dice, windows: true },
      onTrouble: () => undefined,
    });
    const queue = createSendQueue({ limiter, clock: { now: main.now, sleep: main.sleep } });
    const line = createTimedLine({ now: clock.now, sleep: thread.sleep });
    const worker = async (): Promise<void> => {
      while (!ended) {
        const place = await queue.acquire(never);
        await main.sleep(1 + dice() * network.longestIntentMs);
        place.intended();
        const permit = await limiter.acquire(never, permitWithinMs).catch(() => null);
        place.leave(permit === null ? 'late' : 'permitted');
        if (permit?.window === undefined || !permit.isValid()) continue;
        const { from, to, spacingMs } = permit.window;
        await new Promise<void>((resolve) => {
          line.add({
            window: { from: from - offsetMs, to: to - offsetMs, spacingMs },
            start: () => (at.push(clock.now()), resolve()),
            drop: resolve,
          });
        });
        await main.sleep(5);
      }
    };
    for (let n = 0; n < 32; n += 1) void worker();
  }
  await clock.pass(seconds * 1000);
  ended = true;
  return at;
}

const pauses = (seconds: number) =>
  array(record({ at: integer({ min: 0, max: seconds * 1000 }), ms: integer({ min: 1, max: 300 }) }), { maxLength: 12 });

const diceFrom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
};

describe('the rate that instances share', () => {
  it('no window holds more than it may, whatever pauses, is lost or drifts', async () => {
    const seconds = 2;
    const machine = record({ pauses: pauses(seconds), senderPauses: pauses(seconds), offsetMs: integer({ min: -1e6, max: 1e6 }) });
    await assert(
      asyncProperty(
        constantFrom(200, 250, 400, 1_000),
        array(machine, { minLength: 1, maxLength: 8 }),
        integer({ min: 1, max: 2 ** 31 - 1 }),
        double({ min: -250, max: 250, noNaN: true }),
        constantFrom(0, 0.02, 0.3),
        constantFrom(0.3, 3, 40),
        async (rate, machines, seed, driftPpm, lostShare, longestTripMs) => {
          const at = await arrivalsOf({
            ...{ rate, machines, seconds, driftPpm, dice: diceFrom(seed), lostShare, longestTripMs, longestIntentMs: 15 },
          });
          expect(worstExcess(at, rate, burstOf(rate))).toBeLessThanOrEqual(1e-6);
        },
      ),
      { numRuns: 30 },
    );
  });

  /** As measured in an instance: short collections of garbage often, long ones now and then, seldom a page of messages. */
  const measured = (dice: () => number, seconds: number): Pause[] => {
    const found: Pause[] = [];
    for (const [everyMs, leastMs, mostMs] of [
      [55, 2, 6],
      [750, 12, 26],
      [30_000, 60, 100],
    ] as const)
      for (let at = dice() * everyMs; at < seconds * 1000; at += everyMs * (0.5 + dice()))
        found.push({ at, ms: leastMs + dice() * (mostMs - leastMs) });
    return found;
  };

  it.each([
    [200, 1],
    [200, 4],
    [200, 8],
    [400, 1],
    [400, 2],
    [400, 8],
  ])('at %d a second %d instances use 99 percent under the pauses of an ordinary run', async (rate, instances) => {
    const dice = diceFrom(rate + instances);
    const seconds = 16;
    const machines = Array.from({ length: instances }, () => ({
      pauses: measured(dice, seconds),
      senderPauses: [],
      offsetMs: dice() * 1e6,
    }));
    const all = await arrivalsOf({ rate, machines, seconds, driftPpm: 20, dice, lostShare: 0, longestTripMs: 4, longestIntentMs: 12 });
    const at = all.filter((moment) => moment >= start + 2_000);
    expect(worstExcess(at, rate, burstOf(rate))).toBeLessThanOrEqual(1e-6);
    expect(at.length / (seconds - 2) / rate).toBeGreaterThanOrEqual(0.99);
  });
});
