import { describe, expect, it } from 'vitest';
import { arrivalsOf, mostOver } from '../../bench/distributed/arrivals.ts';
import { worstExcess } from '../contracts/limiter.suite.ts';

describe('arrivals under a rate limit', () => {
  it('an even schedule with its burst at the start is exactly what is allowed', () => {
    // Four at once, then one each 2.5 ms: 400 a second with a burst of 4.
    const arrivals = [0, 0, 0, 0, ...Array.from({ length: 40 }, (_, n) => (n + 1) * 2.5)];
    expect(mostOver(arrivals, 400)).toBeCloseTo(0);
    expect(mostOver([...arrivals, 100.1], 400)).toBeCloseTo(0.96);
  });

  it('the fullest window is the same as by comparing every pair of arrivals', () => {
    let at = 0;
    let seed = 7;
    const arrivals = Array.from({ length: 300 }, () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      at += (seed % 1_000) / 150;
      return at;
    });
    expect(mostOver(arrivals, 300)).toBeCloseTo(worstExcess(arrivals, 300, 3));
  });

  it('the rate used counts only the span, and a gap is counted without what the burst makes up for', () => {
    const arrivals = [0, 5, 10, 15, 20, 60, 65, 70, 75, 80, 85, 90, 95];
    const found = arrivalsOf(arrivals, { rate: 200, from: 0, to: 100 });
    expect(found).toMatchObject({ calls: 13, usedPercent: 65, longestGapMs: 40 });
    expect(found.gaps).toBe('0.0 in up to 15 ms, 0.0 in up to 30 ms, 5.0 in up to 60 ms, 0.0 in over 60 ms');
    expect(found.mostOver).toBeLessThanOrEqual(0);
  });
});
