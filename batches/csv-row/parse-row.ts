/**
 * A CSV row becomes a draft or a refusal. The header is compiled once; a row then costs its tests and its body, little more.
 */
import { createBodyBuilder, maskedDestination } from '../instruction/body.ts';
import { carriesCardNumber } from '../fields/cards.ts';
import { members, slotCount, slotOf } from '../instruction/members.ts';
import { violation, type RuleViolation } from '../fields/rule-violation.ts';
import { createValidationErrors } from '../instruction/validation-errors.ts';
import { normalizeIban } from '../fields/iban.ts';
import { checkRecordId, checkWord } from '../fields/identifiers.ts';
import { kinds, type Json, type JsonObject, type Kind, type Problem, type ParseResult } from '../instruction/instruction.ts';
import { maskCard, maskDigits } from '../instruction/masks.ts';
import { stripReserved, checkMetadataText, checkReserved } from '../instruction/metadata.ts';
import type { ReadingOptions } from '../instruction/reading-options.ts';
import { readAmount } from './amount.ts';
import { readHeader, type Column } from './header.ts';
import { checkMembers, checkTexts, methodsFilled } from '../instruction/validation.ts';

export interface RowParser {
  /**
   * Reads one row. All its problems are told at once, those of single cells first, in the order of the columns.
   *
   * @param cells the texts of the row, exactly as they stand in the file, without quotes
   */
  read(cells: readonly string[]): ParseResult;
  /**
   * The cells of a row as a fix-file may show them: card numbers are masked wherever they stand, security codes in their column.
   */
  maskSecrets(cells: readonly string[]): string[];
  /** How the header spells `record_id`. */
  readonly recordIdColumn: string;
}

export type RowParserResult =
  { readonly ok: true; readonly reader: RowParser } | { readonly ok: false; readonly problems: readonly [Problem, ...Problem[]] };

const recordIdSlot = slotOf('record_id');
const kindSlot = slotOf('kind');
const ibanSlot = slotOf('iban');
const recipientCurrencySlot = slotOf('recipient_currency');
const cardSlot = slotOf('card_number');
const accountSlots = [slotOf('bank_account_number'), slotOf('account_number')];
const securityCodeSlot = slotOf('card_security_code');

/** What stands in a fix-file where nothing may be shown. */
const hidden = '…';

const kindRule = checkWord('kind_unknown', kinds);

const isRecordId = (text: string | undefined): text is string =>
  text !== undefined && checkRecordId(text) === undefined && !carriesCardNumber(text);

interface MetadataColumn {
  readonly name: string;
  readonly index: number;
  readonly keys: readonly string[];
}

/** The nested object of a row's metadata; keys of objects are never `__proto__`, the header saw to that. */
const nest = (columns: readonly MetadataColumn[], cells: readonly string[]): JsonObject | undefined => {
  let whole: Record<string, Json> | undefined;
  for (const { index, keys } of columns) {
    const cell = cells[index];
    if (cell === undefined || cell === '') continue;
    whole ??= {};
    let object: Record<string, Json> = whole;
    for (let depth = 0; depth < keys.length - 1; depth += 1) {
      const key = keys[depth] as string;
      if (!Object.hasOwn(object, key)) object[key] = {};
      object = object[key] as Record<string, Json>;
    }
    object[keys[keys.length - 1] as string] = cell;
  }
  return whole;
};

/** A cell can only hold text: `1` there says the same as our own attempt. */
const withAttempt = (metadata: JsonObject): JsonObject => (metadata['attempt'] === '1' ? { ...metadata, attempt: 1 } : metadata);

const wrongCount = (found: number, wanted: number): RuleViolation =>
  found < wanted
    ? violation(
        'cells_too_few',
        `The row has ${found} cells, the header has ${wanted}: a delimiter is missing, or a line break cut the row.`,
      )
    : violation(
        'cells_too_many',
        `The row has ${found} cells, the header has ${wanted}: a text with the delimiter in it must stand in quotes.`,
      );

/** In the order of the table, so that equal rows make equal bodies whatever the order of their columns. */
const slotsInOrder = (columns: readonly Column[]): number[] => {
  const slots = columns.flatMap((column) => (column.is === 'member' ? [column.slot] : []));
  return [...new Set(slots)].sort((a, b) => a - b);
};

/**
 * Compiles a header into a reader of its rows.
 *
 * The reader keeps one list of texts and uses it again for each row: it is not to be called while it reads.
 *
 * @param header the cells of the header line as the file spells them
 * @returns every structural problem of the header at once
 */
export const createRowParser = (header: readonly string[], options: ReadingOptions): RowParserResult => {
  const compiled = readHeader(header);
  if (!compiled.ok) return compiled;
  const { columns } = compiled;
  const { now, maxAmount } = options;

  const slotOfCell = columns.map((column) => (column.is === 'member' ? column.slot : -1));
  const placed = columns.flatMap((column, index) =>
    column.is === 'member' && column.place !== undefined ? [{ ...column, place: column.place, index }] : [],
  );
  const narrowed = placed.filter(({ place }) => place.kind !== undefined || place.method !== undefined);
  const metadataColumns: readonly MetadataColumn[] = columns
    .flatMap((column, index) => (column.is === 'metadata' ? [{ name: column.name, index, keys: column.keys }] : []))
    .sort((a, b) => (a.keys.join('.') < b.keys.join('.') ? -1 : 1));
  const hasSecurityCode = slotOfCell.includes(securityCodeSlot);
  const slots = slotsInOrder(columns);
  const checkOrder = [...new Set(slotOfCell.filter((slot) => slot >= 0))];
  const body = createBodyBuilder(slots);

  const values: (string | undefined)[] = Array.from({ length: slotCount }, () => undefined);
  let cellsNow: readonly string[] = [];
  let problems: Problem[] = [];

  const columnOf = (slot: number): string | null => {
    const indexes = slotOfCell.flatMap((known, index) => (known === slot ? [index] : []));
    const filled = indexes.find((index) => cellsNow[index] !== undefined && cellsNow[index] !== '') ?? indexes[0];
    return filled === undefined ? null : (columns[filled]?.name ?? null);
  };
  const nameOf = (slot: number): string => columnOf(slot)?.trim() ?? members[slot]?.name ?? '';
  const findings = createValidationErrors((problem) => problems.push(problem), columnOf, nameOf);

  const take = (cells: readonly string[]): void => {
    for (let index = 0; index < slots.length; index += 1) values[slots[index] as number] = undefined;
    for (let index = 0; index < slotOfCell.length; index += 1) {
      const cell = cells[index] as string;
      if (cell === '') continue;
      const slot = slotOfCell[index] as number;
      if (slot >= 0) values[slot] = cell;
    }
    const iban = values[ibanSlot];
    if (iban !== undefined) values[ibanSlot] = normalizeIban(iban);
  };

  const kindOfRow = (): Kind | undefined => {
    const text = values[kindSlot];
    if (text === undefined || text === 'payout') return 'payout';
    if (text === 'payment') return 'payment';
    const found = kindRule(text);
    if (found !== undefined) findings.value(kindSlot, text, found);
    return undefined;
  };

  /** A path as a column name says more than a member: it belongs to one kind and method. */
  const checkPlaces = (kind: Kind): void => {
    const methods = methodsFilled(values, checkOrder);
    for (const { place, slot, index } of narrowed) {
      const cell = cellsNow[index];
      if (cell === undefined || cell === '') continue;
      // members with one place are told by the rules themselves
      const others = (members[slot]?.places ?? []).filter((other) => other.path !== place.path);
      if (place.kind !== undefined && place.kind !== kind) {
        if (!others.some((other) => other.kind === kind)) continue;
        findings.value(slot, cell, violation('not_for_kind', `A ${kind} takes no ${place.path}: leave it empty, or correct the kind.`));
      } else if (
        others.some((other) => other.method !== undefined && (other.method & methods) !== 0) &&
        ((place.method ?? 0) & methods) === 0
      ) {
        findings.value(slot, cell, violation('not_for_method', `This way to pay takes no ${place.path}: leave it empty.`));
      }
    }
  };

  const readMetadata = (recordId: string | undefined): JsonObject | undefined => {
    for (const { name, index } of metadataColumns) {
      const found = checkMetadataText(cellsNow[index] as string);
      if (found !== undefined) findings.addRecordError(found, name);
    }
    const nested = nest(metadataColumns, cellsNow);
    if (nested === undefined) return undefined;
    const whole = withAttempt(nested);
    checkReserved(whole, recordId, (path, found) => {
      findings.addRecordError(found, metadataColumns.find(({ keys }) => keys[0] === path)?.name);
    });
    return whole;
  };

  const readMisfit = (cells: readonly string[]): ParseResult => {
    const at = slotOfCell.indexOf(recordIdSlot);
    const recordId = cells[at];
    const { code, message } = wrongCount(cells.length, columns.length);
    return {
      ok: false,
      refusal: {
        recordId: isRecordId(recordId) ? recordId : undefined,
        kind: undefined,
        amountMinor: undefined,
        currency: undefined,
        problems: [{ code, column: null, message, value: null }],
      },
    };
  };

  const read = (cells: readonly string[]): ParseResult => {
    if (cells.length !== columns.length) return readMisfit(cells);
    cellsNow = cells;
    problems = [];
    take(cells);
    const recordIdText = values[recordIdSlot];
    if (recordIdText === undefined) findings.missing(recordIdSlot, 'Every row needs');
    const kind = kindOfRow();
    if (kind === undefined) checkTexts(values, checkOrder, findings);
    else {
      checkMembers(values, checkOrder, kind, 0, now, findings);
      if (narrowed.length > 0) checkPlaces(kind);
    }
    const { amountMinor, currency } = readAmount(values, maxAmount, findings);
    const metadata = metadataColumns.length === 0 ? undefined : readMetadata(recordIdText);
    const [first, ...others] = problems;
    if (first !== undefined || kind === undefined || amountMinor === undefined || currency === undefined || recordIdText === undefined) {
      const recordId = isRecordId(recordIdText) ? recordIdText : undefined;
      return { ok: false, refusal: { recordId, kind, amountMinor, currency, problems: [first as Problem, ...others] } };
    }
    const recipientCurrency = values[recipientCurrencySlot];
    if (recipientCurrency !== undefined) values[recipientCurrencySlot] = recipientCurrency.toLowerCase();
    return {
      ok: true,
      draft: {
        recordId: recordIdText,
        kind,
        amountMinor,
        currency,
        body: body.build(values, kind, Number(amountMinor), currency.toLowerCase()),
        metadata: stripReserved(metadata),
        destination: maskedDestination(values),
        // An account number may be a card number by chance or by mistake: then it is treated as one.
        hasCardNumber: values[cardSlot] !== undefined || accountSlots.some((slot) => carriesCardNumber(values[slot] ?? '')),
      },
    };
  };

  const maskSecrets = (cells: readonly string[]): string[] => {
    const misfit = cells.length !== columns.length;
    return cells.map((cell, index) => {
      const slot = slotOfCell[index] ?? -1;
      if (cell === '') return cell;
      // in a row that lost its columns a security code may stand anywhere
      if (slot === securityCodeSlot || (misfit && hasSecurityCode && /^[0-9]{3,4}$/.test(cell.trim()))) return hidden;
      if (slot === cardSlot) return maskCard(cell) ?? hidden;
      return carriesCardNumber(cell) ? maskDigits(cell) : cell;
    });
  };

  return { ok: true, reader: { read, maskSecrets, recordIdColumn: columns[slotOfCell.indexOf(recordIdSlot)]?.name ?? 'record_id' } };
};
