/** What every clock must hold. Run against each real clock and the virtual one. */
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../batches/ports/clock.ts';

export interface ClockHarness {
  readonly clock: Clock;
  /** Lets time pass, where it does not pass by itself. */
  pass(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

/** Timers may ring this much too early. */
const earlyMs = 1;

/** @param startsAt milliseconds since the epoch of a moment before the clock is read first */
export function clockSuite(name: string, startsAt: () => number, createHarness: () => Promise<ClockHarness>): void {
  describe(`clock contract: ${name}`, () => {
    let harness: ClockHarness;
    beforeEach(async () => {
      harness = await createHarness();
    });
    afterEach(() => harness.dispose());
    const reason = new Error('stopped');

    it('now returns milliseconds since the epoch', () => {
      const now = harness.clock.now();
      expect(now).toBeGreaterThanOrEqual(startsAt() - 60_000);
      expect(now).toBeLessThan(startsAt() + 3_600_000);
    });

    it('sleep resolves no earlier than asked', async () => {
      const { clock } = harness;
      const before = clock.now();
      const slept = clock.sleep(20);
      await harness.pass(20);
      await slept;
      expect(clock.now() - before).toBeGreaterThanOrEqual(20 - earlyMs);
    });

    it('sleeps end in the order of their moments, whatever the order they began in', async () => {
      const { clock } = harness;
      const ended: string[] = [];
      const all = [
        clock.sleep(60).then(() => ended.push('long')),
        clock.sleep(0).then(() => ended.push('none')),
        clock.sleep(20).then(() => ended.push('short')),
      ];
      await harness.pass(60);
      await Promise.all(all);
      expect(ended).toEqual(['none', 'short', 'long']);
    });

    it.each([0, 1, 3_600_000])('a sleep of %i ms rejects at once with the reason of a signal that is aborted already', async (ms) => {
      await expect(harness.clock.sleep(ms, AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    it('a sleep rejects with the reason when its signal is aborted, and leaves no listener', async () => {
      const stop = new AbortController();
      const slept = harness.clock.sleep(3_600_000, stop.signal);
      slept.catch(() => undefined);
      await harness.pass(1);
      stop.abort(reason);
      await expect(slept).rejects.toBe(reason);
      expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    });

    it('a sleep that ended leaves no listener, and an abort that comes later changes nothing', async () => {
      const stop = new AbortController();
      const slept = harness.clock.sleep(5, stop.signal);
      await harness.pass(5);
      await slept;
      expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
      stop.abort(reason);
      await expect(slept).resolves.toBeUndefined();
    });
  });
}
