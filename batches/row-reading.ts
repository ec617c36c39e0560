/**
 * A CSV row becomes a draft or a refusal. The header is compiled once; a row then costs its tests and its body, little more.
 */
import { amountFault, limitFault } from './amount-rules.ts';
import { createBodyBuilder, maskedDestination } from './body.ts';
import { carriesCardNumber } from './cards.ts';
import { members, slotCount, slotOf, type MemberName } from './columns.ts';
import { currencyDecimals } from './currencies.ts';
import { fault, type Fault } from './fault.ts';
import { createFindings, type Findings } from './findings.ts';
import { normalizeIban } from './iban.ts';
import { checkRecordId, checkWord } from './identifiers.ts';
import { kinds, type Json, type JsonObject, type Kind, type Problem, type Reading } from './instruction.ts';
import { callersOwn, checkMetadataText, checkOwnMembers } from './metadata.ts';
import { readMajor, readMinor } from './money.ts';
import { readHeader, type Column } from './row-header.ts';
import { checkMembers, type Values } from './validation.ts';

/**
 * @property now milliseconds since the epoch; cards expire against it
 * @property maxAmount greatest amount in minor units, by currency in upper case
 */
export interface ReadingOptions {
  readonly now: number;
  readonly maxAmount?: ReadonlyMap<string, bigint>;
}

export interface RowReader {
  /**
   * Reads one row. All its problems are told at once, those of single cells first, in the order of the columns.
   *
   * @param cells the texts of the row, exactly as they stand in the file, without quotes
   */
  read(cells: readonly string[]): Reading;
  /**
   * The columns whose cells a fix-file must mask: card numbers and security codes, by position.
   */
  readonly secretColumns: readonly number[];
}

export type RowReaderMaking =
  { readonly ok: true; readonly reader: RowReader } | { readonly ok: false; readonly problems: readonly [Problem, ...Problem[]] };

const recordIdSlot = slotOf('record_id');
const kindSlot = slotOf('kind');
const amountSlot = slotOf('amount');
const minorSlot = slotOf('amount_minor');
const currencySlot = slotOf('currency');
const ibanSlot = slotOf('iban');
const recipientCurrencySlot = slotOf('recipient_currency');
const cardSlot = slotOf('card_number');
const secretSlots = (['card_number', 'card_security_code'] satisfies MemberName[]).map(slotOf);

const kindRule = checkWord('kind_unknown', kinds);

interface Amount {
  readonly amountMinor: bigint | undefined;
  readonly currency: string | undefined;
}

const unreadable: Amount = { amountMinor: undefined, currency: undefined };

const readAmount = (values: Values, limits: ReadonlyMap<string, bigint> | undefined, findings: Findings): Amount => {
  const given = values[currencySlot];
  if (given === undefined) findings.missing(currencySlot, 'Every row needs');
  const upper = given?.toUpperCase();
  const decimals = upper === undefined ? undefined : currencyDecimals(upper);
  const currency = decimals === undefined ? undefined : upper;
  const major = values[amountSlot];
  const minor = values[minorSlot];
  if (major !== undefined && minor !== undefined) {
    findings.whole(fault('amount_twice', 'Both amount and amount_minor are filled: leave one of them empty.'), findings.columnOf(amountSlot) ?? undefined);
    return { amountMinor: undefined, currency };
  }
  const slot = major === undefined ? minorSlot : amountSlot;
  const text = major ?? minor;
  if (text === undefined) {
    findings.missing(findings.columnOf(amountSlot) === null ? minorSlot : amountSlot, 'Every row needs');
    return { amountMinor: undefined, currency };
  }
  const reading = slot === amountSlot ? readMajor(text, decimals) : readMinor(text);
  if (!reading.ok) {
    findings.value(slot, text, amountFault(reading.fault, text, currency, slot === minorSlot));
    return { amountMinor: undefined, currency };
  }
  if (currency === undefined) return unreadable;
  const above = limitFault(reading.amountMinor, currency, limits);
  if (above !== undefined) findings.value(slot, text, above);
  return { amountMinor: reading.amountMinor, currency };
};

const isRecordId = (text: string | undefined): text is string => text !== undefined && checkRecordId(text) === undefined && !carriesCardNumber(text);

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

const wrongCount = (found: number, wanted: number): Fault =>
  found < wanted
    ? fault('cells_too_few', `The row has ${found} cells, the header has ${wanted}: a delimiter is missing, or a line break cut the row.`)
    : fault('cells_too_many', `The row has ${found} cells, the header has ${wanted}: a text with the delimiter in it must stand in quotes.`);

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
export const createRowReader = (header: readonly string[], options: ReadingOptions): RowReaderMaking => {
  const compiled = readHeader(header);
  if (!compiled.ok) return compiled;
  const { columns } = compiled;
  const { now, maxAmount } = options;

  const slotOfCell = columns.map((column) => (column.is === 'member' ? column.slot : -1));
  const placed = columns.flatMap((column, index) => (column.is === 'member' && column.place !== undefined ? [{ ...column, place: column.place, index }] : []));
  const narrowed = placed.filter(({ place }) => place.kind !== undefined || place.method !== undefined);
  const metadataColumns: readonly MetadataColumn[] = columns
    .flatMap((column, index) => (column.is === 'metadata' ? [{ name: column.name, index, keys: column.keys }] : []))
    .sort((a, b) => (a.keys.join('.') < b.keys.join('.') ? -1 : 1));
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
  const findings = createFindings((problem) => problems.push(problem), columnOf, nameOf);

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
    for (const { place, slot, index } of narrowed) {
      const cell = cellsNow[index];
      if (cell === undefined || cell === '' || place.kind === undefined || place.kind === kind) continue;
      // what belongs to no place of this kind is told by the rules themselves
      if (!(members[slot]?.places.some((other) => other.kind === kind) ?? false)) continue;
      findings.value(slot, cell, fault('not_for_kind', `A ${kind} takes no ${place.path}: leave it empty, or correct the kind.`));
    }
  };

  const readMetadata = (recordId: string | undefined): JsonObject | undefined => {
    for (const { name, index } of metadataColumns) {
      const found = checkMetadataText(cellsNow[index] as string);
      if (found !== undefined) findings.whole(found, name);
    }
    const nested = nest(metadataColumns, cellsNow);
    if (nested === undefined) return undefined;
    const whole = withAttempt(nested);
    checkOwnMembers(whole, recordId, (path, found) => {
      findings.whole(found, metadataColumns.find(({ keys }) => keys[0] === path)?.name);
    });
    return whole;
  };

  const readMisfit = (cells: readonly string[]): Reading => {
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

  const read = (cells: readonly string[]): Reading => {
    if (cells.length !== columns.length) return readMisfit(cells);
    cellsNow = cells;
    problems = [];
    take(cells);
    const recordIdText = values[recordIdSlot];
    if (recordIdText === undefined) findings.missing(recordIdSlot, 'Every row needs');
    const kind = kindOfRow();
    if (kind !== undefined) {
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
        metadata: callersOwn(metadata),
        destination: maskedDestination(values),
        sensitive: values[cardSlot] !== undefined,
      },
    };
  };

  return { ok: true, reader: { read, secretColumns: slotOfCell.flatMap((slot, index) => (secretSlots.includes(slot) ? [index] : [])) } };
};
