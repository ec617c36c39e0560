/** A wall clock that is wrong for a while: schedules go on, and no key seems younger than it is. */
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { csvOf, payouts } from '../support/builders.ts';
import { inWitnessedWorld } from './witness-world.ts';
import { countsOf } from './world.ts';

const hourMs = 3_600_000;
const preload = `--import ${join(import.meta.dirname, '..', 'support', 'shifted-clock.ts')}`;
const shifted = (ms: number, afterMs = 0) => ({
  NODE_OPTIONS: preload,
  CLOCK_SHIFT_MS: String(ms),
  CLOCK_SHIFT_AFTER_MS: String(afterMs),
});

describe.concurrent('a run after one whose clock was ahead', () => {
  it.for([2, 24 * 365])('by %i hours follows, confirms and ends', async (hours, { expect }) => {
    await inWitnessedWorld({}, async (world, gateway) => {
      await world.run(world.write('a.csv', csvOf(payouts(3, 'a'))), [], shifted(hours * hourMs));
      const ran = await world.run(world.write('b.csv', csvOf(payouts(3, 'b'))), ['--wait', '60s']);
      expect([ran.code, countsOf(ran.summary)]).toEqual([0, { succeeded: 3 }]);
      expect(gateway.count('confirms')).toBe(6);
    });
  });

  it('never resends what was sent before: the time that passed is unknown', async ({ expect }) => {
    await inWitnessedWorld({ losesAnswer: () => true }, async (world, gateway) => {
      const path = world.write('a.csv', csvOf(payouts(1)));
      await world.run(path, ['--no-wait'], shifted(2 * hourMs));
      const ran = await world.run(path, ['--wait', '3s']);
      expect([ran.code, countsOf(ran.summary)]).toEqual([2, { unknown: 1 }]);
      expect(gateway.count('inits')).toBe(1);
    });
  });
});

describe.concurrent('ledger clock --reset', () => {
  it('ends the time of a clock that was ahead, and resends nothing of it', async ({ expect }) => {
    await inWitnessedWorld({ losesAnswer: () => true }, async (world, gateway) => {
      const path = world.write('a.csv', csvOf(payouts(1)));
      await world.run(path, ['--no-wait'], shifted(2 * hourMs));
      expect((await world.command(['ledger', 'clock'])).code).toBe(1);
      const reset = await world.command(['ledger', 'clock', '--reset', '--json']);
      expect(reset.code).toBe(0);
      const { back_ms: backMs } = JSON.parse(reset.stdout) as { back_ms: number };
      expect(backMs).toBeGreaterThan(hourMs);
      const ran = await world.run(path, ['--wait', '2s']);
      expect([ran.code, countsOf(ran.summary)]).toEqual([2, { unknown: 1 }]);
      expect(gateway.count('inits')).toBe(1);
    });
  });
});

describe.concurrent('a clock that is set during a run', () => {
  it.for([-1, 1])('by %i h changes nothing of what is followed and when the run ends', async (hours, { expect }) => {
    await inWitnessedWorld({}, async (world, gateway) => {
      const ran = await world.run(world.write('a.csv', csvOf(payouts(20))), ['--wait', '60s'], {
        ...shifted(hours * hourMs, 1_600),
        DISPATCH_RATE: '10',
      });
      expect([ran.code, countsOf(ran.summary)]).toEqual([0, { succeeded: 20 }]);
      expect(gateway.count('confirms')).toBe(20);
    });
  });

  it('back makes no open send younger', async ({ expect }) => {
    await inWitnessedWorld({ losesAnswer: () => true }, async (world, gateway) => {
      const path = world.write('a.csv', csvOf(payouts(1)));
      await world.run(path, ['--no-wait']);
      const ran = await world.run(path, ['--wait', '3s'], shifted(-hourMs));
      expect([ran.code, countsOf(ran.summary)]).toEqual([2, { unknown: 1 }]);
      expect(gateway.count('inits')).toBe(1);
    });
  });
});
