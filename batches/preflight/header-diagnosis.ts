/** When the first line is no header at all: data, a comment, or a title above the header. */
import { readHeader } from '../csv-row/header.ts';
import { synonymsOf } from '../csv-row/column-synonyms.ts';
import type { Problem } from '../instruction/instruction.ts';
import { columnNames } from '../instruction/members.ts';
import type { CheckedRow } from './check-block.ts';
import type { LineProblem } from './line-problem.ts';

/** How many rows are looked at for the header. */
export const headerSearchRows = 20;

const metadata = /^metadata\../i;
const valueLike = [
  /^[-+(]?\p{Sc}?\s?\d[\d.,' ]*\)?$/u,
  /^[^\s@]+@[^\s@]+\.[a-z]{2,}$/i,
  /^[a-z]{2}\d{2}[a-z0-9 ]{8,}$/i,
  /^\+?[\d ()-]{7,}$/,
  /^\d{1,4}[-./]\d{1,2}[-./]\d{1,4}$/,
];

const isName = (cell: string): boolean => columnNames.has(cell.toLowerCase()) || metadata.test(cell) || synonymsOf(cell).length > 0;
const isValue = (cell: string): boolean => valueLike.some((pattern) => pattern.test(cell));
const filled = (cells: readonly string[]): string[] => cells.map((cell) => cell.trim()).filter((cell) => cell !== '');

/** The cells of a row, also of one that was cut by a delimiter that only the title has. */
const cellsOf = ({ cells }: CheckedRow): readonly string[] => {
  const [only = ''] = cells;
  const sign = cells.length === 1 ? [';', '\t', ','].find((known) => only.includes(known)) : undefined;
  return sign === undefined ? cells : only.split(sign);
};

const namesIn = (cells: readonly string[]): number => filled(cells).filter(isName).length;

const isHeader = (cells: readonly string[], more: number): boolean => {
  const named = filled(cells);
  const names = namesIn(cells);
  return names >= 3 && names > more && names * 2 >= named.length && !named.some(isValue);
};

/** Whether a first line holds values, or is a comment: what it has are no names. */
export const isNoHeader = (header: readonly string[]): boolean => {
  const cells = filled(header);
  return cells.some(isValue) || /^(?:#|\/\/)/.test(cells[0] ?? '');
};

const problem = (line: number, code: string, message: string): LineProblem => ({ line, column: null, code, message, value: null });

interface BrokenHeader {
  readonly header: readonly string[];
  readonly line: number;
  readonly problems: readonly Problem[];
  /** The rows after it, at least the first `headerSearchRows`. */
  readonly following: readonly CheckedRow[];
}

/** What to report for a header that cannot be read. */
export function explainHeader({ header, line, problems, following }: BrokenHeader): readonly LineProblem[] {
  const names = namesIn(header);
  const later = following.slice(0, headerSearchRows).find((row) => isHeader(cellsOf(row), names));
  if (later !== undefined) {
    const reading = readHeader(cellsOf(later));
    return [
      problem(line, 'header_not_first', `This is no header, and line ${later.line} looks like the header: remove the lines above it.`),
      ...(reading.ok ? [] : reading.problems.map((found) => ({ line: later.line, ...found }))),
    ];
  }
  const cells = filled(header);
  if (names === 0 && /^(?:#|\/\/)/.test(cells[0] ?? '')) {
    return [
      problem(
        line,
        'header_missing',
        'This line is a comment, and the first line of the file must name the columns: replace it by a header.',
      ),
    ];
  }
  if (names === 0 && cells.some(isValue)) {
    return [
      problem(
        line,
        'header_missing',
        'This line looks like data, so the header is missing: insert a line above it that names the columns.',
      ),
    ];
  }
  return problems.map((found) => ({ line, ...found }));
}
