import { array, assert, integer, option, property } from 'fast-check';
import { expect, it } from 'vitest';
import { createDueHeap } from '../../sandbox/due-heap.ts';
import { createEchoStore } from '../../sandbox/echo-store.ts';
import { timestamp } from '../../sandbox/clock.ts';
import { createCallLog, jsonLines } from '../../sandbox/witness.ts';

it('the heap returns items in the order of time, in any mix of pushes and pops', () => {
  assert(
    property(array(option(integer({ min: 0, max: 50 })), { maxLength: 200 }), (steps) => {
      const heap = createDueHeap<{ dueAtMs: number }>();
      const model: number[] = [];
      for (const step of steps) {
        model.sort((a, b) => a - b);
        expect(heap.nextDueAtMs()).toBe(model[0]);
        const popped = step === null ? [heap.pop()?.dueAtMs, model.shift()] : [];
        expect(popped[0]).toBe(popped[1]);
        if (step !== null) {
          heap.push({ dueAtMs: step });
          model.push(step);
        }
        expect(heap.size).toBe(model.length);
      }
    }),
  );
});

it('the echo store returns every text, also at the ends of its slabs and larger than a slab', () => {
  const store = createEchoStore();
  const texts = [
    '',
    'ß𝒳',
    ...Array.from({ length: 60 }, (_, index) => String.fromCodePoint(97 + (index % 26)).repeat(index * 7001)),
    'é'.repeat(3_000_000),
    'last',
  ];
  const places = texts.map((text) => store.put(text));
  expect(places.map((place) => store.get(place)).every((text, index) => text === texts[index])).toBe(true);
});

it('timestamps have microseconds', () => {
  expect(timestamp(Date.UTC(2024, 4, 27, 2, 3))).toBe('2024-05-27T02:03:00.000000Z');
  expect(timestamp(Date.UTC(2024, 4, 27, 2, 3, 0, 7) + 0.25)).toBe('2024-05-27T02:03:00.007250Z');
});

it('the call log keeps the latest calls, oldest first', () => {
  const log = createCallLog(3);
  const line = (at: number) => ({ at, method: 'm', idempotency_key: null, record_id: null, outcome: 'ok' });
  const times = () => [...log.lines()].map(({ at }) => at);
  expect(times()).toEqual([]);
  log.add(line(1));
  expect(times()).toEqual([1]);
  for (const at of [2, 3, 4, 5]) log.add(line(at));
  expect(times()).toEqual([3, 4, 5]);
});

it('JSON lines are chunked without loss', () => {
  const numbers = Array.from({ length: 1201 }, (_, index) => index);
  const pieces = [...jsonLines(numbers)];
  expect(pieces.length).toBeGreaterThan(2);
  expect(pieces.join('').trimEnd().split('\n').map(Number)).toEqual(numbers);
});
