import { describe, expect, it } from 'vitest';
import { createSendQueue, permitWithinMs, type SendPlace } from '../../../batches/pipeline/send-queue.ts';
import { createLocalLimiter } from '../../../src/limiter/local.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const never = new AbortController().signal;

const start = (rate: number | 'unlimited' = 'unlimited') => {
  const clock = createVirtualClock(0);
  const limiter = createLocalLimiter({ rate, clock, resolutionMs: 0 });
  return { clock, limiter, queue: createSendQueue({ limiter, clock }) };
};
/** Whether it is settled once everything that can happen at once has happened. */
const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false;
  const note = (): void => void (settled = true);
  promise.then(note, note);
  for (let turn = 0; turn < 40; turn += 1) await Promise.resolve();
  return settled;
};

describe('the send queue', () => {
  it.each([0.2, 1, 7, 9.5, 20, 50, 500, 5_000])(
    'at %d a second admits each record at most 100 ms before its permit, and wastes none',
    async (rate) => {
      const { clock, limiter, queue } = start(rate);
      const began = clock.now();
      const count = Math.min(Math.max(3, Math.ceil(rate)), 300);
      const waits: number[] = [];
      let done = 0;
      const sends = Array.from({ length: count }, async () => {
        const place = await queue.acquire(never);
        const admittedAt = clock.now();
        await limiter.acquire(never, permitWithinMs);
        place.leave('permitted');
        waits.push(clock.now() - admittedAt);
        done += 1;
      });
      await clock.passUntil(() => done === count);
      await Promise.all(sends);
      expect(Math.max(...waits)).toBeLessThanOrEqual(permitWithinMs);
      // The first one needs no wait; a burst may go ahead.
      expect(clock.now() - began).toBeLessThanOrEqual(((count - 1) * 1000) / rate + 2);
    },
  );

  it.each([5, 30, 60])('admits early enough when writing an intent takes %d ms, and wastes no permit of 50 a second', async (intentMs) => {
    const { clock, limiter, queue } = start(50);
    const began = clock.now();
    let done = 0;
    const waits: number[] = [];
    const sends = Array.from({ length: 200 }, async () => {
      const place = await queue.acquire(never);
      const admittedAt = clock.now();
      await clock.sleep(intentMs);
      place.intended();
      await limiter.acquire(never, permitWithinMs);
      place.leave('permitted');
      waits.push(clock.now() - admittedAt);
      done += 1;
    });
    await clock.passUntil(() => done === 200);
    await Promise.all(sends);
    // After some it is known how long it takes.
    expect(Math.max(...waits.slice(100))).toBeLessThanOrEqual(2 * intentMs + 20);
    expect(clock.now() - began).toBeLessThanOrEqual(199 * 20 + 20 * intentMs + 20);
  });

  it('admits without a bound of its own where the rate is unlimited', async () => {
    const { queue } = start();
    for (let n = 0; n < 1_000; n += 1) expect(await isSettled(queue.acquire(never))).toBe(true);
  });

  it('admits nothing for as long as the gateway asked to wait, neither what waited already', async () => {
    const { clock, limiter, queue } = start();
    limiter.pushBack(600_000);
    const first = queue.acquire(never);
    const second = queue.acquire(never);
    await clock.pass(599_999);
    expect(await isSettled(first)).toBe(false);
    await clock.pass(1);
    expect([await isSettled(first), await isSettled(second)]).toEqual([true, true]);
  });

  it('lets those behind a place that leaves without a permit, as of a paused batch, have the permit that it did not take', async () => {
    const { clock, limiter, queue } = start(0.2);
    await limiter.acquire(never, permitWithinMs);
    const began = clock.now();
    let done = 0;
    const places = Array.from({ length: 30 }, async () => {
      const place = await queue.acquire(never);
      // Longer than nothing, as the refusal of an intent takes.
      await clock.sleep(5);
      place.leave('permitted');
      done += 1;
    });
    await clock.passUntil(() => done === places.length);
    // One turn of 5 s, and not one for each of them.
    expect(clock.now() - began).toBeLessThanOrEqual(10_000);
  });

  it('admits in the order of arrival', async () => {
    const { clock, limiter, queue } = start(10);
    const order: number[] = [];
    const sends = [0, 1, 2, 3].map(async (n) => {
      const place = await queue.acquire(never);
      order.push(n);
      await limiter.acquire(never, permitWithinMs);
      place.leave('permitted');
    });
    await clock.passUntil(() => order.length === 4);
    await clock.pass(1_000);
    await Promise.all(sends);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('admits fewer at once when permits come too late, as where other instances take them, and more again later', async () => {
    const { queue } = start();
    const hold = async (count: number): Promise<SendPlace[]> => Promise.all(Array.from({ length: count }, () => queue.acquire(never)));
    for (const place of await hold(8)) place.leave('late');
    const [one] = await hold(1);
    const next = queue.acquire(never);
    expect(await isSettled(next)).toBe(false);
    one?.leave('permitted');
    const place = await next;
    // Leaving twice is leaving once.
    one?.leave('late');
    place.leave('permitted');
    for (let n = 0; n < 20; n += 1) (await queue.acquire(never)).leave('permitted');
    const several = hold(8);
    expect(await isSettled(several)).toBe(true);
  });

  it('rejects waiting callers with the reason of a stop, and releases their places', async () => {
    const { clock, limiter, queue } = start();
    limiter.pushBack(60_000);
    const stop = new AbortController();
    const waiting = [queue.acquire(stop.signal), queue.acquire(stop.signal)];
    expect(await isSettled(Promise.race(waiting))).toBe(false);
    stop.abort(new Error('stopped'));
    for (const one of waiting) await expect(one).rejects.toThrow('stopped');
    await expect(queue.acquire(stop.signal)).rejects.toThrow('stopped');
    await clock.pass(60_000);
    expect(await isSettled(queue.acquire(never))).toBe(true);
    expect(clock.sleepers()).toBe(0);
  });

  it('rejects callers that wait for a place when the run stops', async () => {
    const { queue } = start();
    (await queue.acquire(never)).leave('late');
    await queue.acquire(never);
    const stop = new AbortController();
    const waiting = queue.acquire(stop.signal);
    expect(await isSettled(waiting)).toBe(false);
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
  });
});
