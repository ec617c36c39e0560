/**
 * Rows of a text without quotes. Then the grammar is nothing but line ends and delimiters, and
 * the engine's own search finds those several times faster than a parser's loop over each character. A property test
 * holds it to the rows of csv-parse.
 */
import type { Coverage, CoveredRow } from './coverage-check.ts';
import { maxRecordBytes } from './records.ts';

const carriageReturn = 0x0d;
const noCells: string[] = [];

/** @param text whole records without quotes; a carriage return is only before a line break */
export function unquotedRows(text: string, firstLine: number, delimiter: string): Coverage {
  const rows: CoveredRow[] = [];
  const tooLong: number[] = [];
  let line = firstLine;
  for (let at = 0; at < text.length; line += 1) {
    const found = text.indexOf('\n', at);
    const newline = found === -1 ? text.length : found;
    const end = newline > at && found !== -1 && text.charCodeAt(newline - 1) === carriageReturn ? newline - 1 : newline;
    // A row of so many characters may be too many bytes; most rows are far from it.
    if (end - at > maxRecordBytes / 3 && Buffer.byteLength(text.slice(at, end)) > maxRecordBytes) tooLong.push(line);
    rows.push({ line, cells: end === at ? noCells : text.slice(at, end).split(delimiter) });
    at = newline + 1;
  }
  return { rows, multiline: [], tooLong };
}
