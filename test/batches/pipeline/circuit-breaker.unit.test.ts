import { describe, expect, it } from 'vitest';
import {
  createCircuitBreaker,
  nextBreakerState,
  probePauseMs,
  type BreakerChange,
  type BreakerEvent,
  type BreakerOptions,
  type BreakerState,
} from '../../../batches/pipeline/circuit-breaker.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

describe('nextBreakerState', () => {
  const closed = (failures: number): BreakerState => ({ type: 'closed', failures });
  const trial: BreakerState = { type: 'trial', since: 5, probes: 3 };
  const open: BreakerState = { type: 'open', since: 5, probes: 3 };
  it.each<[BreakerState, BreakerEvent, BreakerState]>([
    [closed(0), 'transport_failure', closed(1)],
    [closed(8), 'transport_failure', closed(9)],
    [closed(9), 'transport_failure', { type: 'open', since: 100, probes: 0 }],
    [closed(9), 'reached', closed(0)],
    [closed(9), 'probe_answered', closed(9)],
    [closed(9), 'probe_failed', closed(9)],
    [open, 'transport_failure', open],
    [open, 'reached', closed(0)],
    [open, 'probe_answered', trial],
    [open, 'probe_failed', { type: 'open', since: 5, probes: 4 }],
    [trial, 'transport_failure', { type: 'open', since: 5, probes: 4 }],
    [trial, 'reached', closed(0)],
    [trial, 'probe_answered', trial],
    [trial, 'probe_failed', trial],
  ])('%j, %s: %j', (state, event, next) => {
    expect(nextBreakerState(state, event, 100, 10)).toEqual(next);
  });
});

describe('probePauseMs', () => {
  it('doubles from the first to the longest, with a jitter of a quarter', () => {
    const pauses = (random: () => number) => [0, 1, 2, 6, 1000].map((probes) => probePauseMs(probes, 500, 30_000, random));
    expect(pauses(() => 0.5)).toEqual([500, 1_000, 2_000, 30_000, 30_000]);
    expect(pauses(() => 0)).toEqual([375, 750, 1_500, 22_500, 22_500]);
    expect(pauses(() => 0.999)[3]).toBeLessThan(37_500);
  });
});

function make(options: Partial<BreakerOptions> = {}) {
  const clock = createVirtualClock(1_000_000);
  const probes: number[] = [];
  const changes: BreakerChange[] = [];
  const world = { answers: false };
  const breaker = createCircuitBreaker({
    clock,
    random: () => 0.5,
    probe: () => {
      probes.push(clock.now() - 1_000_000);
      return Promise.resolve(world.answers);
    },
    onChange: (change) => changes.push(change),
    ...options,
  });
  const fail = (times: number): void => {
    for (let n = 0; n < times; n += 1) breaker.record('transport_failure');
  };
  const waiting = (signal: AbortSignal = new AbortController().signal) => {
    const waiter = { state: 'waiting' as 'waiting' | 'passed' | 'aborted' };
    breaker.waitUntilClosed(signal).then(
      () => (waiter.state = 'passed'),
      () => (waiter.state = 'aborted'),
    );
    return waiter;
  };
  return { clock, probes, changes, world, breaker, fail, waiting };
}
const never = new AbortController().signal;

describe('createBreaker', () => {
  it('lets everybody pass while fewer than the threshold fail in a row', async () => {
    const { breaker, fail } = make();
    for (let round = 0; round < 20; round += 1) {
      fail(9);
      breaker.record('reached');
    }
    fail(9);
    await breaker.waitUntilClosed(never);
    expect(breaker.openSince()).toBeNull();
  });

  it('opens at the threshold, probes at growing pauses, lets one pass when a probe is answered, and all when that one got through', async () => {
    const { breaker, clock, probes, changes, world, fail, waiting } = make();
    fail(10);
    expect(breaker.openSince()).toBe(1_000_000);
    const waiters = [waiting(), waiting()];
    await clock.pass(500 + 1_000 + 2_000 + 4_000);
    expect(probes).toEqual([500, 1_500, 3_500, 7_500]);
    expect(waiters.map((waiter) => waiter.state)).toEqual(['waiting', 'waiting']);
    world.answers = true;
    await clock.pass(8_000);
    expect(probes).toEqual([500, 1_500, 3_500, 7_500, 15_500]);
    expect(waiters.map((waiter) => waiter.state)).toEqual(['passed', 'waiting']);
    expect(breaker.openSince()).toBe(1_000_000);
    expect(breaker.isOpen()).toBe(false);
    breaker.record('reached');
    await clock.pass(0);
    expect(waiters.map((waiter) => waiter.state)).toEqual(['passed', 'passed']);
    expect(breaker.openSince()).toBeNull();
    expect(changes).toEqual([
      { type: 'opened', since: 1_000_000, at: 1_000_000 },
      { type: 'closed', since: 1_000_000, at: 1_015_500 },
    ]);
  });

  it('the one that goes first keeps the others waiting for five seconds at most, if it never tells', async () => {
    const { breaker, clock, world, fail, waiting } = make();
    world.answers = true;
    fail(10);
    const waiters = [waiting(), waiting(), waiting()];
    const states = (): string[] => waiters.map((waiter) => waiter.state);
    await clock.pass(500);
    expect(states()).toEqual(['passed', 'waiting', 'waiting']);
    await clock.pass(5_000);
    expect(states()).toEqual(['passed', 'passed', 'waiting']);
    fail(1);
    await clock.pass(999);
    expect(states()).toEqual(['passed', 'passed', 'waiting']);
    expect(breaker.isOpen()).toBe(true);
  });

  it('a probe that rejects is a probe without an answer', async () => {
    let calls = 0;
    const { breaker, clock, fail, waiting } = make({
      probe: () => {
        calls += 1;
        return calls < 3 ? Promise.reject(new Error('no')) : Promise.resolve(true);
      },
    });
    fail(10);
    const waiter = waiting();
    await clock.pass(3_500);
    expect(waiter.state).toBe('passed');
    expect(breaker.isOpen()).toBe(false);
  });

  it('after an answered probe the first failure opens it again, with its time, and the pauses go on growing', async () => {
    const { breaker, clock, probes, world, fail, waiting } = make();
    fail(10);
    waiting();
    await clock.pass(500);
    world.answers = true;
    await clock.pass(1_000);
    expect(breaker.isOpen()).toBe(false);
    fail(1);
    expect(breaker.isOpen()).toBe(true);
    expect(breaker.openSince()).toBe(1_000_000);
    world.answers = false;
    waiting();
    await clock.pass(1_999);
    expect(probes).toHaveLength(2);
    await clock.pass(1);
    expect(probes).toHaveLength(3);
    breaker.record('reached');
    fail(9);
    expect(breaker.openSince()).toBeNull();
  });

  it('a real answer that arrives late closes it, and the probe under way then says nothing', async () => {
    let answer = (_reached: boolean): void => undefined;
    const { breaker, clock, fail, waiting } = make({ probe: () => new Promise((resolve) => (answer = resolve)) });
    fail(10);
    const waiter = waiting();
    await clock.pass(500);
    breaker.record('reached');
    await clock.pass(0);
    expect(waiter.state).toBe('passed');
    fail(10);
    const next = waiting();
    answer(true);
    await clock.pass(0);
    expect(next.state).toBe('waiting');
    expect(clock.sleepers()).toBe(1);
  });

  it('an abort frees the waiter with the reason; without waiters nothing is probed and no timer stays', async () => {
    const { breaker, clock, probes, fail, waiting } = make();
    fail(10);
    const stop = new AbortController();
    const pass = breaker.waitUntilClosed(stop.signal);
    const other = waiting();
    expect(clock.sleepers()).toBe(1);
    stop.abort(new Error('stopped'));
    await expect(pass).rejects.toThrow('stopped');
    await clock.pass(500);
    expect(other.state).toBe('waiting');
    expect(probes).toHaveLength(1);

    const alone = make();
    alone.fail(10);
    const stopAlone = new AbortController();
    const waiter = alone.waiting(stopAlone.signal);
    stopAlone.abort();
    await alone.clock.pass(60_000);
    expect(waiter.state).toBe('aborted');
    expect(alone.probes).toEqual([]);
    expect(alone.clock.sleepers()).toBe(0);
    // Who comes later starts it again.
    alone.world.answers = true;
    const late = alone.waiting();
    await alone.clock.pass(500);
    expect(late.state).toBe('passed');
  });

  it('refuses at once who comes with an aborted signal', async () => {
    const { breaker } = make();
    await expect(breaker.waitUntilClosed(AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });
});
