import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskCard, maskDigits, maskIban, maskName, maskTail, maskVerbatim } from '../../../batches/instruction/masks.ts';

describe('masks', () => {
  it.each([
    [maskIban, 'DE89370400440532013000', 'DE**…3000'],
    [maskIban, 'DE89370', undefined],
    [maskIban, '370400440532013000', '…3000'],
    [maskCard, '4242424242424242', '424242…4242'],
    [maskCard, '4242 4242 4242 4242', '424242…4242'],
    [maskCard, '424242424242', '…4242'],
    [maskCard, '4242', undefined],
    [maskTail, '12345678', '…5678'],
    [maskTail, '1234567', undefined],
  ])('show %o of %s as %s', (mask, text, masked) => {
    expect(mask(text)).toBe(masked);
  });

  it.each([
    ['card 4242424242424242 was refused', 'card …4242 was refused'],
    ['4242 4242 4242 4242', '…4242'],
    ['4242-4242-4242-4242', '…4242'],
    ['4242.4242.4242.4242', '…4242'],
    ['4242\u00a04242\u00a04242\u00a04242', '…4242'],
    ['a 12345678901 b', 'a 12345678901 b'],
    ['a 123456789012 b', 'a …9012 b'],
    ['inv-1', 'inv-1'],
    ['2026-11-21T08:00:00.000Z', '2026-11-21T08:00:00.000Z'],
  ])('the digits of %j are masked as %j', (text, masked) => {
    expect(maskDigits(text)).toBe(masked);
  });

  it('leaves no run of 12 digits in any text', () => {
    const part = fc.oneof(fc.stringMatching(/^[0-9]{1,20}$/), fc.constantFrom(' ', '-', '.', 'x', ', ', '\u00a0'));
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        expect(maskDigits(parts.join(''))).not.toMatch(/[0-9]{12}/);
      }),
    );
  });

  it('shows a verbatim value, but neither cards nor IBANs, and not without end', () => {
    expect(maskVerbatim('12,30')).toBe('12,30');
    expect(maskVerbatim('NL91ABNA0417164300')).toBe('NL**…4300');
    expect(maskVerbatim('4242 4242 4242 4242')).toBe('…4242');
    expect(maskVerbatim('x'.repeat(100))).toHaveLength(65);
  });

  it('shows no account number of a file whose header is missing', () => {
    expect(maskName('12345678')).toBe('…');
    expect(maskName('NL91 ABNA 0417 1643 00')).not.toContain('0417');
    expect(maskName('Bank_Acount')).toBe('Bank_Acount');
  });
});
