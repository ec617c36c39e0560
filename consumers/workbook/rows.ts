/** Rows of a sheet as rows of a payout file. What a person does not see in the spreadsheet is named. */
import { maskName } from '../../batches/instruction/masks.ts';
import { isFixFile, restoreCell } from '../../batches/csv-row/fix-file.ts';
import type { LineProblem } from '../../batches/preflight/line-problem.ts';
import type { CsvRow } from '../csv/rows.ts';
import { columnName, type SheetFacts, type SheetRow } from './sheet.ts';

export interface RowMaker {
  take(rows: readonly SheetRow[]): readonly CsvRow[];
  /** Of the last row taken. */
  lastLine(): number;
  /** @returns all warnings of the sheet, the first thousand of them told */
  end(facts: SheetFacts): { readonly warnings: readonly LineProblem[]; readonly warningsTotal: number };
}

const maxWarnings = 1_000;

export function createRowMaker(headerRow: SheetRow, sheetWarnings: readonly LineProblem[]): RowMaker {
  const header = headerRow.cells;
  const restores = isFixFile(header);
  const warnings: LineProblem[] = [...sheetWarnings];
  let warningsTotal = sheetWarnings.length;
  let lastLine = 0;
  let hidden: { readonly from: number; to: number } | undefined;

  const warn = (line: number, code: string, message: string): void => {
    warningsTotal += 1;
    if (warnings.length < maxWarnings) warnings.push({ line, column: null, code, message, value: null });
  };
  const endHidden = (): void => {
    if (hidden !== undefined) warn(hidden.from, 'hidden_rows', hiddenRows(hidden));
    hidden = undefined;
  };
  const pass = ({ line, isHidden }: SheetRow): void => {
    if (line > lastLine + 1) warn(lastLine + 1, 'blank_rows', blankRows(lastLine + 1, line - 1));
    lastLine = line;
    if (!isHidden) endHidden();
    else if (hidden === undefined) hidden = { from: line, to: line };
    else hidden.to = line;
  };

  pass(headerRow);
  return {
    take: (rows) =>
      rows.map((row) => {
        pass(row);
        const { line, notes } = row;
        const cells = restores ? row.cells.map(restoreCell) : row.cells;
        while (cells.length < header.length) cells.push('');
        return notes.length === 0 ? { line, cells } : { line, cells, notes };
      }),
    lastLine: () => lastLine,
    end({ merged, mergedTotal, hiddenColumns }) {
      endHidden();
      if (mergedTotal > 0) warn(headerRow.line, 'merged_cells', mergedCells(merged, mergedTotal));
      const unseen = hiddenColumns.flatMap(({ from, to }) =>
        header.slice(from, to + 1).map((name, index) => ({ name, index: from + index })),
      );
      if (unseen.length > 0) warn(headerRow.line, 'hidden_columns', hiddenNames(unseen));
      return { warnings, warningsTotal };
    },
  };
}

const span = (from: number, to: number): string => (from === to ? `Row ${from}` : `Rows ${from} to ${to}`);

const blankRows = (from: number, to: number): string =>
  from === to ? `Row ${from} is blank and is not a row of the file.` : `${span(from, to)} are blank and are not rows of the file.`;

const hiddenRows = ({ from, to }: { readonly from: number; readonly to: number }): string =>
  `${span(from, to)} ${from === to ? 'is' : 'are'} hidden in the spreadsheet, and ${from === to ? 'is' : 'are'} read like the others: delete what is not to be paid.`;

const mergedCells = (places: readonly string[], total: number): string =>
  `The sheet has merged cells (${places.join(', ')}${total > places.length ? `, and ${total - places.length} more` : ''}): only the first cell of each has the value, the others are read as empty.`;

const hiddenNames = (columns: readonly { readonly name: string; readonly index: number }[]): string =>
  `Columns are hidden in the spreadsheet and are read like the others: ${columns
    .slice(0, 20)
    .map(({ name, index }) => `${columnName(index)} (${maskName(name.trim())})`)
    .join(', ')}.`;
