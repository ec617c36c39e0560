import { describe, expect, it } from 'vitest';
import { backlogAt, endsOfParts, isKept, waitsOf } from '../../bench/distributed/latency.ts';

const times = (waits: readonly number[], everyMs = 10) => ({
  dueAt: Float64Array.from(waits, (_, index) => 1_000 + index * everyMs),
  answeredAt: Float64Array.from(waits, (wait, index) => 1_000 + index * everyMs + wait),
});

describe('waits', () => {
  it('are those of the nearest rank, whatever the order of the answers', () => {
    const waits = Array.from({ length: 200 }, (_, index) => ((index * 7) % 200) + 1);
    expect(waitsOf(times(waits))).toEqual({ p50: 100, p90: 180, p99: 198, max: 200 });
    expect(waitsOf(times([5]))).toEqual({ p50: 5, p90: 5, p99: 5, max: 5 });
  });

  it('can be asked for a part', () => {
    expect(waitsOf(times([900, 1, 2, 900]), 1, 3)).toEqual({ p50: 1, p90: 2, p99: 2, max: 2 });
  });
});

describe('the backlog', () => {
  it('counts what has come and has no result yet', () => {
    // Due at 1000, 1010, 1020, 1030; answered at 1005, 1045, 1022, 1131.
    const some = times([5, 35, 2, 101]);
    expect(backlogAt(some, [999, 1_000, 1_005, 1_019, 1_020, 1_030, 1_045, 1_130, 1_131])).toEqual([0, 1, 0, 1, 2, 2, 1, 1, 0]);
  });

  it('is looked at at the ends of equal parts', () => {
    expect(endsOfParts({ startAt: 100, seconds: 2, parts: 4 })).toEqual([600, 1_100, 1_600, 2_100]);
  });
});

describe('a rate', () => {
  const kept = (backlogs: readonly number[], producerLateMs = 20): boolean => isKept({ rate: 100, backlogs, producerLateMs });

  it('is kept when what waits stays below a second of it, a pause in between or not', () => {
    expect(kept(Array.from({ length: 40 }, () => 100))).toBe(true);
    expect(kept(Array.from({ length: 40 }, (_, second) => (second === 35 ? 900 : 5)))).toBe(true);
    expect(kept(Array.from({ length: 40 }, (_, second) => (second < 20 ? 900 : 5)))).toBe(true);
  });

  it('is not kept when what waits grows, or when the producer itself was late', () => {
    expect(kept(Array.from({ length: 40 }, (_, second) => second * 5))).toBe(false);
    expect(
      kept(
        Array.from({ length: 40 }, () => 0),
        1_001,
      ),
    ).toBe(false);
  });
});
