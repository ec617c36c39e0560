/** A line of sums below the rows, as spreadsheets export it. */
import type { Problem } from '../instruction/instruction.ts';

const total =
  /^(?:(?:grand|sub|net|gross)[ -]?)?totals?(?: (?:general|général|amount|payout|payable|eur|usd|gbp))?$|^(?:sum|summe|gesamt|gesamtsumme|zwischensumme|somme|suma|totale|totaal|итого|合計|总计)$/i;

/** Whether a cell is the label of a total. */
const isLabel = (cell: string): boolean => total.test(cell.trim().replace(/\s*:$/, ''));

/** Only asked of rows that are refused: a payout whose id is TOTAL is a payout. */
export const looksLikeTotal = (cells: readonly string[]): boolean => {
  const filled = cells.filter((cell) => cell.trim() !== '');
  return filled.length * 2 <= cells.length + 2 && filled.some(isLabel) && filled.some((cell) => /\d/.test(cell));
};

export const totalRow: Problem = {
  code: 'total_row',
  column: null,
  message: 'This looks like a total row: remove it.',
  value: null,
};
