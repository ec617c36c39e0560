/**
 * The parser is held to account: its cells are laid over the text they came from, and every character must be part of
 * a cell, a delimiter, a quote or a line end. It also finds the line of each row.
 */
import { countOf, maxRecordBytes } from './records.ts';

/** @property cells none for an empty line */
export interface CoveredRow {
  readonly line: number;
  readonly cells: string[];
}

/** A cell with line breaks in it. Lines are whole physical lines of the file. */
export interface MultilineCell {
  readonly row: number;
  readonly cell: number;
  readonly line: number;
  readonly endLine: number;
}

/** What the parser made of the text is not the text. */
interface Mismatch {
  readonly line: number;
  readonly at: number;
}

export interface Coverage {
  readonly rows: CoveredRow[];
  readonly multiline: readonly MultilineCell[];
  /** Lines of rows that are longer than any may be. */
  readonly tooLong: readonly number[];
  readonly mismatch?: Mismatch;
}

const quote = 0x22;
const carriageReturn = 0x0d;
const newline = 0x0a;
const noCells: string[] = [];

/**
 * @param text whole records; only the last one of the file may lack its line end
 * @param records the cells that the parser found in it, empty lines left out; they become rows without cells
 */
export function verifyCoverage(text: string, firstLine: number, records: readonly string[][], delimiter: string): Coverage {
  const rows: CoveredRow[] = [];
  const multiline: MultilineCell[] = [];
  const tooLong: number[] = [];
  const delimiterCode = delimiter.charCodeAt(0);
  const { length } = text;
  let at = 0;
  let line = firstLine;
  const mismatch = (): Coverage => ({ rows, multiline, tooLong, mismatch: { line, at } });
  const endLine = (): boolean => {
    const end = text.charCodeAt(at) === carriageReturn ? at + 1 : at;
    if (text.charCodeAt(end) !== newline) return false;
    at = end + 1;
    line += 1;
    return true;
  };
  const passEmptyLines = (): void => {
    for (let emptyLine = line; endLine(); emptyLine = line) rows.push({ line: emptyLine, cells: noCells });
  };

  for (let record = 0; record < records.length; record += 1) {
    passEmptyLines();
    const cells = records[record] as string[];
    const start = at;
    const startLine = line;
    for (let index = 0; index < cells.length; index += 1) {
      if (index > 0) {
        if (text.charCodeAt(at) !== delimiterCode) return mismatch();
        at += 1;
      }
      const cell = cells[index] as string;
      if (text.charCodeAt(at) !== quote) {
        if (!text.startsWith(cell, at)) return mismatch();
        at += cell.length;
        continue;
      }
      const written = cell.includes('"') ? cell.replaceAll('"', '""') : cell;
      const close = at + 1 + written.length;
      if (!text.startsWith(written, at + 1) || text.charCodeAt(close) !== quote) return mismatch();
      at = close + 1;
      const breaks = countOf(written, '\n');
      if (breaks > 0) multiline.push({ row: rows.length, cell: index, line, endLine: line + breaks });
      line += breaks;
    }
    // A row of so many characters may be too many bytes; most rows are far from it.
    if (at - start > maxRecordBytes / 3 && Buffer.byteLength(text.slice(start, at)) > maxRecordBytes) tooLong.push(startLine);
    rows.push({ line: startLine, cells });
    if (at === length && record === records.length - 1) break;
    if (!endLine()) return mismatch();
  }
  passEmptyLines();
  // Line breaks are counted once more without the parser: a cell must not hold one that was not quoted.
  return at === length && line - firstLine === countOf(text, '\n') ? { rows, multiline, tooLong } : mismatch();
}
