/** Rows read by the row parser, and shorthands for what it returns. */
import { createRowParser, type RowParser } from '../../batches/csv-row/parse-row.ts';
import type { ParseResult, Problem, ValidInstruction } from '../../batches/instruction/instruction.ts';
import { at } from './builders.ts';

export const parserOf = (header: readonly string[], maxAmount?: ReadonlyMap<string, bigint>): RowParser => {
  const made = createRowParser(header, maxAmount === undefined ? { now: at } : { now: at, maxAmount });
  if (!made.ok) throw new Error(made.problems.map(({ message }) => message).join(' '));
  return made.reader;
};

export const parseRow = (row: Record<string, string>, maxAmount?: ReadonlyMap<string, bigint>): ParseResult =>
  parserOf(Object.keys(row), maxAmount).read(Object.values(row));

export const problemsOf = (reading: ParseResult): readonly Problem[] => (reading.ok ? [] : reading.refusal.problems);

/** `code@column` of each problem. */
export const codesOf = (reading: ParseResult): string[] =>
  problemsOf(reading).map(({ code, column }) => (column === null ? code : `${code}@${column}`));

export const validOf = (reading: ParseResult): ValidInstruction => {
  if (!reading.ok) throw new Error(JSON.stringify(reading.refusal.problems));
  return reading.draft;
};
