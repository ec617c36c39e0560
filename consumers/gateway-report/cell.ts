/** A cell of a report: text in CSV, and in a workbook also a number or a date. */

/** @property text of a number: its literal in the workbook, which may have the noise of binary fractions */
export type Cell =
  | { readonly type: 'empty' }
  | { readonly type: 'text' | 'number'; readonly text: string }
  /** A date without a zone, taken as UTC; milliseconds since the epoch. */
  | { readonly type: 'date'; readonly at: number };

const empty: Cell = { type: 'empty' };

export const textCell = (text: string): Cell => (text.trim() === '' ? empty : { type: 'text', text });

/** The number that a spreadsheet shows: 15 significant digits, which every decimal number of so many survives exactly. */
export function plainNumber(literal: string): string | null {
  const number = Number(literal);
  if (!Number.isFinite(number)) return null;
  const [mantissa = '', exponent = '0'] = number.toExponential(14).split('e');
  return Math.abs(Number(exponent)) > 20 ? null : withoutExponent(mantissa, Number(exponent));
}

function withoutExponent(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith('-') ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  const padded = exponent < 0 ? '0'.repeat(-exponent) + digits : digits.padEnd(exponent + 1, '0');
  const point = Math.max(exponent, 0) + 1;
  const fraction = padded.slice(point).replace(/0+$/, '');
  const whole = padded.slice(0, point);
  return `${whole === '0' && fraction === '' ? '' : sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** What a cell says, as text. */
export const textOf = (cell: Cell | undefined): string => {
  if (cell === undefined || cell.type === 'empty') return '';
  if (cell.type === 'date') return new Date(cell.at).toISOString();
  return cell.type === 'number' ? (plainNumber(cell.text) ?? cell.text) : cell.text;
};
