/**
 * Rows of a text with quotes, by the engine's own search: a line without a quote is split at its delimiters, and a quoted
 * cell runs to the quote that closes it. It knows the strict grammar and nothing else: a quote anywhere else makes
 * csv-parse the judge of the whole text. The differential tests hold the two to the same rows.
 */
import type { Coverage, CoveredRow, MultilineCell } from './coverage-check.ts';
import { countOf, maxRecordBytes } from './records.ts';

const quote = 0x22;
const carriageReturn = 0x0d;
const newlineCode = 0x0a;
const noCells: string[] = [];

/**
 * @param text whole records; a carriage return outside of quotes is only before a line break
 * @returns undefined when a quote is where the grammar has none
 */
export function quotedRows(text: string, firstLine: number, delimiter: string): Coverage | undefined {
  const rows: CoveredRow[] = [];
  const multiline: MultilineCell[] = [];
  const tooLong: number[] = [];
  const delimiterCode = delimiter.charCodeAt(0);
  const { length } = text;
  let line = firstLine;
  let at = 0;
  let nextQuote = find(text, '"', 0);
  while (at < length) {
    const start = at;
    const startLine = line;
    let newline = find(text, '\n', at);
    let cells: string[] | undefined;
    // Each turn begins at the start of a cell.
    for (;;) {
      if (nextQuote >= newline) {
        const end = lineEnd(text, at, newline);
        if (cells !== undefined) append(cells, text.slice(at, end), delimiter);
        else cells = end === at ? noCells : text.slice(at, end).split(delimiter);
        at = end;
        break;
      }
      if (nextQuote > at) {
        if (text.charCodeAt(nextQuote - 1) !== delimiterCode) return undefined;
        const before = text.slice(at, nextQuote - 1);
        if (cells === undefined) cells = before.split(delimiter);
        else append(cells, before, delimiter);
      }
      cells ??= [];
      const open = nextQuote + 1;
      let close = find(text, '"', open);
      const isDoubled = text.charCodeAt(close + 1) === quote;
      while (text.charCodeAt(close + 1) === quote) close = find(text, '"', close + 2);
      if (close === length) return undefined;
      const written = text.slice(open, close);
      if (newline < close) {
        const breaks = countOf(written, '\n');
        multiline.push({ row: rows.length, cell: cells.length, line, endLine: line + breaks });
        line += breaks;
        newline = find(text, '\n', close);
      }
      cells.push(isDoubled ? written.replaceAll('""', '"') : written);
      at = close + 1;
      nextQuote = find(text, '"', at);
      if (text.charCodeAt(at) !== delimiterCode) break;
      at += 1;
    }
    // A row of so many characters may be too many bytes; most rows are far from it.
    if (at - start > maxRecordBytes / 3 && Buffer.byteLength(text.slice(start, at)) > maxRecordBytes) tooLong.push(startLine);
    rows.push({ line: startLine, cells });
    if (text.charCodeAt(at) === carriageReturn) at += 1;
    if (at < length && text.charCodeAt(at) !== newlineCode) return undefined;
    at += 1;
    line += 1;
  }
  return { rows, multiline, tooLong };
}

/** The end of the text when the sign is not found. */
function find(text: string, sign: string, from: number): number {
  const found = text.indexOf(sign, from);
  return found === -1 ? text.length : found;
}

/** @param newline where the line break is, or the end of the text */
const lineEnd = (text: string, from: number, newline: number): number =>
  newline > from && newline < text.length && text.charCodeAt(newline - 1) === carriageReturn ? newline - 1 : newline;

function append(cells: string[], text: string, delimiter: string): void {
  if (!text.includes(delimiter)) cells.push(text);
  else for (const cell of text.split(delimiter)) cells.push(cell);
}
