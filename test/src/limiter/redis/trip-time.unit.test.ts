import { describe, expect, it } from 'vitest';
import { createTripTime, mostAheadMs } from '../../../../src/limiter/redis/trip-time.ts';

const after = (trips: readonly number[]): number => {
  const time = createTripTime();
  for (const trip of trips) time.note(trip);
  return time.aheadMs();
};
const times = (count: number, trip: number): number[] => Array.from({ length: count }, () => trip);

describe('how far ahead slots are reserved', () => {
  it('is the most before Redis has answered', () => {
    expect(after([])).toBe(mostAheadMs);
  });

  it.each([
    [0.2, 4],
    [1, 4],
    [5, 7],
    [20, 22],
  ])('is little more than a trip of %s ms that is always the same: %s ms', (trip, ahead) => {
    expect(after(times(100, trip))).toBeCloseTo(ahead, 1);
  });

  it('covers a Redis that syncs every write, of which one trip in four takes longer', () => {
    expect(after(Array.from({ length: 100 }, (_, n) => (n % 4 === 3 ? 9 : 3)))).toBeGreaterThan(9);
  });

  it('is never more than the most, and comes back after a pause', () => {
    expect(after([...times(20, 1), 400])).toBe(mostAheadMs);
    expect(after([...times(20, 1), 400, ...times(60, 1)])).toBeLessThan(5);
  });
});
