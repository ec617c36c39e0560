import { describe, expect, it } from 'vitest';
import type { PermitWindow } from '../../../batches/ports/limiter.ts';
import { createTimedLine } from '../../../src/sender/timed-line.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const start = () => {
  const clock = createVirtualClock(0);
  const line = createTimedLine(clock);
  const seen: string[] = [];
  const add = (name: string, window: Partial<PermitWindow>): void =>
    line.add({
      window: { from: 0, to: 1_000, spacingMs: 0, ...window },
      start: () => void seen.push(`${name} at ${clock.now()}`),
      drop: () => void seen.push(`${name} dropped at ${clock.now()}`),
    });
  return { clock, line, seen, add };
};

describe('the line of calls with a window', () => {
  it('each call starts when its window opens, whatever the order in which they came', async () => {
    const { clock, seen, add } = start();
    add('second', { from: 20, to: 25 });
    add('third', { from: 30, to: 35 });
    add('first', { from: 10, to: 15 });
    await clock.pass(100);
    expect(seen).toEqual(['first at 10', 'second at 20', 'third at 30']);
  });

  it('a call whose window is over is dropped, and those behind it start in their windows', () => {
    const { clock, seen, add } = start();
    add('late', { from: 10, to: 15 });
    add('in time', { from: 14, to: 40 });
    // The thread was held up: the alarm rings late.
    clock.jump(30);
    clock.advance(10);
    add('next', { from: 39, to: 44 });
    return clock.pass(10).then(() => expect(seen).toEqual(['late dropped at 40', 'in time at 40', 'next at 40']));
  });

  it('a call that came within its window starts at once', () => {
    const { clock, seen, add } = start();
    clock.advance(12);
    add('one', { from: 10, to: 15 });
    expect(seen).toEqual(['one at 12']);
  });

  it('without a burst a call keeps its distance to the first byte before it, or is dropped', async () => {
    const { clock, line, seen, add } = start();
    add('one', { from: 10, to: 20, spacingMs: 20 });
    await clock.pass(13);
    line.started();
    add('two', { from: 30, to: 40, spacingMs: 20 });
    add('three', { from: 50, to: 52, spacingMs: 20 });
    await clock.pass(100);
    expect(seen).toEqual(['one at 10', 'two at 33', 'three dropped at 33']);
  });

  it('a recall drops everything that has not started, and what comes later starts', async () => {
    const { clock, line, seen, add } = start();
    add('one', { from: 10, to: 20 });
    add('two', { from: 12, to: 20 });
    line.recall();
    expect(clock.sleepers()).toBe(0);
    add('three', { from: 15, to: 20 });
    await clock.pass(100);
    expect(seen).toEqual(['one dropped at 0', 'two dropped at 0', 'three at 15']);
  });
});
