/** Rows as they are handed out: blank ones left out, those that do not fit the header told, swallowed ones refused. */
import { isFixFile, restoreCell } from '../../batches/csv-row/fix-file.ts';
import type { CellNote } from '../../batches/csv-row/cell-notes.ts';
import type { LineProblem } from '../../batches/preflight/line-problem.ts';
import type { Coverage, CoveredRow, MultilineCell } from './coverage-check.ts';
import { StructuralError } from './structural-error.ts';
import { hasUnbalancedQuotes } from './unbalanced-quotes.ts';

/**
 * @property line the physical line on which the row begins, from 1
 * @property cells as they stand in the file, without quotes; of a fix-file, as they were before it was written
 * @property notes what a cell of a workbook is besides its text; absent where all of them are text
 */
export interface CsvRow {
  readonly line: number;
  readonly cells: string[];
  readonly notes?: readonly CellNote[];
}

const maxWarnings = 1000;

export interface RowMaker {
  /** @param from rows of the block to leave out at its beginning: the header */
  take(block: Coverage, from?: number): readonly CsvRow[];
  /** The rows of a block were read elsewhere, and none of them is blank. */
  passed(): void;
  /** Blank lines that were found otherwise, before the header. */
  skipped(from: number, to: number): void;
  /** The first thousand; blank lines at the end of the file are no warning. */
  warnings(): readonly LineProblem[];
  warningsTotal(): number;
}

/** @param header of a fix-file: its apostrophes before what looks like a formula are no part of the cells */
export function createRowMaker(header: readonly string[], delimiter: string): RowMaker {
  const columns = header.length;
  const restores = isFixFile(header);
  const warnings: LineProblem[] = [];
  let warningsTotal = 0;
  let blank: { from: number; to: number } | undefined;

  const tellBlank = (from: number, to: number): void => {
    warningsTotal += 1;
    if (warnings.length < maxWarnings) warnings.push(blankRows(from, to));
  };
  const tellPending = (): void => {
    if (blank === undefined) return;
    tellBlank(blank.from, blank.to);
    blank = undefined;
  };

  return {
    take(block, from = 0) {
      refuseSwallowed(block, from, columns, delimiter);
      const rows: CsvRow[] = [];
      for (let index = from; index < block.rows.length; index += 1) {
        const row = block.rows[index] as CoveredRow;
        if (isBlank(row.cells)) {
          blank = { from: blank?.from ?? row.line, to: row.line };
          continue;
        }
        tellPending();
        rows.push(restores ? { line: row.line, cells: row.cells.map(restoreCell) } : row);
      }
      return rows;
    },
    passed: tellPending,
    skipped: tellBlank,
    warnings: () => warnings,
    warningsTotal: () => warningsTotal,
  };
}

export const isBlank = (cells: readonly string[]): boolean => (cells.length === 0 || cells[0] === '') && cells.every((cell) => cell === '');

const blankRows = (from: number, to: number): LineProblem => ({
  line: from,
  column: null,
  code: 'blank_rows',
  message: from === to ? `Line ${from} is blank and is not a row.` : `Lines ${from} to ${to} are blank and are not rows.`,
  value: null,
});

function refuseSwallowed(block: Coverage, from: number, columns: number, delimiter: string): void {
  const [first, ...others] = block.multiline
    .filter((cell) => cell.row >= from && hasUnbalancedQuotes(block.rows[cell.row]?.cells ?? [], cell, columns, delimiter))
    .map(swallowed);
  if (first !== undefined) throw new StructuralError([first, ...others]);
}

const swallowed = ({ line, endLine }: MultilineCell): LineProblem => ({
  line,
  column: null,
  code: 'quote_swallowed_rows',
  message:
    `A quote that opens on line ${line} is not closed until line ${endLine}, and the text between looks like separate rows: ` +
    'remove the stray quote, or the line breaks in the text.',
  value: null,
});
