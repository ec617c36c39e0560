import { describe, expect, it } from 'vitest';
import { aimsOf, isReached, noFindings, tellAims, type Aim } from '../../bench/aims.ts';
import type { Crash } from '../../bench/crash-table.ts';
import type { Scaled } from '../../bench/distributed/scaling.ts';
import type { Check } from '../../bench/large.ts';
import type { Contender, Payment } from '../../bench/throughput.ts';

const payment = (contender: Contender, round: number, wallSeconds: number, more: { rows?: number; peakMib?: number } = {}): Payment => {
  const { rows = 20_000, peakMib = 100 } = more;
  const end = { code: 0, signal: null, restSeconds: 0, stdout: '', stderr: '' };
  const measured = { ...end, wallSeconds, cpuSeconds: wallSeconds, peakMib };
  return { contender, rows, shape: 'plain', round, measured, sendingSeconds: wallSeconds, stubCpuSeconds: 0, serverCpuSeconds: undefined };
};

const ofWork = (aims: readonly Aim[], work: string): Aim => {
  const found = aims.find((aim) => aim.work.startsWith(work));
  if (found === undefined) throw new Error(`no aim ${work}`);
  return found;
};

describe('the table of aims', () => {
  it('lists every aim as not measured when no part ran', () => {
    const aims = aimsOf(noFindings());
    expect(aims.filter((aim) => isReached(aim) !== undefined)).toEqual([]);
    const lines = tellAims(noFindings()).split('\n').slice(2);
    expect(lines).toHaveLength(aims.length + 2);
    expect(lines.filter((line) => line.includes('not measured'))).toHaveLength(aims.length);
  });

  it('compares runs of the same round and size, and takes the median of the ratios', () => {
    const payments = [
      ...[2, 4, 8].map((wall, index) => payment('disburse run', index + 1, wall)),
      // 2, 0.5 and 1 times as long as ours.
      ...[4, 2, 8].map((wall, index) => payment('bare loop', index + 1, wall)),
      payment('disburse run', 1, 10, { rows: 100_000, peakMib: 160 }),
      payment('bare loop', 1, 5, { rows: 100_000 }),
    ];
    const aims = aimsOf({ ...noFindings(), payments });
    expect(ofWork(aims, '`run` / bare loop, 20,000').figure).toBe(1);
    expect(isReached(ofWork(aims, '`run` / bare loop, 20,000'))).toBe(true);
    expect(ofWork(aims, '`run` / bare loop, 100,000').figure).toBe(0.5);
    expect(isReached(ofWork(aims, '`run` / bare loop, 100,000'))).toBe(false);
    expect(isReached(ofWork(aims, '`run` / BullMQ, 20,000'))).toBeUndefined();
    expect(isReached(ofWork(aims, '`run`, peak memory, 20,000'))).toBe(true);
    expect(ofWork(aims, '`run`, peak memory, 100,000').figure).toBeCloseTo(167.8, 1);
    expect(isReached(ofWork(aims, '`run`, peak memory, 100,000'))).toBe(false);
  });

  it('compares validate with csv-parse for each kind of file', () => {
    const check = (contender: Check['contender'], shape: Check['shape'], wallSeconds: number): Check => ({
      contender,
      shape,
      round: 1,
      measured: payment('disburse run', 1, wallSeconds).measured,
    });
    const checks = [
      check('disburse validate', 'plain', 2),
      check('csv-parse alone', 'plain', 3),
      check('disburse validate', 'quoted', 5),
      check('csv-parse alone', 'quoted', 4),
    ];
    const figures = aimsOf({ ...noFindings(), checks }).filter(({ work }) => work.startsWith('`validate`'));
    expect(figures.map(({ figure }) => figure)).toEqual([1.5, 0.8, undefined]);
  });

  it('compares eight instances with one of the same round', () => {
    const run = (instances: number, round: number, callsPerSecond: number): Scaled => ({
      instances,
      round,
      callsPerSecond,
      cores: 1,
      othersShare: 0,
    });
    const scaled = [run(1, 1, 40), run(8, 1, 300), run(1, 2, 20), run(8, 2, 158)];
    expect(ofWork(aimsOf({ ...noFindings(), scaled }), 'eight instances').figure).toBeCloseTo(7.7);
  });

  it('counts every harm to a record of ours, and does not count what is honestly reported as open', () => {
    const none = { twoKeys: 0, paidTwice: 0, repeats: 3, neverSent: 0, noResult: 0, reportedWrong: 0, reportedOpen: 3 };
    const crash = (contender: string, more: Partial<Crash>): Crash => ({
      contender,
      count: none,
      forgotten: { ...none, neverSent: 2 },
      otherAmounts: { silent: 0, paidAgain: 0, conflicts: 300, other: 0 },
      readable: 0,
      secondSeconds: 1,
      note: '',
      ...more,
    });
    const harm = (more: Partial<Crash>): number | undefined =>
      ofWork(aimsOf({ ...noFindings(), crashes: [crash('disburse run', more), crash('BullMQ', { readable: 9 })] }), 'crash table').figure;
    expect(harm({})).toBe(0);
    expect(harm({ count: { ...none, neverSent: 1 } })).toBe(1);
    expect(harm({ forgotten: { ...none, paidTwice: 1, reportedWrong: 1 } })).toBe(2);
    expect(harm({ otherAmounts: { silent: 1, paidAgain: 1, conflicts: 298, other: 0 } })).toBe(2);
    expect(harm({ readable: 1 })).toBe(1);
  });
});
