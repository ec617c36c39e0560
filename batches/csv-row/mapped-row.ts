/** Rows of a file whose columns have other names: what a mapping names is read under our names, and reported under theirs. */
import { carriesCardNumber } from '../fields/cards.ts';
import { violation } from '../fields/rule-violation.ts';
import type { Problem } from '../instruction/instruction.ts';
import { maskDigits, maskName } from '../instruction/masks.ts';
import type { CellNote } from './cell-notes.ts';
import { errorColumn, isFixFile } from './fix-file.ts';
import type { Mapping } from './mapping.ts';
import { refuseMisfit, type CheckResult } from './parse-row.ts';
import type { RowReader, RowReaderResult } from './typed-row.ts';

/** Where a cell of ours comes from: a cell of the file, or a text that every row has. */
type Source = { readonly index: number } | { readonly constant: string };

interface Plan {
  readonly ours: readonly string[];
  readonly sources: readonly Source[];
}

const plain = (name: string): string => name.trim().toLowerCase();

/**
 * @param header of the file
 * @param read makes a reader of rows under our names
 */
export function createMappedReader(
  header: readonly string[],
  mapping: Mapping,
  read: (header: readonly string[]) => RowReaderResult,
): RowReaderResult {
  const [first, ...others] = misfits(header, mapping);
  if (first !== undefined) return { ok: false, problems: [first, ...others] };
  const plan = planOf(header, mapping);
  const made = read(plan.ours);
  if (!made.ok) return made;
  return { ok: true, reader: mapped(made.reader, header, plan) };
}

const headerProblem = (column: string | null, code: string, message: string): Problem => ({
  column,
  value: null,
  ...violation(code, message),
});

function misfits(header: readonly string[], { columns }: Mapping): readonly Problem[] {
  const known = header.map(plain);
  return Object.entries(columns).flatMap(([ours, theirs]) => {
    const count = known.filter((name) => name === plain(theirs)).length;
    if (count === 1) return [];
    const named = `"${maskName(theirs.trim())}"`;
    return [
      count === 0
        ? headerProblem(
            null,
            'mapping_column_missing',
            `The mapping reads ${maskName(ours)} from the column ${named}, which the file does not have: correct the mapping, or use the one of this file.`,
          )
        : headerProblem(
            theirs,
            'mapping_column_twice',
            `The mapping reads ${maskName(ours)} from the column ${named}, which the file has ${count} times: rename all but one.`,
          ),
    ];
  });
}

function planOf(header: readonly string[], { columns, constants }: Mapping): Plan {
  const known = header.map(plain);
  const cells: [string, Source][] = [
    ...Object.entries(columns).map(([ours, theirs]): [string, Source] => [ours, { index: known.indexOf(plain(theirs)) }]),
    ...Object.entries(constants).map(([ours, constant]): [string, Source] => [ours, { constant }]),
  ];
  return { ours: cells.map(([ours]) => ours), sources: cells.map(([, source]) => source) };
}

function mapped(reader: RowReader, header: readonly string[], { ours, sources }: Plan): RowReader {
  const theirs = new Map(ours.map((name, at) => [name, theirName(header, sources[at])]));
  const idSource = sources[ours.findIndex((name) => plain(name) === 'record_id')];
  const originals = new WeakMap<Problem, Problem>();
  const translate = (problem: Problem): Problem => {
    const { column } = problem;
    if (column === null || !theirs.has(column)) return problem;
    const translated = { ...problem, column: theirs.get(column) ?? null };
    originals.set(translated, problem);
    return translated;
  };
  const project = (cells: readonly string[]): string[] =>
    sources.map((source) => ('index' in source ? (cells[source.index] ?? '') : source.constant));
  const notesOf = (notes: readonly CellNote[] | undefined): readonly CellNote[] | undefined =>
    notes?.flatMap(({ index, is }) =>
      sources.flatMap((source, at) => ('index' in source && source.index === index ? [{ index: at, is }] : [])),
    );
  const misfit = (cells: readonly string[]) =>
    cells.length === header.length
      ? undefined
      : refuseMisfit(idSource !== undefined && 'index' in idSource ? cells[idSource.index] : undefined, cells, header.length);
  const renamed = <R extends ReturnType<RowReader['read']> | CheckResult>(found: R): R => {
    const warnings = found.warnings?.map(translate);
    if (found.ok) return warnings === undefined ? found : { ...found, warnings };
    const [first, ...others] = found.refusal.problems;
    const refusal = { ...found.refusal, problems: [translate(first), ...others.map(translate)] as const };
    return { ...found, refusal, ...(warnings === undefined ? {} : { warnings }) };
  };
  return {
    read: (cells, notes) => misfit(cells) ?? renamed(reader.read(project(cells), notesOf(notes))),
    check: (cells, notes) => misfit(cells) ?? renamed(reader.check(project(cells), notesOf(notes))),
    maskSecrets(cells, notes) {
      const shown = cells.map((cell) => (carriesCardNumber(cell) ? maskDigits(cell) : cell));
      const masked = reader.maskSecrets(project(cells), notesOf(notes));
      sources.forEach((source, at) => {
        const found = masked[at];
        // A column that is read twice is shown as the stricter of the two.
        if ('index' in source && found !== undefined && found !== cells[source.index] && source.index < cells.length)
          shown[source.index] = found;
      });
      return shown;
    },
    recordIdColumn: theirs.get(reader.recordIdColumn) ?? reader.recordIdColumn,
    headerWarnings: [...reader.headerWarnings, ...unread(header, sources)],
    absentColumn: (problem) => reader.absentColumn(originals.get(problem) ?? problem),
  };
}

const theirName = (header: readonly string[], source: Source | undefined): string | null =>
  source !== undefined && 'index' in source ? (header[source.index] ?? null) : null;

/** Columns of the file that the mapping leaves out. */
function unread(header: readonly string[], sources: readonly Source[]): readonly Problem[] {
  const read = new Set(sources.flatMap((source) => ('index' in source ? [source.index] : [])));
  const left = header.filter(
    (name, index) => !read.has(index) && !(index === header.length - 1 && isFixFile(header) && plain(name) === errorColumn),
  );
  if (left.length === 0) return [];
  const shown = left.slice(0, 20).map((name) => `"${maskName(name.trim())}"`);
  const more = left.length > shown.length ? ` and ${left.length - shown.length} more` : '';
  return [headerProblem(null, 'columns_not_read', `The mapping does not read these columns of the file: ${shown.join(', ')}${more}.`)];
}
