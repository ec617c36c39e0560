import { expect, it } from 'vitest';
import { monotonicClock, neverEarlierThan, preciseClock, systemClock } from '../../src/clock.ts';
import { clockSuite } from '../contracts/clock.suite.ts';
import { at } from '../support/builders.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const passesByItself = { pass: async () => undefined, dispose: async () => undefined };
const readNow = (): number => Date.now();

clockSuite('system', readNow, async () => ({ clock: systemClock, ...passesByItself }));
clockSuite('monotonic', readNow, async () => ({ clock: monotonicClock, ...passesByItself }));
clockSuite('precise', readNow, async () => ({ clock: preciseClock, ...passesByItself }));
clockSuite('never earlier than a floor', readNow, async () => ({ clock: neverEarlierThan(0, systemClock), ...passesByItself }));
clockSuite(
  'virtual',
  () => at,
  async () => {
    const clock = createVirtualClock(at);
    return { clock, pass: (ms) => clock.pass(ms), dispose: async () => undefined };
  },
);

it('a clock with a floor never returns less than the floor, nor less than it returned before', () => {
  const behind = createVirtualClock(1_000);
  const clock = neverEarlierThan(5_000, behind);
  expect(clock.now()).toBe(5_000);
  behind.jump(6_000);
  expect(clock.now()).toBe(7_000);
  behind.jump(-3_000);
  expect(clock.now()).toBe(7_000);
});

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
