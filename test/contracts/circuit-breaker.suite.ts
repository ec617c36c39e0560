/** What every circuit breaker must hold, on a virtual clock. */
import { describe, expect, it } from 'vitest';
import type { BreakerChange, BreakerOptions, CircuitBreaker } from '../../batches/pipeline/circuit-breaker.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

type CreateBreaker = (options: BreakerOptions) => CircuitBreaker;

function setUp(create: CreateBreaker, options: Partial<BreakerOptions> = {}) {
  const clock = createVirtualClock(1_000_000);
  const probes: number[] = [];
  const changes: BreakerChange[] = [];
  const world = { answers: false };
  const breaker = create({
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
    for (let n = 0; n < times; n += 1) breaker.record({ type: 'transport_failure' });
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

export function circuitBreakerSuite(name: string, create: CreateBreaker): void {
  const make = (options: Partial<BreakerOptions> = {}) => setUp(create, options);

  describe(`circuit breaker contract: ${name}`, () => {
    it('stays closed while fewer than the threshold fail in a row', async () => {
      const { breaker, fail } = make();
      for (let round = 0; round < 20; round += 1) {
        fail(9);
        breaker.record({ type: 'reached' });
      }
      fail(9);
      await breaker.waitUntilClosed(never);
      expect(breaker.openSince()).toBeNull();
    });

    it('opens at the threshold, probes at growing pauses, admits a single call after an answered probe, and all when it got through', async () => {
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
      breaker.record({ type: 'reached' });
      await clock.pass(0);
      expect(waiters.map((waiter) => waiter.state)).toEqual(['passed', 'passed']);
      expect(breaker.openSince()).toBeNull();
      expect(changes).toEqual([
        { type: 'opened', since: 1_000_000, at: 1_000_000, kind: null },
        { type: 'closed', since: 1_000_000, at: 1_015_500, kind: null },
      ]);
    });

    it('admits the next call after five seconds when the single call does not end', async () => {
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

    it('takes a probe that rejects for a probe without an answer', async () => {
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

    it('opens again at the first failure after an answered probe, with its time, and its pauses go on growing', async () => {
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
      breaker.record({ type: 'reached' });
      fail(9);
      expect(breaker.openSince()).toBeNull();
    });

    it('closes at a real answer that arrives late, and ignores the probe under way', async () => {
      let answer = (_reached: boolean): void => undefined;
      const { breaker, clock, fail, waiting } = make({ probe: () => new Promise((resolve) => (answer = resolve)) });
      fail(10);
      const waiter = waiting();
      await clock.pass(500);
      breaker.record({ type: 'reached' });
      await clock.pass(0);
      expect(waiter.state).toBe('passed');
      fail(10);
      const next = waiting();
      answer(true);
      await clock.pass(0);
      expect(next.state).toBe('waiting');
      expect(clock.sleepers()).toBe(1);
    });

    it('rejects an aborted waiter with the reason of its signal, and without waiters makes no probe and keeps no timer', async () => {
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

    it('rejects at once when the signal is aborted already', async () => {
      const { breaker } = make();
      await expect(breaker.waitUntilClosed(AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
    });

    it('opens at twenty open outcomes of one kind, and names the kind', async () => {
      const { breaker, changes } = make();
      const page = { type: 'open_outcome', kind: 'answer_untrusted', isFirst: true } as const;
      for (let n = 0; n < 19; n += 1) breaker.record(page);
      expect(breaker.isOpen()).toBe(false);
      breaker.record(page);
      expect([breaker.isOpen(), breaker.openKind()]).toEqual([true, 'answer_untrusted']);
      expect(changes).toEqual([{ type: 'opened', since: 1_000_000, at: 1_000_000, kind: 'answer_untrusted' }]);
      breaker.record({ type: 'reached' });
      expect([breaker.isOpen(), breaker.openKind()]).toEqual([false, null]);
    });
  });
}
