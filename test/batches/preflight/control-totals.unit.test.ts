import { describe, expect, it } from 'vitest';
import { compareTotals, parseControlTotals, type Totals } from '../../../batches/preflight/control-totals.ts';

const parsed = (text: string): Totals => {
  const totals = parseControlTotals(text);
  if (typeof totals === 'string') throw new Error(totals);
  return totals;
};

describe('an expectation', () => {
  it.each([
    ['EUR=12.30/3', [['EUR', { count: 3, amountMinor: 1230n }]]],
    ['eur=12.3/3', [['EUR', { count: 3, amountMinor: 1230n }]]],
    [
      'EUR=12/3, JPY=500/1',
      [
        ['EUR', { count: 3, amountMinor: 1200n }],
        ['JPY', { count: 1, amountMinor: 500n }],
      ],
    ],
    ['KWD=0.001/1', [['KWD', { count: 1, amountMinor: 1n }]]],
    ['EUR=0/0', [['EUR', { count: 0, amountMinor: 0n }]]],
    ['EUR=0.00/0', [['EUR', { count: 0, amountMinor: 0n }]]],
    ['EUR=123456789012345678901.25/9', [['EUR', { count: 9, amountMinor: 12345678901234567890125n }]]],
  ])('%s is read as control totals', (text, expected) => {
    expect([...parsed(text)]).toEqual(expected);
  });

  it.each([
    ['', 'EUR=12.30/3'],
    ['EUR', 'EUR=12.30/3'],
    ['EUR=12.30', 'EUR=12.30/3'],
    ['EUR=12,30/3', 'EUR=12.30/3'],
    ['EUR=-1/3', 'EUR=12.30/3'],
    ['EUR=1./3', 'EUR=12.30/3'],
    ['XYZ=1/1', 'ISO 4217'],
    ['EUR=1/1,eur=2/2', 'given twice'],
    ['JPY=1.5/1', 'more decimals'],
    ['EUR=1.234/1', 'more decimals'],
    ['EUR=0.000/0', 'more decimals'],
  ])('%j is refused with what is wrong', (text, why) => {
    expect(parseControlTotals(text)).toContain(why);
  });
});

describe('totals that differ', () => {
  const found = parsed('EUR=12.30/3,USD=5/1');
  it('are reported by currency, with both sides', () => {
    expect(compareTotals(found, found)).toEqual([]);
    expect(compareTotals(parsed('EUR=12.31/3,JPY=1/1,USD=5/2'), found)).toEqual([
      "EUR: expected 12.31 in 3 rows, but the file's valid rows have 12.30 in 3 rows.",
      "JPY: expected 1 in 1 row, but the file's valid rows have 0 in 0 rows.",
      "USD: expected 5.00 in 2 rows, but the file's valid rows have 5.00 in 1 row.",
    ]);
    expect(compareTotals(parsed('EUR=12.30/3'), found)).toHaveLength(1);
  });
});
