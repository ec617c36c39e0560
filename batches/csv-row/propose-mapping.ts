/**
 * Proposes a mapping for a file with names of its own, by these names and by what is in the columns. It never chooses between two that
 * fit: both are named, and a person decides.
 */
import { checkBic, checkIban, normalizeIban } from '../fields/iban.ts';
import { currencyDecimals } from '../fields/currencies.ts';
import { maskName } from '../instruction/masks.ts';
import { columnNames } from '../instruction/members.ts';
import { synonymsOf } from './column-synonyms.ts';
import { errorColumn } from './fix-file.ts';
import type { Mapping } from './mapping.ts';

export interface Proposal {
  readonly mapping: Pick<Mapping, 'columns' | 'constants' | 'decimal'>;
  /** What a person must decide, one sentence each. */
  readonly notes: readonly string[];
  /** Whether all of record_id, currency and an amount are in it. */
  readonly isWhole: boolean;
}

/** What the cells of a column all are; false for a column without a value. */
interface Contents {
  readonly isIban: boolean;
  readonly isBic: boolean;
  readonly isCurrency: boolean;
  readonly isNumber: boolean;
  readonly isEmpty: boolean;
}

interface Named {
  readonly theirs: string;
  readonly contents: Contents;
  readonly candidates: readonly string[];
}

const number = /^[-+]?\d+(?:[.,' ]\d+)*$/;

function contentsOf(cells: readonly string[]): Contents {
  const filled = cells.map((cell) => cell.trim()).filter((cell) => cell !== '');
  const all = (test: (cell: string) => boolean): boolean => filled.length > 0 && filled.every(test);
  return {
    isIban: all((cell) => checkIban(normalizeIban(cell)) === undefined),
    isBic: all((cell) => checkBic(cell) === undefined),
    isCurrency: all((cell) => currencyDecimals(cell.toUpperCase()) !== undefined),
    isNumber: all((cell) => number.test(cell)),
    isEmpty: filled.length === 0,
  };
}

/** @param rows the first rows of the file */
export function proposeMapping(header: readonly string[], rows: readonly (readonly string[])[]): Proposal {
  const notes: string[] = [];
  const seen = new Set<string>();
  const named = header.flatMap((name, index): Named[] => {
    const theirs = name.trim();
    const key = theirs.toLowerCase();
    if (theirs === '' || (key === errorColumn && index === header.length - 1)) return [];
    if (seen.has(key)) {
      notes.push(`The column ${quoted(theirs)} is in the file twice: rename all but one.`);
      return [];
    }
    seen.add(key);
    const contents = contentsOf(rows.map((cells) => cells[index] ?? ''));
    return [{ theirs, contents, candidates: candidatesOf(theirs, contents) }];
  });
  const columns = chooseEach(named, notes);
  const decimal = decimalOf(header, rows, columns['amount'], notes);
  const isWhole = ['record_id', 'currency'].every((name) => name in columns) && ('amount' in columns || 'amount_minor' in columns);
  if (!isWhole) notes.push(...lacking(columns));
  return { mapping: { columns, constants: {}, ...(decimal === undefined ? {} : { decimal }) }, notes, isWhole };
}

const quoted = (name: string): string => `"${maskName(name)}"`;

function candidatesOf(theirs: string, contents: Contents): readonly string[] {
  const key = theirs.toLowerCase();
  if (columnNames.has(key)) return [key];
  if (/^metadata\../i.test(theirs)) return [theirs];
  const meant = synonymsOf(theirs).filter((ours) => fits(ours, contents));
  if (contents.isIban && (meant.length === 0 || meant.includes('iban'))) return ['iban'];
  const others = contents.isEmpty ? meant : meant.filter((ours) => ours !== 'iban');
  if (others.length > 0) return others;
  // A name that says something else is not overruled by what is in the cells.
  if (synonymsOf(theirs).length > 0) return [];
  if (contents.isCurrency) return ['currency'];
  return contents.isBic && /bic|swift/i.test(theirs) ? ['swift_bic_code'] : [];
}

/** Whether the cells do not contradict the name. */
function fits(ours: string, { isCurrency, isNumber, isBic, isEmpty }: Contents): boolean {
  if (isEmpty) return true;
  if (ours === 'amount' || ours === 'amount_minor') return isNumber;
  if (ours.endsWith('currency')) return isCurrency;
  return !ours.endsWith('swift_bic_code') || isBic;
}

/** Each of their columns for one of ours, where there is no doubt on either side. */
function chooseEach(named: readonly Named[], notes: string[]): Record<string, string> {
  const chosen = new Map<string, string[]>();
  for (const { theirs, candidates } of named) {
    const [only, ...others] = candidates;
    if (only === undefined) notes.push(`The column ${quoted(theirs)} is left out: no column of ours fits its name and its cells.`);
    else if (others.length > 0)
      notes.push(`The column ${quoted(theirs)} is left out: it fits ${listed(candidates)}. Add the one that is meant.`);
    else chosen.set(only, [...(chosen.get(only) ?? []), theirs]);
  }
  const columns: Record<string, string> = {};
  for (const [ours, theirs] of chosen) {
    if (theirs.length === 1) columns[ours] = theirs[0] as string;
    else notes.push(`${ours} is left out: the columns ${listed(theirs.map(quoted))} fit it. Add the one that is meant.`);
  }
  return columns;
}

const listed = (names: readonly string[]): string => names.join(', ').replace(/, ([^,]*)$/, ' and $1');

/** The sign that every amount with decimals has; none where it cannot be told from a thousands separator. */
function decimalOf(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  theirs: string | undefined,
  notes: string[],
): Mapping['decimal'] {
  const index = header.findIndex((name) => name.trim() === theirs);
  if (theirs === undefined || index === -1) return undefined;
  const cells = rows.map((cells) => (cells[index] ?? '').trim());
  const has = (pattern: RegExp): boolean => cells.some((cell) => pattern.test(cell));
  const [point, comma] = [has(/\.\d{1,2}$/), has(/,\d{1,2}$/)];
  if (point !== comma) return point ? 'point' : 'comma';
  if (point || has(/[.,]\d{3,}$/)) {
    notes.push(
      `The decimal sign of ${quoted(theirs)} is left out: its amounts can be read with a point and with a comma. Add "decimal": "point" or "comma".`,
    );
  }
  return undefined;
}

function lacking(columns: Readonly<Record<string, string>>): readonly string[] {
  const wanted = [
    ...['record_id', 'currency'].filter((name) => !(name in columns)),
    ...('amount' in columns || 'amount_minor' in columns ? [] : ['amount']),
  ];
  return wanted.map(
    (name) =>
      `${name} is missing, and every row needs it: add it to columns${name === 'record_id' ? '' : ', or to constants if all rows have the same'}.`,
  );
}
