/**
 * Rows of workbooks. A cell that is not text may have lost what a person typed: leading zeros and long numbers above all. Where that
 * would send money elsewhere it is the row's error; where the number is what is meant, its stored decimal counts.
 */
import type { InvalidInstruction, ParseResult, Problem } from '../instruction/instruction.ts';
import { members } from '../instruction/members.ts';
import { violation, type RuleViolation } from '../fields/rule-violation.ts';
import type { DecimalSign, RowReadingOptions } from './amount.ts';
import type { CellNote } from './cell-notes.ts';
import { readHeader, type Column } from './header.ts';
import { createRowParser, type CheckResult, type RowParser } from './parse-row.ts';
import { storedNumber } from './stored-number.ts';

/** What is odd about the cells of a workbook's row; absent for CSV. */
export interface RowReader extends Omit<RowParser, 'read' | 'check' | 'maskSecrets'> {
  read(cells: readonly string[], notes?: readonly CellNote[]): ParseResult;
  check(cells: readonly string[], notes?: readonly CellNote[]): CheckResult;
  /** For a fix-file: a number in a column of text is left out, because as text it would pass. */
  maskSecrets(cells: readonly string[], notes?: readonly CellNote[]): string[];
}

export type RowReaderResult =
  { readonly ok: true; readonly reader: RowReader } | { readonly ok: false; readonly problems: readonly [Problem, ...Problem[]] };

/** As `createRowParser`, for rows of CSV files and of workbooks. */
export function createTypedReader(header: readonly string[], options: RowReadingOptions): RowReaderResult {
  const made = createRowParser(header, options);
  const compiled = readHeader(header);
  if (!made.ok) return made;
  if (!compiled.ok) return compiled;
  const uses = compiled.columns.map(useOf);
  const { reader } = made;
  const judge = (cells: readonly string[], notes: readonly CellNote[]) => judgeCells(cells, notes, compiled.columns, uses, options.decimal);
  return {
    ok: true,
    reader: {
      ...reader,
      read(cells, notes) {
        if (notes === undefined) return reader.read(cells);
        const judged = judge(cells, notes);
        const found = reader.read(judged.cells);
        const known = found.ok ? found.draft : found.refusal;
        const refusal = refusalOf(known, found.ok ? [] : found.refusal.problems, judged, reader.recordIdColumn);
        return { ...(refusal === undefined ? found : { ok: false, refusal }), ...allWarnings(judged, found) };
      },
      check(cells, notes) {
        if (notes === undefined) return reader.check(cells);
        const judged = judge(cells, notes);
        const found = reader.check(judged.cells);
        const known = found.ok ? found.checked : found.refusal;
        const refusal = refusalOf(known, found.ok ? [] : found.refusal.problems, judged, reader.recordIdColumn);
        return { ...(refusal === undefined ? found : { ok: false, refusal }), ...allWarnings(judged, found) };
      },
      maskSecrets(cells, notes) {
        if (notes === undefined) return reader.maskSecrets(cells);
        const judged = judge(cells, notes);
        return reader.maskSecrets(judged.cells.map((cell, index) => (judged.lost.has(index) ? '' : cell)));
      },
    },
  };
}

/** What a column is for: `text` may have lost digits, `amount` is a number, `words` are read as they are, `switch` is true or false. */
type Use = 'text' | 'amount' | 'words' | 'switch' | 'ignored';

const words =
  /^(?:kind|currency|description|recurrent_initiator|return_url|account_type|card_expiration_(?:month|year)|.*_(?:name|address_line|city|state|currency|country_iso3|email))$/;

function useOf(column: Column): Use {
  if (column.is !== 'member') return column.is === 'metadata' ? 'words' : 'ignored';
  const name = members[column.slot]?.name ?? '';
  if (name === 'amount' || name === 'amount_minor') return 'amount';
  if (name === 'recurrent') return 'switch';
  return words.test(name) ? 'words' : 'text';
}

interface JudgedCells {
  readonly cells: readonly string[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Cells whose text is not what was typed. */
  readonly lost: ReadonlySet<number>;
}

function judgeCells(
  given: readonly string[],
  notes: readonly CellNote[],
  columns: readonly Column[],
  uses: readonly Use[],
  decimal: DecimalSign | undefined,
): JudgedCells {
  const cells = [...given];
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const lost = new Set<number>();
  for (const { index, is } of notes) {
    const use = uses[index];
    // A cell without a column is an error of its own.
    if (use === undefined || use === 'ignored') continue;
    const column = columns[index]?.name ?? null;
    const found = judgeCell(is, use, given[index] ?? '', decimal);
    if (found.text !== undefined) cells[index] = found.text;
    if (found.warning !== undefined) warnings.push({ column, value: null, ...found.warning });
    if (found.error === undefined) continue;
    problems.push({ column, value: null, ...found.error });
    lost.add(index);
  }
  return { cells, problems, warnings, lost };
}

interface JudgedCell {
  readonly text?: string;
  readonly error?: RuleViolation;
  readonly warning?: RuleViolation;
}

const error = (code: string, message: string): JudgedCell => ({ error: violation(code, message) });
const asText = 'Format the column as text in the spreadsheet and type the value again.';

function judgeCell(is: CellNote['is'], use: Use, text: string, decimal: DecimalSign | undefined): JudgedCell {
  switch (is) {
    case 'error':
      return error('cell_error', 'The cell contains an error of the spreadsheet: correct its formula, or type the value.');
    case 'formula_unsaved':
      return error(
        'cell_formula_unsaved',
        'The cell is a formula and the file does not contain its value: open the file in a spreadsheet and save it.',
      );
    case 'formula':
      return { warning: violation('cell_formula', 'The cell is a formula: the value that was stored with it is used.') };
    case 'date':
      return error('cell_date', `The cell is a date in the spreadsheet, so what was typed is not known. ${asText}`);
    case 'percent':
      return error('cell_percent', `The cell is a percentage in the spreadsheet. ${asText}`);
    case 'boolean':
      return use === 'words' || use === 'switch' ? {} : error('cell_boolean', `The cell is TRUE or FALSE in the spreadsheet. ${asText}`);
    case 'number':
      return judgeNumber(use, text, decimal);
  }
}

function judgeNumber(use: Use, literal: string, decimal: DecimalSign | undefined): JudgedCell {
  if (use === 'text' || use === 'switch') {
    return error(
      'cell_number',
      `The cell is a number in the spreadsheet, so leading zeros and digits beyond the fifteenth may be gone. ${asText}`,
    );
  }
  const stored = storedNumber(literal);
  if (!stored.ok) {
    return error(
      'cell_number_inexact',
      use === 'amount'
        ? 'The stored number has more than 15 digits, so it is not the amount that is shown: round it in the spreadsheet (ROUND), or type it as text.'
        : `The stored number has more than 15 digits, which a spreadsheet does not keep exactly. ${asText}`,
    );
  }
  if (use === 'amount') return { text: decimal === 'comma' ? stored.text.replace('.', ',') : stored.text };
  return {
    text: stored.text,
    warning: violation(
      'cell_number',
      `The cell is a number in the spreadsheet and is read as its digits. If it has leading zeros, format the column as text and type it again.`,
    ),
  };
}

/** What the cells are goes before what their texts are: of one column only the former is reported. */
function refusalOf(known: Known, found: readonly Problem[], judged: JudgedCells, recordIdColumn: string): InvalidInstruction | undefined {
  const [first, ...others] = judged.problems;
  if (first === undefined) return undefined;
  const named = new Set(judged.problems.map(({ column }) => column));
  const { recordId, kind, amountMinor, currency, metadata } = known;
  return {
    recordId: named.has(recordIdColumn) ? undefined : recordId,
    kind,
    amountMinor,
    currency,
    ...(metadata === undefined ? {} : { metadata }),
    problems: [first, ...others, ...found.filter(({ column }) => column === null || !named.has(column))],
  };
}

type Known = Pick<InvalidInstruction, 'recordId' | 'kind' | 'amountMinor' | 'currency' | 'metadata'>;

const allWarnings = (judged: JudgedCells, { warnings = [] }: { readonly warnings?: readonly Problem[] }) => {
  const all = [...judged.warnings, ...warnings];
  return all.length === 0 ? {} : { warnings: all };
};
