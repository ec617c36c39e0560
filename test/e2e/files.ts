/** Payout files for tests. */
import type { Kind } from '../../batches/instruction/instruction.ts';
import { rowOf, type Cells } from '../batches/csv-row/row-samples.ts';

export type Row = Readonly<Record<string, string>>;

export const row = (recordId: string, changes: Cells = {}, kind: Kind = 'payout', route = 'sepa'): Row =>
  rowOf(kind, route, { ...changes, record_id: recordId });

const quoted = (cell: string): string => (/[",;\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** @param columns every column of any row, in the order of their first appearance, where absent */
export function csvOf(rows: readonly Row[], delimiter = ',', columns?: readonly string[]): string {
  const header = columns ?? [...new Set(rows.flatMap((one) => Object.keys(one)))];
  return [header, ...rows.map((one) => header.map((name) => one[name] ?? ''))]
    .map((cells) => `${cells.map(quoted).join(delimiter)}\n`)
    .join('');
}

/** `count` good payouts of 1.07, 2.07, … EUR. */
export const payouts = (count: number, prefix = 'p'): Row[] =>
  Array.from({ length: count }, (_, index) => row(`${prefix}-${index + 1}`, { amount: `${index + 1}.07` }));
