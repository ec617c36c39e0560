/**
 * Money is whole minor units, exact: text in, BigInt out, never a float on the way.
 */
import { currencyDecimals } from './currencies.ts';

/** The largest amount that a JSON number carries exactly (2^53 - 1), in minor units of any currency. */
export const maxAmountMinor = 9_007_199_254_740_991n;

/** Numbers of up to this many digits are exact as a double, and much cheaper to read than a BigInt. */
const exactDigits = 15;
const maxDigits = 16;

const majorGrammar = /^(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;
const minorGrammar = /^[1-9][0-9]*$/;

export type AmountFault = 'format' | 'negative' | 'decimals' | 'zero' | 'too_large';
export type AmountReading = { readonly ok: true; readonly amountMinor: bigint } | { readonly ok: false; readonly fault: AmountFault };

const faults: { readonly [F in AmountFault]: AmountReading } = {
  format: { ok: false, fault: 'format' },
  negative: { ok: false, fault: 'negative' },
  decimals: { ok: false, fault: 'decimals' },
  zero: { ok: false, fault: 'zero' },
  too_large: { ok: false, fault: 'too_large' },
};

const fromDigits = (digits: string): AmountReading => {
  if (digits.length <= exactDigits) {
    const amount = Number(digits);
    return amount === 0 ? faults.zero : { ok: true, amountMinor: BigInt(amount) };
  }
  const significant = digits.replace(/^0+/, '');
  if (significant === '') return faults.zero;
  if (significant.length > maxDigits) return faults.too_large;
  const amountMinor = BigInt(significant);
  return amountMinor > maxAmountMinor ? faults.too_large : { ok: true, amountMinor };
};

/**
 * Reads an amount in major units: `0|[1-9][0-9]*`, then optionally `.` and 1 to `decimals` digits.
 *
 * @param decimals what ISO 4217 gives the currency; undefined when the currency is not known: then only the grammar is checked,
 *   and the amount is not to be used
 */
export const readMajor = (text: string, decimals: number | undefined): AmountReading => {
  if (!majorGrammar.test(text)) return faults.format;
  const point = text.indexOf('.');
  if (decimals === undefined) return fromDigits(text.replace('.', ''));
  if (point < 0) return fromDigits(text + '000'.slice(0, decimals));
  const given = text.length - point - 1;
  if (given > decimals) return faults.decimals;
  return fromDigits(text.slice(0, point) + text.slice(point + 1) + '000'.slice(0, decimals - given));
};

/** Reads an amount in minor units: `[1-9][0-9]*`. */
export const readMinor = (text: string): AmountReading => {
  if (minorGrammar.test(text)) return fromDigits(text);
  return /^0+$/.test(text) ? faults.zero : faults.format;
};

/**
 * The exact decimal text of an amount: `1230n`, `EUR` is `12.30`; `500n`, `JPY` is `500`.
 *
 * @param amountMinor may be zero or negative (differences)
 * @throws RangeError for a currency that is not in the table
 */
export const formatMinor = (amountMinor: bigint, currency: string): string => {
  const decimals = currencyDecimals(currency);
  if (decimals === undefined) throw new RangeError(`no decimals known for currency ${currency}`);
  if (decimals === 0) return amountMinor.toString();
  const sign = amountMinor < 0n ? '-' : '';
  const digits = (amountMinor < 0n ? -amountMinor : amountMinor).toString().padStart(decimals + 1, '0');
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
};
