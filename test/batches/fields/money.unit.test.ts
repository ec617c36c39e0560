import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currencyCodes, currencyDecimals, currencyTableDate, whyNotCurrency } from '../../../batches/fields/currencies.ts';
import { formatMinor, maxAmountMinor, readMajor, readMinor } from '../../../batches/fields/money.ts';

describe('the currency table', () => {
  it('has its date and the number of national and regional currencies of that list', () => {
    expect(currencyTableDate).toBe('2026-01-01');
    expect(currencyCodes).toHaveLength(155);
    expect(new Set(currencyCodes).size).toBe(currencyCodes.length);
  });

  it.each([
    ['JPY', 0],
    ['ISK', 0],
    ['CLP', 0],
    ['VND', 0],
    ['XOF', 0],
    ['XAF', 0],
    ['XPF', 0],
    ['EUR', 2],
    ['HUF', 2],
    ['TWD', 2],
    ['XCD', 2],
    ['XCG', 2],
    ['ZWG', 2],
    ['SLE', 2],
    ['MGA', 2],
    ['MRU', 2],
    ['KWD', 3],
    ['TND', 3],
  ])('gives %s %i decimals', (code, decimals) => {
    expect(currencyDecimals(code)).toBe(decimals);
  });

  it.each(
    'XAU XAG XPT XPD CHE CHW CLF COU MXV USN UYI UYW BOV XDR XSU XUA XAD XBA XBB XBC XBD XTS XXX HRK ANG BGN ZWL SLL CUC LTL DEM eur EU EURO'.split(
      ' ',
    ),
  )('refuses %s as not payable', (code) => {
    expect(currencyDecimals(code)).toBeUndefined();
  });

  it('gives the reason why a currency cannot be paid', () => {
    expect(whyNotCurrency('BGN')).toEqual({ why: 'withdrawn', successor: { code: 'EUR', rate: '1.95583', units: '1' } });
    expect(whyNotCurrency('ANG')).toEqual({ why: 'withdrawn', successor: { code: 'XCG', rate: '1', units: '1' } });
    expect(whyNotCurrency('XAU')).toEqual({ why: 'not_money' });
    expect(whyNotCurrency('QQQ')).toEqual({ why: 'unknown' });
  });

  it('names successors that can be paid', () => {
    for (const code of ['HRK', 'ANG', 'BGN', 'ZWL', 'SLL', 'CUC', 'VEF', 'BYR', 'STD', 'MRO', 'ZMK']) {
      const refusal = whyNotCurrency(code);
      expect(refusal.why === 'withdrawn' ? currencyDecimals(refusal.successor.code) : undefined).toBeDefined();
    }
  });
});

describe('an amount in major units', () => {
  it.each([
    ['12.30', 2, 1230n],
    ['12.3', 2, 1230n],
    ['12', 2, 1200n],
    ['4.35', 2, 435n],
    ['0.01', 2, 1n],
    ['0.1', 2, 10n],
    ['500', 0, 500n],
    ['1.234', 3, 1234n],
    ['90071992547409.91', 2, maxAmountMinor],
    ['9007199254740991', 0, maxAmountMinor],
    ['9007199254740.991', 3, maxAmountMinor],
  ])('%s under %i decimals is %s', (text, decimals, amountMinor) => {
    expect(readMajor(text, decimals)).toEqual({ ok: true, amountMinor });
  });

  it.each([
    ['', 2, 'format'],
    ['.5', 2, 'format'],
    ['5.', 2, 'format'],
    ['05', 2, 'format'],
    ['00', 2, 'format'],
    ['+5', 2, 'format'],
    ['-5', 2, 'format'],
    ['1e3', 2, 'format'],
    ['1,5', 2, 'format'],
    [' 5', 2, 'format'],
    ['5\n', 2, 'format'],
    ['5.0.0', 2, 'format'],
    ['٣', 2, 'format'],
    ['12.345', 2, 'decimals'],
    ['12.300', 2, 'decimals'],
    ['500.0', 0, 'decimals'],
    ['0', 2, 'zero'],
    ['0.00', 2, 'zero'],
    ['90071992547409.92', 2, 'too_large'],
    ['9007199254740992', 0, 'too_large'],
    ['99999999999999999999999999', 2, 'too_large'],
  ])('%j under %i decimals is refused: %s', (text, decimals, fault) => {
    expect(readMajor(text, decimals)).toEqual({ ok: false, fault });
  });

  it('reads back what was formatted, for every currency and amount', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: maxAmountMinor }), fc.constantFrom(...currencyCodes), (amountMinor, currency) => {
        expect(readMajor(formatMinor(amountMinor, currency), currencyDecimals(currency))).toEqual({ ok: true, amountMinor });
        expect(readMinor(amountMinor.toString())).toEqual({ ok: true, amountMinor });
      }),
    );
  });
});

describe('an amount in minor units', () => {
  it.each([
    ['1', 1n],
    ['1230', 1230n],
    ['9007199254740991', maxAmountMinor],
  ])('%s is read', (text, amountMinor) => {
    expect(readMinor(text)).toEqual({ ok: true, amountMinor });
  });

  it.each([
    ['0', 'zero'],
    ['01', 'format'],
    ['1.0', 'format'],
    ['-1', 'format'],
    ['9007199254740992', 'too_large'],
    ['10000000000000000', 'too_large'],
  ])('%j is refused: %s', (text, fault) => {
    expect(readMinor(text)).toEqual({ ok: false, fault });
  });
});

describe('formatting', () => {
  it.each([
    [1230n, 'EUR', '12.30'],
    [5n, 'EUR', '0.05'],
    [0n, 'EUR', '0.00'],
    [-5n, 'EUR', '-0.05'],
    [500n, 'JPY', '500'],
    [1n, 'KWD', '0.001'],
    [maxAmountMinor * 1_000_000n, 'EUR', '90071992547409910000.00'],
  ])('the amount %s %s is shown as %s', (amountMinor, currency, text) => {
    expect(formatMinor(amountMinor, currency)).toBe(text);
  });

  it('refuses a currency it does not know', () => {
    expect(() => formatMinor(1n, 'XXX')).toThrow(RangeError);
  });
});
