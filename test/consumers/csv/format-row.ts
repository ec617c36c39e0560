/**
 * A row as it is written back, so that reading it again gives the same cells: quotes where they are needed and nothing
 * else. It is for files that go back into this program; it does not defuse formulas.
 */

/** @returns the record without a line end */
export const formatCsvRow = (cells: readonly string[], delimiter: string): string =>
  cells.map((cell) => formatCell(cell, delimiter)).join(delimiter);

const formatCell = (cell: string, delimiter: string): string =>
  /["\r\n]/.test(cell) || cell.includes(delimiter) ? `"${cell.replaceAll('"', '""')}"` : cell;
