import { uptime } from 'node:os';
import { expect, it } from 'vitest';
import { machineClocks, monotonicClock, preciseClock, systemClock } from '../../src/clock.ts';
import { clockSuite } from '../contracts/clock.suite.ts';
import { at } from '../support/builders.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const passesByItself = { pass: async () => undefined, dispose: async () => undefined };
const readNow = (): number => Date.now();

clockSuite('system', readNow, async () => ({ clock: systemClock, ...passesByItself }));
clockSuite('monotonic', readNow, async () => ({ clock: monotonicClock, ...passesByItself }));
clockSuite('precise', readNow, async () => ({ clock: preciseClock, ...passesByItself }));
clockSuite(
  'virtual',
  () => at,
  async () => {
    const clock = createVirtualClock(at);
    return { clock, pass: (ms) => clock.pass(ms), dispose: async () => undefined };
  },
);

it.each([
  ['monotonic', monotonicClock],
  ['precise', preciseClock],
])('the %s clock never goes back between two readings', (_, clock) => {
  let last = clock.now();
  for (let reading = 0; reading < 10_000; reading += 1) {
    const now = clock.now();
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
});

it('the clocks of the machine are the wall clock and the time since boot, in milliseconds', () => {
  const { wallAt, uptimeMs } = machineClocks();
  expect(Math.abs(wallAt - Date.now())).toBeLessThan(60_000);
  expect(uptimeMs).toBeGreaterThan(0);
  expect(Math.abs(uptimeMs - uptime() * 1000)).toBeLessThan(60_000);
});
