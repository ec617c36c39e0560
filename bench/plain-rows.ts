/** The rows of a file of the benchmark whose cells hold no comma, quote or line break. */
import { payoutColumns } from './make-file.ts';
import type { PayoutRow } from './peers/payout.ts';

export function plainRow(line: string): PayoutRow {
  const cells = line.split(',');
  return Object.fromEntries(payoutColumns.map((name, column) => [name, cells[column]])) as PayoutRow;
}

export const plainRows = (text: string): readonly PayoutRow[] => text.trimEnd().split('\n').slice(1).map(plainRow);
