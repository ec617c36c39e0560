import { describe, expect, it } from 'vitest';
import { isEnough } from '../../../../src/profiles/distributed/newest-marks.ts';

const own = (count: number): { all: number; own: number } => ({ all: count, own: count });

describe('the results that a start reads back', () => {
  it.each([
    ['a topic of which everything was read', [own(12), own(0)], 256, true],
    ['no result at all', [], 256, true],
    ['a partition alone, whose newest results leave out some of 64 shards', [own(256)], 256, false],
    ['a partition alone, far enough back', [own(2_048)], 2_048, true],
    ['six partitions', Array.from({ length: 6 }, () => own(256)), 256, true],
    ['a partition whose newest results were published again', [{ all: 256, own: 3 }, own(256 * 8)], 256, false],
    ['few results, of which some were published again: older ones may be behind them', [{ all: 30, own: 3 }], 256, false],
    ['enough of each partition behind those that were published again', [{ all: 2_048, own: 50 }, own(2_048)], 2_048, true],
  ])('%s', (_, partitions, last, expected) => {
    expect(isEnough(partitions, last)).toBe(expected);
  });
});
