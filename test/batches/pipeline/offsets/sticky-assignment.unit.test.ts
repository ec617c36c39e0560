import { array, assert, integer, property, uniqueArray } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignPartitions } from '../../../../batches/pipeline/offsets/sticky-assignment.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const member = (memberId: string, ...owned: number[]) => ({ memberId, owned });
const assigned = (members: Parameters<typeof assignPartitions>[0], count: number) =>
  Object.fromEntries(assignPartitions(members, range(count)));

describe('assigning partitions', () => {
  it('is even from the first assignment', () => {
    expect(assigned([member('a'), member('b'), member('c')], 8)).toEqual({ a: [0, 1, 2], b: [3, 4, 5], c: [6, 7] });
  });

  it('keeps the partitions of the remaining members when one leaves', () => {
    expect(assigned([member('b', 3, 4, 5), member('c', 6, 7)], 8)).toEqual({ b: [0, 3, 4, 5], c: [1, 2, 6, 7] });
  });

  it('moves only as many partitions as a new member needs', () => {
    expect(assigned([member('a', 0, 1, 2, 3), member('b', 4, 5, 6, 7), member('new')], 8)).toEqual({
      a: [0, 1, 2],
      b: [4, 5, 6],
      new: [3, 7],
    });
  });

  it('gives a partition that two claim, or that is gone, to one or to none', () => {
    expect(assigned([member('a', 0, 1), member('b', 1, 9)], 2)).toEqual({ a: [0], b: [1] });
  });

  it('leaves members without a partition when there are too few', () => {
    expect(assigned([member('a'), member('b', 0)], 1)).toEqual({ b: [0], a: [] });
  });

  it('deals every partition once, evenly, whatever is claimed', () => {
    assert(
      property(
        array(uniqueArray(integer({ min: 0, max: 40 })), { minLength: 1, maxLength: 9 }),
        integer({ min: 0, max: 30 }),
        (claims, count) => {
          const shares = [
            ...assignPartitions(
              claims.map((owned, index) => member(`m${index}`, ...owned)),
              range(count),
            ).values(),
          ];
          expect(shares.flat().toSorted((a, b) => a - b)).toEqual(range(count));
          const sizes = shares.map((share) => share.length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});
