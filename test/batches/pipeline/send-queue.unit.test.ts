import { describe, expect, it } from 'vitest';
import { createSendQueue, capacityFor } from '../../../batches/pipeline/send-queue.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const never = new AbortController().signal;
const start = (places: number) => {
  const clock = createVirtualClock(0);
  let closedUntil = 0;
  const closeFor = (ms: number): void => void (closedUntil = clock.now() + ms);
  return { clock, closeFor, line: createSendQueue({ capacity: places, closedForMs: () => Math.max(closedUntil - clock.now(), 0), clock }) };
};
/** Whether it is settled once everything that can happen at once has happened. */
const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false;
  const note = (): void => void (settled = true);
  promise.then(note, note);
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  return settled;
};

describe('the line before the wire', () => {
  it('has so many places, given in the order of arrival; one is free again when somebody leaves, once', async () => {
    const { line } = start(2);
    const leave = await line.acquire(never);
    await line.acquire(never);
    const third = line.acquire(never);
    const fourth = line.acquire(never);
    expect(await isSettled(third)).toBe(false);
    leave();
    leave();
    expect(await isSettled(third)).toBe(true);
    expect(await isSettled(fourth)).toBe(false);
  });

  it('lets nobody in for as long as the gateway asked to wait, nor who waited already', async () => {
    const { clock, closeFor, line } = start(1);
    const leave = await line.acquire(never);
    const second = line.acquire(never);
    closeFor(1_000);
    leave();
    await clock.pass(999);
    expect(await isSettled(second)).toBe(false);
    await clock.pass(1);
    expect(await isSettled(second)).toBe(true);
  });

  it('a stop rejects who waits, at the closed line too, and takes no place', async () => {
    const { clock, closeFor, line } = start(1);
    const stop = new AbortController();
    const leave = await line.acquire(never);
    const waiting = line.acquire(stop.signal);
    stop.abort(new Error('stopped'));
    leave();
    await expect(waiting).rejects.toThrow('stopped');
    await expect(line.acquire(stop.signal)).rejects.toThrow('stopped');

    closeFor(60_000);
    const second = new AbortController();
    const closed = line.acquire(second.signal);
    expect(await isSettled(closed)).toBe(false);
    second.abort(new Error('stopped too'));
    await expect(closed).rejects.toThrow('stopped too');
    await clock.pass(60_000);
    expect(await isSettled(line.acquire(never))).toBe(true);
  });

  it.each([
    ['unlimited', Number.POSITIVE_INFINITY],
    [0.2, 1],
    [1, 2],
    [50, 6],
    [200, 21],
  ] as const)('at a rate of %s: %d places', (rate, places) => {
    expect(capacityFor(rate)).toBe(places);
  });
});
