/**
 * Rows of a block that says everything by itself: strict grammar, no blank line, nothing to report. Such a block can be read by another
 * thread, and before the blocks in front of it.
 */
import { isFixFile, restoreCell } from '../../batches/csv-row/fix-file.ts';
import { loneCarriageReturn } from './cells.ts';
import { quotedRows } from './quoted-rows.ts';
import type { TextBlock } from './records.ts';
import { isBlank, type CsvRow } from './rows.ts';
import { hasUnbalancedQuotes } from './unbalanced-quotes.ts';
import { unquotedRows } from './unquoted-rows.ts';

/** A block as another thread needs it. */
export type PlainText = Pick<TextBlock, 'text' | 'line'>;

/**
 * @param header as the file spells it
 * @returns a function that answers undefined for a block that only the reader of the whole file can judge
 */
export function createPlainReader(header: readonly string[], delimiter: string): (block: PlainText) => readonly CsvRow[] | undefined {
  const restores = isFixFile(header);
  return ({ text, line }) => {
    if (text.includes('\0') || loneCarriageReturn.test(text)) return undefined;
    const found = (text.includes('"') ? quotedRows : unquotedRows)(text, line, delimiter);
    if (found === undefined || found.tooLong.length > 0) return undefined;
    const { rows, multiline } = found;
    if (rows.some(({ cells }) => isBlank(cells))) return undefined;
    if (multiline.some((cell) => hasUnbalancedQuotes(rows[cell.row]?.cells ?? [], cell, header.length, delimiter))) return undefined;
    return restores ? rows.map((row) => ({ line: row.line, cells: row.cells.map(restoreCell) })) : rows;
  };
}
