import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startWorkers, type Worker } from '../../../batches/pipeline/worker.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const counted = (delays: readonly number[]): Worker & { ticks: number } => ({
  name: 'counted',
  ticks: 0,
  tick() {
    const delay = delays[this.ticks] ?? Number.POSITIVE_INFINITY;
    this.ticks += 1;
    return Promise.resolve(delay);
  },
});

const setUp = (workers: readonly Worker[]) => {
  const clock = createVirtualClock();
  const controller = new AbortController();
  const failures: string[] = [];
  const running = startWorkers(workers, {
    clock,
    signal: controller.signal,
    onFailure: (cause, { name }) => void failures.push(`${name}: ${String(cause)}`),
  });
  return { clock, controller, failures, running };
};

describe('startWorkers', () => {
  it('ticks each worker at once and then after the delay that the last tick returned', async () => {
    const [fast, slow] = [counted([10, 10, 10]), counted([100])];
    const { clock, running } = setUp([fast, slow]);
    await turn();
    expect([fast.ticks, slow.ticks]).toEqual([1, 1]);
    await clock.pass(10);
    expect([fast.ticks, slow.ticks]).toEqual([2, 1]);
    await clock.pass(90);
    expect([fast.ticks, slow.ticks]).toEqual([4, 2]);
    await running.stop();
  });

  it('ends a pause when the worker is woken, an endless one too', async () => {
    let wake = (): void => undefined;
    const worker = { ...counted([]), started: (wakes: () => void) => (wake = wakes) };
    const { clock, running } = setUp([worker]);
    await turn();
    expect(clock.sleepers()).toBe(0);
    wake();
    await turn();
    expect(worker.ticks).toBe(2);
    await running.stop();
  });

  it('skips the next pause when the worker is woken during a tick', async () => {
    let wake = (): void => undefined;
    const { promise: held, resolve: release } = Promise.withResolvers<number>();
    let ticks = 0;
    const worker: Worker = {
      name: 'held',
      started: (wakes) => (wake = wakes),
      tick: () => ((ticks += 1) === 1 ? held : Promise.resolve(Number.POSITIVE_INFINITY)),
    };
    const { running } = setUp([worker]);
    wake();
    release(60_000);
    await turn();
    expect(ticks).toBe(2);
    await running.stop();
  });

  it('reports a failed worker once, keeps the others going, and rejects stop with the first failure', async () => {
    const broken: Worker = { name: 'broken', tick: () => Promise.reject(new Error('no ledger')) };
    const other = counted([10, 10]);
    const { clock, failures, running } = setUp([broken, other]);
    await clock.pass(20);
    expect(failures).toEqual(['broken: Error: no ledger']);
    expect(other.ticks).toBe(3);
    await expect(running.stop()).rejects.toThrow('no ledger');
  });

  it('stops once: every call of stop waits for the running tick and for what the ticks started', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<number>();
    let drains = 0;
    const worker: Worker = { name: 'held', tick: () => held, drain: () => Promise.resolve(void (drains += 1)) };
    const { running } = setUp([worker]);
    const stops = [running.stop(), running.stop()];
    let isOver = false;
    void Promise.all(stops).then(() => (isOver = true));
    await turn();
    expect(isOver).toBe(false);
    release(0);
    await Promise.all(stops);
    expect(drains).toBe(1);
  });

  it('starts no tick after its signal is aborted, and wakes what sleeps', async () => {
    const worker = counted([60_000, 60_000]);
    const { clock, controller, running } = setUp([worker]);
    await turn();
    controller.abort(new Error('stopped'));
    await running.stop();
    expect(worker.ticks).toBe(1);
    expect(clock.sleepers()).toBe(0);
  });

  it('reports what fails while it drains', async () => {
    const worker: Worker = { ...counted([]), name: 'draining', drain: () => Promise.reject(new Error('late')) };
    const { failures, running } = setUp([worker]);
    await expect(running.stop()).rejects.toThrow('late');
    expect(failures).toEqual(['draining: Error: late']);
  });
});
