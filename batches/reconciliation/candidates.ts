/** Rows with cut metadata, and the records that each may belong to: of the same amount, and with such a record id. */
import type { LedgerRecord } from '../record/record.ts';
import type { Decision } from './match-report.ts';
import { mayBe } from './merchant-metadata.ts';
import type { ReportRow } from './report-row.ts';

type Undecided = Extract<Decision, { type: 'candidates' }>;

interface Pending {
  readonly row: ReportRow;
  readonly cut: Undecided['cut'];
  readonly found: LedgerRecord[];
}

/** A person looks through them; more are no help. */
const maxCandidates = 10;

export interface Candidates {
  add(row: ReportRow, decision: Undecided): void;
  /** Whether any row is to be compared with records. */
  areSought(): boolean;
  offer(record: LedgerRecord): void;
  /** In the order of the report. */
  rows(): readonly { readonly row: ReportRow; readonly found: readonly LedgerRecord[] }[];
}

export function createCandidates(): Candidates {
  const all: Pending[] = [];
  const byAmount = new Map<string, Pending[]>();
  const amountOf = ({ amountMinor, currency }: ReportRow | LedgerRecord): string => `${amountMinor} ${currency}`;

  return {
    add(row, { record, cut }) {
      const pending: Pending = { row, cut, found: record === null ? [] : [record] };
      all.push(pending);
      if (cut === null) return;
      const same = byAmount.get(amountOf(row));
      if (same === undefined) byAmount.set(amountOf(row), [pending]);
      else same.push(pending);
    },
    areSought: () => byAmount.size > 0,
    offer(record) {
      for (const { cut, found } of byAmount.get(amountOf(record)) ?? [])
        if (found.length < maxCandidates && cut !== null && mayBe(cut, record.recordId)) found.push(record);
    },
    rows: () => all,
  };
}
