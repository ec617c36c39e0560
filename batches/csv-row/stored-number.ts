/** A number as a workbook keeps it, as the decimal that a person typed. */

const maxDigits = 15;

export type StoredNumber = { readonly ok: true; readonly text: string } | { readonly ok: false };

/**
 * Spreadsheets keep binary numbers and write up to 17 digits of them: 1.1 is in the file as 1.1000000000000001. The shortest decimal
 * that means the same binary number is the one that was typed. A number that needs more than 15 digits is not exact in a spreadsheet,
 * and is refused.
 */
export function storedNumber(literal: string): StoredNumber {
  const value = Number(literal);
  if (!Number.isFinite(value)) return { ok: false };
  const text = plain(String(value));
  if (significantDigits(text) > maxDigits) return { ok: false };
  // The file may say more than the number can hold: a writer that is no spreadsheet meant something else.
  return isPrintOf(literal, value) ? { ok: true, text } : { ok: false };
}

const significantDigits = (text: string): number => text.replace(/[^0-9]/g, '').replace(/^0+|0+$/g, '').length;

/** Whether the literal is this binary number, printed with some number of digits. */
function isPrintOf(literal: string, value: number): boolean {
  const wanted = decimalOf(literal);
  for (const printed of [String(value), value.toPrecision(15), value.toPrecision(16), value.toPrecision(17)]) {
    if (decimalOf(printed) === wanted) return true;
  }
  return false;
}

/** Digits and exponent, so that equal decimals are equal texts however they are written. */
function decimalOf(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const trimmed = digits.replace(/0+$/, '');
  if (trimmed === '') return '0';
  return `${sign === '-' ? '-' : ''}${trimmed}e${Number(exponent) - fraction.length + digits.length - trimmed.length}`;
}

/** Without an exponent. */
function plain(text: string): string {
  const [, sign = '', first = '', fraction = '', exponent] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(text) ?? [];
  if (exponent === undefined) return text;
  const digits = `${first}${fraction}`;
  const point = first.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return point >= digits.length ? `${sign}${digits.padEnd(point, '0')}` : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
