import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { selectRecords, type SelectionOptions } from '../../../batches/record/record-selection.ts';
import type { TimedRecord } from '../../../batches/record/record-view.ts';
import { at, queuedRecord } from '../../support/builders.ts';

const record = (recordId: string, amountMinor: bigint, currency: string, admittedAt: number, code?: string): TimedRecord => ({
  record: queuedRecord({ recordId, amountMinor, currency, reason: code === undefined ? null : { code, description: '' } }),
  admittedAt,
  changedAt: admittedAt,
});

const all = [
  record('c', 500n, 'EUR', at - 10_000, 'answer_timeout'),
  record('a', 700n, 'EUR', at - 30_000, 'connection_lost'),
  record('b', 900n, 'USD', at - 20_000),
];

const select = (options: Partial<SelectionOptions>, records = all) => {
  const selection = selectRecords({ sort: 'age', limit: 10, now: at, ...options });
  for (const one of records) selection.add(one);
  const { records: kept, count, totals } = selection.result();
  return { ids: kept.map(({ record: { recordId } }) => recordId).join(''), count, totals: Object.fromEntries(totals) };
};

describe('selected records', () => {
  it.each([
    ['age', 'abc'],
    ['amount', 'acb'],
    ['id', 'abc'],
  ] as const)('are sorted by %s', (sort, ids) => {
    expect(select({ sort }).ids).toBe(ids);
  });

  it.each([
    [{ currency: 'EUR' }, 'ac'],
    [{ code: 'connection_lost' }, 'a'],
    [{ olderThanMs: 20_000 }, 'ab'],
    [{ currency: 'EUR', olderThanMs: 20_000 }, 'a'],
    [{ currency: 'GBP' }, ''],
  ])('match the filter %j', (filter, ids) => {
    expect(select(filter).ids).toBe(ids);
  });

  it('are counted and added up whole, also where few are kept', () => {
    expect(select({ limit: 1 })).toEqual({
      ids: 'a',
      count: 3,
      totals: { EUR: { count: 2, amountMinor: 1200n }, USD: { count: 1, amountMinor: 900n } },
    });
  });

  it('are the same whatever the order in which they come', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(
          Array.from({ length: 40 }, (_, index) => index),
          { minLength: 40 },
        ),
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom('age', 'amount', 'id' as const),
        (order, limit, sort) => {
          const many = Array.from({ length: 40 }, (_, index) => record(`r${index}`, BigInt(index % 7) + 1n, 'EUR', at - (index % 5)));
          const shuffled = order.map((index) => many[index] as TimedRecord);
          expect(select({ limit, sort }, shuffled)).toEqual(select({ limit, sort }, many));
        },
      ),
    );
  });
});
