/**
 * A whole file, judged before anything is sent: counts, exact totals, every problem with its line, and what only
 * shows when all rows are known, such as a record id that occurs twice.
 *
 * Memory does not grow with the file. The first pass judges each row by itself and sieves out what it may have
 * met before; only if there is any, a second pass looks at exactly these rows.
 */
import type { Total, Totals } from './control-totals.ts';
import type { Problem, ParseResult } from '../instruction/instruction.ts';
import { wayToPay } from '../csv-row/parse-row.ts';
import { contentKey, similarityKey } from './content-key.ts';
import { firstProblems, type FirstProblems, type LineProblem } from './line-problem.ts';
import { maskVerbatim } from '../instruction/masks.ts';
import type { BlockReport } from './check-block.ts';
import { createBloomFilter, hashText, type BloomFilter } from './bloom-filter.ts';

/** What is remembered of a suspicious row. Texts are hashed by the index under a key that dies with it. */
export interface IndexedRow {
  readonly line: number;
  readonly recordId: string;
  /** Equal exactly when two rows ask for the same. */
  readonly content: string;
  /** Equal when two rows look alike to a person; null for invalid rows. */
  readonly twin: string | null;
  /** Null for invalid rows. */
  readonly amountMinor: bigint | null;
  readonly currency: string;
}

/** One row of a record id that is on several lines. */
export interface RepeatedRow {
  readonly line: number;
  readonly firstLine: number;
  readonly lastLine: number;
  /** On how many lines it is. */
  readonly lines: number;
  /** All rows under this id ask for the same. */
  readonly same: boolean;
  readonly valid: boolean;
  readonly amountMinor: bigint;
  readonly currency: string;
}

/** Remembers rows outside the heap. */
export interface RowIndex {
  add(row: IndexedRow): void;
  /** Rows whose record id occurs more than once, in the order of their lines. */
  repeated(): Iterable<RepeatedRow>;
  /** Valid rows that look like an earlier one under another record id, in the order of their lines. */
  twins(): Iterable<{ readonly line: number; readonly firstLine: number }>;
  close(): void;
}

export interface Preflight {
  readonly rows: number;
  readonly valid: number;
  readonly invalid: number;
  readonly duplicates: number;
  /** Valid rows only; a duplicate is counted where its record first occurs. */
  readonly totals: Totals;
  /** The first `maxTold` in the order of the lines. */
  readonly errors: readonly LineProblem[];
  readonly errorsTotal: number;
  readonly warnings: readonly LineProblem[];
  readonly warningsTotal: number;
  /** Lines whose record id is elsewhere in the file too, with other content: none of them is paid. */
  readonly isAmbiguous: (line: number) => boolean;
}

/** The code and sentence of a record id that means several instructions in one file. */
export const ambiguous = (recordId: string | undefined, column: string | null): Problem => ({
  code: 'record_id_ambiguous',
  column,
  message:
    'This record id appears on several lines of this file with different content, so none of them is paid. Give each instruction an id of its own.',
  value: recordId === undefined ? null : maskVerbatim(recordId),
});

export interface PreflightBuilder {
  /** First pass, block by block in the order of the file. */
  take(report: BlockReport): void;
  /** Whether a second pass is needed before `finish`. */
  hasCandidates(): boolean;
  /** Second pass, row by row: indexes the candidates. */
  verifyCandidate(index: RowIndex, line: number, cells: readonly string[], reading: ParseResult): void;
  /** @param index what the second pass filled; null when there was none */
  finish(index: RowIndex | null, reading: WholeReading): Preflight;
}

/**
 * What is known of the file when it was read to its end.
 *
 * @property recordIdColumn as the header spells it
 * @property warningsTotal how many there were, if `warnings` are only the first of them
 */
export interface WholeReading {
  readonly recordIdColumn: string;
  readonly headerLine: number;
  readonly warnings: readonly LineProblem[];
  readonly warningsTotal: number;
}

/** Candidates are few in most files; in a bad one this filter lets more rows through to the exact index. */
const candidateSize = { first: 2 ** 16, most: 2 ** 23 };

/** Rows and valid totals so far. */
interface Counts {
  rows: number;
  valid: number;
  duplicates: number;
  readonly totals: Map<string, { count: number; amountMinor: bigint }>;
}

function count({ totals }: Counts, currency: string, by: number, amountMinor: bigint): void {
  const total = totals.get(currency) ?? { count: 0, amountMinor: 0n };
  totals.set(currency, total);
  total.count += by;
  total.amountMinor += amountMinor;
}

export function startPreflight(): PreflightBuilder {
  const counts: Counts = { rows: 0, valid: 0, duplicates: 0, totals: new Map() };
  const errors = firstProblems();
  const absent = new Map<string, number>();
  const warnings = firstProblems();
  // Released at the end: what is returned lives as long as the run, and would keep the filters alive.
  let candidates: Candidates | undefined = createCandidates();
  return {
    take(report) {
      if (candidates === undefined) throw new TypeError('the preflight is finished');
      counts.rows += report.rows;
      counts.valid += report.valid;
      for (const [currency, total] of report.totals) count(counts, currency, total.count, total.amountMinor);
      errors.add(report.errors, report.errorsTotal);
      for (const [column, rows] of report.absent) absent.set(column, (absent.get(column) ?? 0) + rows);
      warnings.add(report.warnings, report.warningsTotal);
      candidates.take(report);
    },
    hasCandidates: () => candidates?.any() === true,
    verifyCandidate(index, line, cells, reading) {
      const recordId = reading.ok ? reading.draft.recordId : reading.refusal.recordId;
      if (recordId === undefined) return;
      const twin = reading.ok ? similarityKey(reading.draft) : null;
      if (candidates?.has(recordId, twin) !== true) return;
      if (reading.ok) {
        const { amountMinor, currency } = reading.draft;
        index.add({ line, recordId, content: contentKey(reading.draft), twin, amountMinor, currency });
      } else {
        index.add({ line, recordId, content: `refused\n${cells.join('\n')}`, twin, amountMinor: null, currency: '' });
      }
    },
    finish(index, { recordIdColumn, headerLine, warnings: readingWarnings, warningsTotal: readingWarningsTotal }) {
      errors.add([...absent].map(([column, rows]) => absentColumn(headerLine, column, rows)));
      candidates = undefined;
      warnings.add(readingWarnings, Math.max(readingWarnings.length, readingWarningsTotal));
      const ambiguousLines = lineSet();
      if (index !== null) applyRepeated(index, { counts, errors, warnings, ambiguousLines, recordIdColumn });
      return preflightOf({ counts, errors, warnings, ambiguousLines });
    },
  };
}

type Candidates = ReturnType<typeof createCandidates>;

/** Record ids and payments that may stand in the file more than once. */
function createCandidates() {
  const seenIds = createBloomFilter();
  const seenTwins = createBloomFilter();
  const candidateIds = createBloomFilter(candidateSize);
  const candidateTwins = createBloomFilter(candidateSize);
  const words = new Uint32Array(4);
  let found = false;
  const filter = (hashes: Uint32Array, seen: BloomFilter, candidates: BloomFilter): void => {
    for (let at = 0; at < hashes.length; at += 2) {
      const high = hashes[at] as number;
      const low = hashes[at + 1] as number;
      if ((high === 0 && low === 0) || !seen.add(high, low)) continue;
      candidates.add(high, low);
      found = true;
    }
  };
  return {
    take({ ids, twins }: Pick<BlockReport, 'ids' | 'twins'>): void {
      filter(ids, seenIds, candidateIds);
      filter(twins, seenTwins, candidateTwins);
    },
    any: () => found,
    has(recordId: string, twin: string | null): boolean {
      hashText(recordId, words, 0);
      if (candidateIds.has(words[0] as number, words[1] as number)) return true;
      if (twin === null) return false;
      hashText(twin, words, 2);
      return candidateTwins.has(words[2] as number, words[3] as number);
    },
  };
}

interface Findings {
  readonly counts: Counts;
  readonly errors: FirstProblems;
  readonly warnings: FirstProblems;
  readonly ambiguousLines: ReturnType<typeof lineSet>;
}

/** What the exact index says of the candidates. */
function applyRepeated(index: RowIndex, { recordIdColumn, ...findings }: Findings & { readonly recordIdColumn: string }): void {
  const { counts, errors, warnings, ambiguousLines } = findings;
  const discount = (row: RepeatedRow): void => {
    counts.valid -= 1;
    count(counts, row.currency, -1, -row.amountMinor);
  };
  for (const row of index.repeated()) {
    if (!row.same) {
      ambiguousLines.add(row.line);
      errors.add([{ line: row.line, ...clash(row, recordIdColumn) }]);
      if (row.valid) discount(row);
    } else if (row.valid && row.line !== row.firstLine) {
      counts.duplicates += 1;
      discount(row);
      warnings.add([{ line: row.line, ...equalRow(recordIdColumn, row.firstLine) }]);
    }
  }
  for (const twin of index.twins()) warnings.add([{ line: twin.line, ...looksAlike(twin.firstLine) }]);
}

function preflightOf({ counts: { rows, valid, duplicates, totals }, errors, warnings, ambiguousLines }: Findings): Preflight {
  return {
    rows,
    valid,
    invalid: rows - valid - duplicates,
    duplicates,
    totals: new Map<string, Total>([...totals].filter(([, total]) => total.count > 0).sort(([a], [b]) => (a < b ? -1 : 1))),
    errors: errors.told(),
    errorsTotal: errors.total(),
    warnings: warnings.told(),
    warningsTotal: warnings.total(),
    isAmbiguous: (line) => ambiguousLines.has(line),
  };
}

/** One error for a column that the file does not have, whatever the number of rows that need it. */
const absentColumn = (headerLine: number, column: string, rows: number): LineProblem => ({
  line: headerLine,
  code: 'column_missing',
  column: column === wayToPay ? null : column,
  message: `The column ${column} is missing from the file; ${rows.toLocaleString('en-US')} ${rows === 1 ? 'row needs' : 'rows need'} it. Add it to the header.`,
  value: null,
});

const clash = ({ line, firstLine, lastLine, lines }: RepeatedRow, column: string): Problem => {
  const found = ambiguous(undefined, column);
  const others =
    lines === 2
      ? `The other one is line ${line === firstLine ? lastLine : firstLine}`
      : `They are ${lines} lines, from ${firstLine} to ${lastLine}`;
  return { ...found, message: `${found.message} ${others}.` };
};

const equalRow = (column: string, firstLine: number): Problem => ({
  code: 'duplicate_row',
  column,
  message: `This row is the same as line ${firstLine} and is paid only once. Remove it if that is what you intended.`,
  value: null,
});

const looksAlike = (firstLine: number): Problem => ({
  code: 'looks_like_a_twin',
  column: null,
  message: `This row pays the same amount to the same destination as line ${firstLine} under another record id. Both are paid; check that this is intended.`,
  value: null,
});

/** A set of lines at one bit each: every row of a large file may be in it. */
function lineSet(): { add(line: number): void; has(line: number): boolean } {
  let bits = new Uint8Array(1024);
  return {
    add(line) {
      const index = line >>> 3;
      if (index >= bits.length) {
        const larger = new Uint8Array(Math.max(bits.length * 2, index + 1));
        larger.set(bits);
        bits = larger;
      }
      bits[index] = (bits[index] ?? 0) | (1 << (line & 7));
    },
    has: (line) => ((bits[line >>> 3] ?? 0) & (1 << (line & 7))) !== 0,
  };
}
