/** The decimal sign of the column `amount`: said by the user, never guessed. */
import { describe, expect, it } from 'vitest';
import { createRowParser } from '../../../batches/csv-row/parse-row.ts';
import type { DecimalSign } from '../../../batches/csv-row/amount.ts';
import { at, rowOf } from '../../support/builders.ts';
import { problemsOf, validOf } from '../../support/parsing.ts';

const read = (amount: string, decimal: DecimalSign | undefined, currency = 'EUR') => {
  const row = rowOf('payout', 'sepa', { amount, currency });
  const made = createRowParser(Object.keys(row), decimal === undefined ? { now: at } : { now: at, decimal });
  if (!made.ok) throw new Error('the header is broken');
  return made.reader.read(Object.values(row));
};

describe('with a decimal comma', () => {
  it.each([
    ['10,50', 1050n],
    ['10', 1000n],
    ['1234,5', 123_450n],
    ['0,01', 1n],
  ])('%s is read exactly', (amount, minor) => {
    expect(validOf(read(amount, 'comma')).amountMinor).toBe(minor);
  });

  it.each([
    ['10.50', 'amount_decimal_point'],
    ['1.234,50', 'amount_thousands_separator'],
    ['1,234,567', 'amount_thousands_separator'],
    ['10,505', 'amount_decimals'],
    ['0,00', 'amount_zero'],
    ['-1,50', 'amount_negative'],
    ['01,50', 'amount_format'],
    [',50', 'amount_format'],
    ['10,', 'amount_format'],
  ])('%s is refused as %s, and no advice asks for a point', (amount, code) => {
    const [problem] = problemsOf(read(amount, 'comma'));
    expect([problem?.code, problem?.value]).toEqual([code, amount]);
    expect(problem?.message).not.toContain('1234.50');
  });

  it('an amount is the same content as with a point', () => {
    expect(validOf(read('10,50', 'comma'))).toEqual(validOf(read('10.50', 'point')));
  });
});

describe('without a decimal comma', () => {
  it.each([undefined, 'point'] as const)('10,50 is refused under %s, and the error names the option', (decimal) => {
    const [problem] = problemsOf(read('10,50', decimal));
    expect(problem?.code).toBe('amount_decimal_comma');
    expect(problem?.message).toContain('--decimal comma');
  });
});
