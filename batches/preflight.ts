/**
 * A whole file, judged before anything is sent: counts, exact totals, every problem with its line, and what only
 * shows when all rows are known, such as a record id that stands twice.
 *
 * Rows are taken one by one and not kept. What must be remembered of each row goes to a `RowIndex`, which lives
 * outside the heap, so that memory does not grow with the file.
 */
import type { Total, Totals } from './expectation.ts';
import type { Draft, Problem, Reading } from './instruction.ts';
import { maskVerbatim } from './masks.ts';
import { contentKey, twinKey } from './likeness.ts';

/** A problem and the physical line where its row starts, from 1. */
export interface LineProblem extends Problem {
  readonly line: number;
}

/** What is remembered of a row. Texts are hashed by the index under a key that dies with it. */
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

/** One row of a record id that stands on several lines. */
export interface RepeatedRow {
  readonly line: number;
  readonly firstLine: number;
  /** All rows under this id ask for the same. */
  readonly same: boolean;
  readonly valid: boolean;
  readonly amountMinor: bigint;
  readonly currency: string;
}

export interface RowIndex {
  add(row: IndexedRow): void;
  /** Rows whose record id stands more than once, in the order of their lines. */
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
  /** Valid rows only; a duplicate is counted where its record first stands. */
  readonly totals: Totals;
  /** The first `maxTold` in the order of the lines. */
  readonly errors: readonly LineProblem[];
  readonly errorsTotal: number;
  readonly warnings: readonly LineProblem[];
  readonly warningsTotal: number;
  /** Lines whose record id stands elsewhere in the file with other content: none of them is paid. */
  readonly isAmbiguous: (line: number) => boolean;
}

export const maxTold = 1000;

/** The code and sentence of a record id that stands for several things in one file. */
export const ambiguous = (recordId: string | undefined, column: string | null): Problem => ({
  code: 'record_id_ambiguous',
  column,
  message:
    'This record id stands on several lines of this file with different content, so none of them is paid. Give each instruction an id of its own.',
  value: recordId === undefined ? null : maskVerbatim(recordId),
});

export interface PreflightInTheMaking {
  /** Takes the next row; `cells` as they stand in the file. */
  take(line: number, cells: readonly string[], reading: Reading): void;
  /** @param warningsTotal how many there were, if `warnings` are only the first of them */
  finish(warnings: readonly LineProblem[], warningsTotal: number): Preflight;
}

/**
 * @param recordIdColumn how the header spells `record_id`
 */
export function startPreflight(index: RowIndex, recordIdColumn: string): PreflightInTheMaking {
  const totals = new Map<string, { count: number; amountMinor: bigint }>();
  const errors = firstByLine();
  let rows = 0;
  let valid = 0;
  let invalid = 0;
  let duplicates = 0;

  const count = (draft: Pick<Draft, 'currency' | 'amountMinor'>, sign: 1 | -1): void => {
    const total = totals.get(draft.currency) ?? { count: 0, amountMinor: 0n };
    totals.set(draft.currency, total);
    total.count += sign;
    total.amountMinor += BigInt(sign) * draft.amountMinor;
  };

  return {
    take(line, cells, reading) {
      rows += 1;
      if (reading.ok) {
        const { draft } = reading;
        valid += 1;
        count(draft, 1);
        const { recordId, amountMinor, currency } = draft;
        index.add({ line, recordId, content: contentKey(draft), twin: twinKey(draft), amountMinor, currency });
        return;
      }
      invalid += 1;
      const { recordId, problems } = reading.refusal;
      for (const problem of problems) errors.add({ line, ...problem });
      if (recordId !== undefined)
        index.add({ line, recordId, content: `refused\n${cells.join('\n')}`, twin: null, amountMinor: null, currency: '' });
    },

    finish(readingWarnings, readingWarningsTotal) {
      const warnings = firstByLine();
      for (const warning of readingWarnings) warnings.add(warning);
      const ambiguousLines = lineSet();
      for (const row of index.repeated()) {
        if (!row.same) {
          ambiguousLines.add(row.line);
          errors.add({ line: row.line, ...ambiguous(undefined, recordIdColumn) });
          if (!row.valid) continue;
          valid -= 1;
          invalid += 1;
          count(row, -1);
        } else if (row.valid && row.line !== row.firstLine) {
          valid -= 1;
          duplicates += 1;
          count(row, -1);
          warnings.add({ line: row.line, ...equalRow(recordIdColumn, row.firstLine) });
        }
      }
      for (const twin of index.twins()) warnings.add({ line: twin.line, ...looksAlike(twin.firstLine) });
      return {
        rows,
        valid,
        invalid,
        duplicates,
        totals: new Map<string, Total>([...totals].filter(([, total]) => total.count > 0).sort(([a], [b]) => (a < b ? -1 : 1))),
        errors: errors.told(),
        errorsTotal: errors.total(),
        warnings: warnings.told(),
        warningsTotal: warnings.total() + Math.max(0, readingWarningsTotal - readingWarnings.length),
        isAmbiguous: (line) => ambiguousLines.has(line),
      };
    },
  };
}

const equalRow = (column: string, firstLine: number): Problem => ({
  code: 'duplicate_row',
  column,
  message: `This row is the same as line ${firstLine}; it is paid once. Remove it if that is what you meant.`,
  value: null,
});

const looksAlike = (firstLine: number): Problem => ({
  code: 'looks_like_a_twin',
  column: null,
  message: `This row pays the same amount to the same destination as line ${firstLine} under another record id. Both are paid; check that this is meant.`,
  value: null,
});

/** Keeps the first `maxTold` by line of what comes in several ascending runs. */
function firstByLine(): { add(problem: LineProblem): void; told(): readonly LineProblem[]; total(): number } {
  let kept: LineProblem[] = [];
  let count = 0;
  const trim = (): void => {
    // Sorting is stable, so several problems of one line stay in the order of their columns.
    kept = kept.sort((a, b) => a.line - b.line).slice(0, maxTold);
  };
  return {
    add(problem) {
      count += 1;
      kept.push(problem);
      if (kept.length >= 2 * maxTold) trim();
    },
    told() {
      trim();
      return kept;
    },
    total: () => count,
  };
}

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
