/**
 * A block of text becomes rows of cells. Text in the strict grammar is read here; csv-parse is the judge of any other, and
 * what it returns is verified.
 */
import { parse } from 'csv-parse/sync';
import { verifyCoverage, type Coverage } from './coverage-check.ts';
import { quotedRows } from './quoted-rows.ts';
import { unquotedRows } from './unquoted-rows.ts';
import { diagnose, tooLong, type QuoteError } from './quote-errors.ts';
import type { TextBlock } from './records.ts';
import { StructuralError } from './structural-error.ts';

/** A carriage return that ends no line; allowed inside quotes only. */
export const loneCarriageReturn = /\r(?!\n)/;

/**
 * @param byteLength how many bytes of the file a text was
 * @throws StructuralError with every fault of the block
 */
export function readCells(block: TextBlock, delimiter: string, byteLength: (text: string) => number): Coverage {
  const { text, line } = block;
  const offsetOf = (at: number): number => block.offset + byteLength(text.slice(0, at));
  if (block.end !== 'whole' || text.includes('\0') || loneCarriageReturn.test(text)) refuse(diagnose(block, delimiter), offsetOf);

  const found = (text.includes('"') ? quotedRows : unquotedRows)(text, line, delimiter) ?? judged(block, delimiter, offsetOf);
  if (found.mismatch !== undefined) {
    const message = 'The parser did not reproduce the text of the file, so the file is not used. Please report this as a bug in disburse.';
    refuse([{ ...found.mismatch, code: 'parser_lost_bytes', message }], offsetOf);
  }
  if (found.tooLong.length > 0) {
    refuse(
      found.tooLong.map((lineOfRow) => ({
        line: lineOfRow,
        at: 0,
        code: 'record_too_long',
        message: `${tooLong}: is a line break missing in it?`,
      })),
      undefined,
    );
  }
  return found;
}

/** What csv-parse says of a text that is not in the strict grammar. */
function judged(block: TextBlock, delimiter: string, offsetOf: (at: number) => number): Coverage {
  const { text, line } = block;
  const records = parseRecords(text, delimiter);
  if (records !== undefined) return verifyCoverage(text, line, records, delimiter);
  refuse(diagnose(block, delimiter), offsetOf);
  return { rows: [], multiline: [], tooLong: [], mismatch: { line, at: 0 } };
}

/** The parser's own complaint is not passed on: it quotes the cell, which may be a card number. */
function parseRecords(text: string, delimiter: string): string[][] | undefined {
  try {
    // Empty lines are counted by us: each would cost the parser an error with its stack.
    return parse(text, { delimiter, record_delimiter: ['\r\n', '\n'], relax_column_count: true, skip_empty_lines: true });
  } catch {
    return undefined;
  }
}

function refuse(faults: readonly QuoteError[], offsetOf: ((at: number) => number) | undefined): void {
  const problems = faults.map(({ at, line, code, message }) => ({
    line,
    column: null,
    code,
    message: offsetOf === undefined ? message : `${message} (byte ${offsetOf(at)})`,
    value: null,
  }));
  const [first, ...others] = problems;
  if (first !== undefined) throw new StructuralError([first, ...others]);
}
