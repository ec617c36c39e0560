/**
 * A block of rows, judged row by row: what the preflight needs of it, small enough to be handed from a worker
 * thread to the main one.
 */
import type { CellNote } from '../csv-row/cell-notes.ts';
import type { RowReader } from '../csv-row/typed-row.ts';
import { eachSimilarityPiece } from './content-key.ts';
import { maxTold, type LineProblem } from './line-problem.ts';
import { createTextHash, hashText } from './bloom-filter.ts';

/**
 * @property ids two words for each row: the hash of its record id; zeros where none could be read
 * @property twins two words for each row: the hash of what it looks like; zeros for invalid rows
 * @property errors the first `maxTold`; `errorsTotal` counts all; `warnings` likewise
 */
export interface BlockReport {
  readonly rows: number;
  readonly valid: number;
  readonly totals: ReadonlyMap<string, { readonly count: number; readonly amountMinor: bigint }>;
  readonly errors: readonly LineProblem[];
  readonly errorsTotal: number;
  /** How many rows need a column that the file does not have, by its name; these problems are not among the errors. */
  readonly absent: ReadonlyMap<string, number>;
  readonly warnings: readonly LineProblem[];
  readonly warningsTotal: number;
  readonly ids: Uint32Array<ArrayBuffer>;
  readonly twins: Uint32Array<ArrayBuffer>;
}

export interface CheckedRow {
  readonly line: number;
  readonly cells: readonly string[];
  readonly notes?: readonly CellNote[];
}

export function validateBlock(
  rows: readonly CheckedRow[],
  { check, absentColumn }: Pick<RowReader, 'check' | 'absentColumn'>,
): BlockReport {
  const ids = new Uint32Array(rows.length * 2);
  const twins = new Uint32Array(rows.length * 2);
  const totals = new Map<string, { count: number; amountMinor: bigint }>();
  const errors: LineProblem[] = [];
  const absent = new Map<string, number>();
  const warnings: LineProblem[] = [];
  let errorsTotal = 0;
  let warningsTotal = 0;
  const twin = createTextHash();
  let valid = 0;
  for (const [index, { line, cells, notes }] of rows.entries()) {
    const reading = check(cells, notes);
    for (const problem of reading.warnings ?? []) {
      warningsTotal += 1;
      if (warnings.length < maxTold) warnings.push({ line, ...problem });
    }
    if (reading.ok) {
      const { checked } = reading;
      valid += 1;
      let total = totals.get(checked.currency);
      if (total === undefined) totals.set(checked.currency, (total = { count: 0, amountMinor: 0n }));
      total.count += 1;
      total.amountMinor += checked.amountMinor;
      hashText(checked.recordId, ids, index * 2);
      eachSimilarityPiece(checked, twin.add);
      twin.take(twins, index * 2);
      continue;
    }
    const { recordId, problems } = reading.refusal;
    for (const problem of problems) {
      const column = absentColumn(problem);
      if (column !== undefined) {
        absent.set(column, (absent.get(column) ?? 0) + 1);
        continue;
      }
      errorsTotal += 1;
      if (errors.length < maxTold) errors.push({ line, ...problem });
    }
    if (recordId !== undefined) hashText(recordId, ids, index * 2);
  }
  return { rows: rows.length, valid, totals, errors, errorsTotal, warnings, warningsTotal, absent, ids, twins };
}
