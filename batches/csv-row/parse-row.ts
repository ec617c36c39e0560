/**
 * A CSV row becomes a draft or a refusal. The header is compiled once; a row then costs its tests and its body, little more.
 */
import { createBodyBuilder, maskedDestination, type BodyBuilder } from '../instruction/body.ts';
import { carriesCardNumber } from '../fields/cards.ts';
import { members, slotCount, slotOf } from '../instruction/members.ts';
import { violation, type RuleViolation } from '../fields/rule-violation.ts';
import { createValidationErrors, type ValidationErrors } from '../instruction/validation-errors.ts';
import { normalizeIban } from '../fields/iban.ts';
import { checkRecordId, checkWord } from '../fields/identifiers.ts';
import {
  kinds,
  type InvalidInstruction,
  type JsonObject,
  type Kind,
  type ParseResult,
  type Problem,
  type ValidInstruction,
} from '../instruction/instruction.ts';
import { stripReserved, checkMetadataText, checkReserved } from '../instruction/metadata.ts';
import { readAmount, type RowReadingOptions } from './amount.ts';
import { readHeader } from './header.ts';
import { looksLikeTotal, totalRow } from './total-row.ts';
import { nest } from './nested-metadata.ts';
import { layoutOf, maskSecrets, type Layout } from './row-layout.ts';
import { checkMembers, checkTexts, methodsFilled, type Values } from '../instruction/validation.ts';

export interface RowParser {
  /**
   * Reads one row. All its problems are reported at once, those of single cells first, in the order of the columns.
   *
   * @param cells the texts of the row, exactly as they stand in the file, without quotes
   */
  read(cells: readonly string[]): ParseResult;
  /** The same without what only sending needs. */
  check(cells: readonly string[]): CheckResult;
  /**
   * The cells of a row as a fix-file may show them: card numbers are masked wherever they stand, security codes in their column.
   */
  maskSecrets(cells: readonly string[]): string[];
  /** How the header spells `record_id`. */
  readonly recordIdColumn: string;
  readonly headerWarnings: readonly Problem[];
  /** Names the column that a problem comes from, when it is not in the file at all: then every row has this problem. */
  absentColumn(problem: Problem): string | undefined;
}

export type CheckedInstruction = Pick<ValidInstruction, 'recordId' | 'kind' | 'amountMinor' | 'currency' | 'body'>;

export type CheckResult = (
  { readonly ok: true; readonly checked: CheckedInstruction } | { readonly ok: false; readonly refusal: InvalidInstruction }
) & { readonly warnings?: readonly Problem[] };

export type RowParserResult =
  { readonly ok: true; readonly reader: RowParser } | { readonly ok: false; readonly problems: readonly [Problem, ...Problem[]] };

const recordIdSlot = slotOf('record_id');
const kindSlot = slotOf('kind');
const ibanSlot = slotOf('iban');
const recipientCurrencySlot = slotOf('recipient_currency');
const cardSlot = slotOf('card_number');
const accountSlots = [slotOf('bank_account_number'), slotOf('account_number')];

/** What `absentColumn` answers when no column says how to pay. */
export const wayToPay = 'iban, card_number, wallet_msisdn or another that says how to pay';
const kindRule = checkWord('kind_unknown', kinds);

const isRecordId = (text: string | undefined): text is string =>
  text !== undefined && checkRecordId(text) === undefined && !carriesCardNumber(text);

/** A cell can only hold text: `1` there is the same as our own attempt. */
const withAttempt = (metadata: JsonObject): JsonObject => (metadata['attempt'] === '1' ? { ...metadata, attempt: 1 } : metadata);

const wrongCount = (found: number, wanted: number): RuleViolation =>
  found < wanted
    ? violation(
        'cells_too_few',
        `The row has ${found} cells, the header has ${wanted}: a delimiter is missing, or a line break splits the row.`,
      )
    : violation(
        'cells_too_many',
        `The row has ${found} cells, the header has ${wanted}: a value that contains the delimiter must be quoted.`,
      );

/** The row that is being read. The lists are used again for each row. */
interface Row {
  readonly values: (string | undefined)[];
  cells: readonly string[];
  problems: Problem[];
  /** Problems that come from a column that the file does not have, and its name. */
  readonly absent: WeakMap<Problem, string>;
  warnings: Problem[];
  readonly errors: ValidationErrors;
}

function createRow(layout: Layout): Row {
  const { columns, slotOfCell } = layout;
  const columnOf = (slot: number): string | null => {
    const indexes = slotOfCell.flatMap((known, index) => (known === slot ? [index] : []));
    const filled = indexes.find((index) => row.cells[index] !== undefined && row.cells[index] !== '') ?? indexes[0];
    return filled === undefined ? null : (columns[filled]?.name ?? null);
  };
  const nameOf = (slot: number): string => columnOf(slot)?.trim() ?? members[slot]?.name ?? '';
  const errors = createValidationErrors({
    add: (problem) => row.problems.push(problem),
    warn: (problem) => row.warnings.push(problem),
    columnOf,
    nameOf,
  });
  const row: Row = {
    values: Array.from({ length: slotCount }, () => undefined),
    cells: [],
    problems: [],
    warnings: [],
    absent: new WeakMap(),
    errors: {
      ...errors,
      missing(slot, why) {
        errors.missing(slot, why);
        const problem = row.problems.at(-1);
        if (problem !== undefined && columnOf(slot) === null) row.absent.set(problem, nameOf(slot));
      },
    },
  };
  return row;
}

function fillRow(row: Row, { slots, slotOfCell }: Layout, cells: readonly string[]): void {
  const { values } = row;
  row.cells = cells;
  row.problems = [];
  if (row.warnings.length > 0) row.warnings = [];
  for (let index = 0; index < slots.length; index += 1) values[slots[index] as number] = undefined;
  for (let index = 0; index < slotOfCell.length; index += 1) {
    const cell = cells[index] as string;
    if (cell === '') continue;
    const slot = slotOfCell[index] as number;
    if (slot >= 0) values[slot] = cell;
  }
  const iban = values[ibanSlot];
  if (iban !== undefined) values[ibanSlot] = normalizeIban(iban);
}

function kindOfRow({ values, errors }: Row): Kind | undefined {
  const text = values[kindSlot];
  if (text === undefined || text === 'payout') return 'payout';
  if (text === 'payment') return 'payment';
  const found = kindRule(text);
  if (found !== undefined) errors.value(kindSlot, text, found);
  return undefined;
}

/** A path as a column name says more than a member: it belongs to one kind and method. */
function checkPaths({ values, cells, errors }: Row, { narrowed, checkOrder }: Layout, kind: Kind): void {
  const methods = methodsFilled(values, checkOrder);
  for (const { place, slot, index } of narrowed) {
    const cell = cells[index];
    if (cell === undefined || cell === '') continue;
    // Members with one path are reported by the rules themselves.
    const others = (members[slot]?.places ?? []).filter((other) => other.path !== place.path);
    if (place.kind !== undefined && place.kind !== kind) {
      if (!others.some((other) => other.kind === kind)) continue;
      errors.value(slot, cell, violation('not_for_kind', `A ${kind} takes no ${place.path}: leave it empty, or correct the kind.`));
    } else if (
      others.some((other) => other.method !== undefined && (other.method & methods) !== 0) &&
      ((place.method ?? 0) & methods) === 0
    ) {
      errors.value(slot, cell, violation('not_for_method', `This payment method takes no ${place.path}: leave it empty.`));
    }
  }
}

function readMetadata({ cells, errors }: Row, { metadataColumns }: Layout, recordId: string | undefined): JsonObject | undefined {
  for (const { name, index } of metadataColumns) {
    const found = checkMetadataText(cells[index] as string);
    if (found !== undefined) errors.addRecordError(found, name);
  }
  const nested = nest(metadataColumns, cells);
  if (nested === undefined) return undefined;
  const whole = withAttempt(nested);
  checkReserved(whole, recordId, (path, found) => {
    errors.addRecordError(found, metadataColumns.find(({ keys }) => keys[0] === path)?.name);
  });
  return whole;
}

/** @param wanted how many cells the header has */
export function refuseMisfit(recordId: string | undefined, cells: readonly string[], wanted: number): Refused {
  const { code, message } = wrongCount(cells.length, wanted);
  const isTotal = looksLikeTotal(cells);
  return {
    ok: false,
    refusal: {
      recordId: isRecordId(recordId) && !isTotal ? recordId : undefined,
      kind: undefined,
      amountMinor: undefined,
      currency: undefined,
      problems: [isTotal ? totalRow : { code, column: null, message, value: null }],
    },
  };
}

export interface Refused {
  readonly ok: false;
  readonly refusal: InvalidInstruction;
}

type Judged = { readonly ok: true; readonly checked: CheckedInstruction; readonly metadata: JsonObject | undefined } | Refused;

function judgeRow(row: Row, layout: Layout, options: RowReadingOptions, body: BodyBuilder): Judged {
  const { values, errors } = row;
  const { checkOrder, metadataColumns, narrowed } = layout;
  const recordIdText = values[recordIdSlot];
  if (recordIdText === undefined) errors.missing(recordIdSlot, 'Every row needs');
  const kind = kindOfRow(row);
  if (kind === undefined) checkTexts(values, checkOrder, errors);
  else {
    checkMembers(values, checkOrder, kind, 0, options.now, errors);
    if (narrowed.length > 0) checkPaths(row, layout, kind);
  }
  const { amountMinor, currency } = readAmount(values, options, errors);
  const metadata = metadataColumns.length === 0 ? undefined : readMetadata(row, layout, recordIdText);
  const [first, ...others] = row.problems;
  if (first !== undefined || kind === undefined || amountMinor === undefined || currency === undefined || recordIdText === undefined) {
    const recordId = isRecordId(recordIdText) ? recordIdText : undefined;
    const isTotal = methodsFilled(values, checkOrder) === 0 && looksLikeTotal(row.cells);
    const problems: readonly [Problem, ...Problem[]] = isTotal ? [totalRow] : [first as Problem, ...others];
    return { ok: false, refusal: { recordId: isTotal ? undefined : recordId, kind, amountMinor, currency, problems } };
  }
  const recipientCurrency = values[recipientCurrencySlot];
  if (recipientCurrency !== undefined) values[recipientCurrencySlot] = recipientCurrency.toLowerCase();
  const built = body.build(values, kind, Number(amountMinor), currency.toLowerCase());
  return { ok: true, checked: { recordId: recordIdText, kind, amountMinor, currency, body: built }, metadata };
}

/** What sending needs besides. */
const draftOf = (
  values: Values,
  { recordId, kind, amountMinor, currency, body }: CheckedInstruction,
  metadata: JsonObject | undefined,
) => ({
  recordId,
  kind,
  amountMinor,
  currency,
  body,
  metadata: stripReserved(metadata),
  destination: maskedDestination(values),
  // An account number may be a card number by chance or by mistake: then it is treated as one.
  hasCardNumber: values[cardSlot] !== undefined || accountSlots.some((slot) => carriesCardNumber(values[slot] ?? '')),
});

/**
 * Compiles a header into a parser of its rows.
 *
 * The parser keeps one list of texts and uses it again for each row: it is not to be called while it reads.
 *
 * @param header the cells of the header line as the file spells them
 * @returns every structural problem of the header at once
 */
export const createRowParser = (header: readonly string[], options: RowReadingOptions): RowParserResult => {
  const compiled = readHeader(header);
  if (!compiled.ok) return compiled;
  const { columns, warnings } = compiled;
  const layout = layoutOf(columns);
  const body = createBodyBuilder(layout.slots);
  const row = createRow(layout);
  const judge = (cells: readonly string[]): Judged => {
    if (cells.length === columns.length) {
      fillRow(row, layout, cells);
      return judgeRow(row, layout, options, body);
    }
    // What the row before left is not of this one.
    row.warnings = [];
    return refuseMisfit(cells[layout.slotOfCell.indexOf(recordIdSlot)], cells, columns.length);
  };
  const hasMethod = layout.checkOrder.some((slot) => members[slot]?.method !== undefined);
  return {
    ok: true,
    reader: {
      read(cells) {
        const judged = judge(cells);
        const reading = judged.ok ? ({ ok: true, draft: draftOf(row.values, judged.checked, judged.metadata) } as const) : judged;
        return row.warnings.length === 0 ? reading : { ...reading, warnings: row.warnings };
      },
      check(cells) {
        const judged = judge(cells);
        return row.warnings.length === 0 ? judged : { ...judged, warnings: row.warnings };
      },
      maskSecrets: (cells) => maskSecrets(layout, cells),
      recordIdColumn: columns[layout.slotOfCell.indexOf(recordIdSlot)]?.name ?? 'record_id',
      headerWarnings: warnings,
      // A way to pay has no column of its own: it is named by what it is.
      absentColumn: (problem) => (problem.code === 'method_missing' && !hasMethod ? wayToPay : row.absent.get(problem)),
    },
  };
};
