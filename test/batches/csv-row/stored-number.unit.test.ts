import { describe, expect, it } from 'vitest';
import { storedNumber } from '../../../batches/csv-row/stored-number.ts';

describe('a number that a workbook keeps', () => {
  it.each([
    ['12.3', '12.3'],
    ['1.1000000000000001', '1.1'],
    ['4.3499999999999996', '4.35'],
    ['1234.5599999999999', '1234.56'],
    ['100', '100'],
    ['100.00', '100'],
    ['1E+5', '100000'],
    ['1.5e-3', '0.0015'],
    ['1E-7', '0.0000001'],
    ['-5', '-5'],
    ['0', '0'],
    ['999999999999999', '999999999999999'],
    ['9999999999999.99', '9999999999999.99'],
  ])('as %s is the decimal that was typed: %s', (literal, text) => {
    expect(storedNumber(literal)).toEqual({ ok: true, text });
  });

  it.each([
    ['the sum of 0.1 and 0.2, which is not 0.3', '0.30000000000000004'],
    ['a third', '0.33333333333333331'],
    ['sixteen digits', '1234567890123456'],
    ['more digits than a spreadsheet keeps', '12.3000000000000000001'],
    ['a number beyond all', '1e400'],
  ])('is refused when it is %s', (_, literal) => {
    expect(storedNumber(literal)).toEqual({ ok: false });
  });

  it('is the same for every amount of cents, however many digits the spreadsheet writes', () => {
    for (let cents = 1; cents < 200_000_000; cents += 104_729) {
      const typed = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`.replace(/\.?0+$/, (zeros) =>
        zeros.startsWith('.') ? '' : zeros.replace(/0+$/, ''),
      );
      const value = Number(typed);
      for (const literal of [String(value), value.toPrecision(15), value.toPrecision(16), value.toPrecision(17)]) {
        expect(storedNumber(literal)).toEqual({ ok: true, text: String(value) });
      }
    }
  });
});
