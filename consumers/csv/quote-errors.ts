/**
 * The strict grammar, character by character: it reports what is wrong with a block that the fast path could not read. It
 * continues after an error as a lenient reader would, so that one pass finds several errors.
 */
import { maxRecordBytes, type TextBlock } from './records.ts';

/** @property at where in the block's text; for what is found at its end, where that began */
export interface QuoteError {
  readonly at: number;
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

const maxFaults = 100;

const messages = {
  nul_character: 'There is a NUL character here: the file is damaged, or has another encoding.',
  line_end_cr: 'A line ends with CR alone, as on old Macs: save the file with LF or CRLF line endings.',
  quote_bare: 'There is a quote inside a cell that does not start with one: quote the whole cell and double the quote, or remove it.',
  excel_formula:
    'This cell is a spreadsheet formula (such as ="…"), not a value: format the column as text in the spreadsheet, and write only what is between the quotes.',
  quote_trailing_text: 'Text follows a closing quote: double a quote that belongs to the cell, or remove it.',
} as const;

type State = 'start' | 'plain' | 'quoted' | 'closed';

/** @returns every fault of the block in the order of the text; none when it is sound */
export function diagnose({ text, line: firstLine, end }: TextBlock, delimiter: string): readonly QuoteError[] {
  const faults: QuoteError[] = [];
  let line = firstLine;
  let state: State = 'start';
  let opened = { at: 0, line };
  let record = { at: 0, line };
  let cellAt = 0;
  // After one misplaced quote every other one of its line looks misplaced too.
  let quoteFaultLine = 0;

  const add = (at: number, code: keyof typeof messages): void => {
    if (faults.length < maxFaults) faults.push({ at, line, code, message: messages[code] });
  };
  const addQuoteFault = (at: number, code: 'quote_bare' | 'excel_formula' | 'quote_trailing_text'): void => {
    if (quoteFaultLine !== line) add(at, code);
    quoteFaultLine = line;
  };

  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === '\0') add(at, 'nul_character');
    if (state === 'quoted') {
      if (sign === '\n') line += 1;
      if (sign !== '"') continue;
      if (text[at + 1] === '"') at += 1;
      else state = 'closed';
      continue;
    }
    if (sign === '\n') {
      line += 1;
      state = 'start';
      record = { at: at + 1, line };
      cellAt = at + 1;
    } else if (sign === '\r') {
      if (text[at + 1] !== '\n') add(at, 'line_end_cr');
    } else if (sign === delimiter) {
      state = 'start';
      cellAt = at + 1;
    } else if (sign === '"' && state === 'start') {
      state = 'quoted';
      opened = { at, line };
    } else {
      if (state === 'closed') addQuoteFault(at, 'quote_trailing_text');
      else if (sign === '"') addQuoteFault(at, text[cellAt] === '=' ? 'excel_formula' : 'quote_bare');
      state = 'plain';
    }
  }
  // After a misplaced quote the block is not as long as counting quotes made it look.
  if (end === 'endless' && text.length - record.at > maxRecordBytes) faults.push(endless(record, state === 'quoted' ? opened : undefined));
  else if (end === 'open' && state === 'quoted') faults.push(unclosed(opened));
  return faults.sort((a, b) => a.at - b.at);
}

const unclosed = (opened: { at: number; line: number }): QuoteError => ({
  ...opened,
  code: 'quote_unclosed',
  message: 'The quote that opens a cell on this line is never closed: close it, or write it twice inside quotes.',
});

export const tooLong = `A row is longer than ${maxRecordBytes} bytes`;

function endless(record: { at: number; line: number }, opened: { at: number; line: number } | undefined): QuoteError {
  const why =
    opened === undefined
      ? ': is it CSV, with one row per line?'
      : `: the quote opened on line ${opened.line} is not closed. Close it, or remove it.`;
  return { ...record, code: 'record_too_long', message: `${tooLong}${why}` };
}
