/** What `reconcile` answers: counts, bounded lists, and totals that count everything. */
import { formatMinor } from '../fields/money.ts';
import type { LedgerRecord } from '../record/record.ts';
import type { CountAndAmounts } from '../record/tally.ts';
import type { Different } from './match-report.ts';
import type { ReportDays, ReportRow, UnreadableRow } from './report-row.ts';

interface AmountDetails {
  /** In minor units. */
  readonly amount: number;
  readonly currency: string;
}

export interface ReconciliationItem {
  readonly line?: number;
  readonly record_id?: string;
  /** Null only for a record that has none, and for a row that does not show it. */
  readonly session_id: string | null;
  readonly entry_id?: string;
  readonly code?: string;
  readonly description?: string;
  readonly expected?: { readonly status: string; readonly amount_details: AmountDetails };
  readonly seen?: { readonly type: string; readonly amount_details: AmountDetails };
}

export const listNames = ['only_here', 'only_there', 'different', 'refunds', 'candidates', 'unreadable'] as const;
export type ListName = (typeof listNames)[number];

export type ReconciliationAnswer = Readonly<Record<ListName, readonly ReconciliationItem[]>> & {
  readonly rows: number;
  readonly matched: number;
  readonly ended: number;
  /** Rows that say what an earlier row of the report says. */
  readonly repeated: number;
  /** Null: not known, so that `only_here` lists nothing. */
  readonly days: ReportDays | null;
  readonly totals: Readonly<Record<'rows' | 'matched' | 'ended' | 'repeated' | ListName, CountAndAmounts>>;
};

/** How many items a list has at most; its total counts all. */
export const listLimit = 1_000;

type CountName = keyof ReconciliationAnswer['totals'];

export interface AnswerBuilder {
  count(name: CountName, about: ReportRow | LedgerRecord | null): void;
  list(name: ListName, item: ReconciliationItem, about: ReportRow | LedgerRecord | null): void;
  answer(days: ReportDays | null): ReconciliationAnswer;
}

export function createAnswer(limit = listLimit): AnswerBuilder {
  const totals = new Map<CountName, { count: number; readonly minor: Map<string, bigint> }>();
  const lists = new Map<ListName, ReconciliationItem[]>(listNames.map((name) => [name, []]));

  const count: AnswerBuilder['count'] = (name, about) => {
    const total = totals.get(name) ?? { count: 0, minor: new Map<string, bigint>() };
    totals.set(name, total);
    total.count += 1;
    if (about !== null) total.minor.set(about.currency, (total.minor.get(about.currency) ?? 0n) + about.amountMinor);
  };
  const totalOf = (name: CountName): CountAndAmounts => {
    const { count: found, minor } = totals.get(name) ?? { count: 0, minor: new Map<string, bigint>() };
    const sorted = [...minor].sort(([a], [b]) => (a < b ? -1 : 1));
    return { count: found, amounts: Object.fromEntries(sorted.map(([currency, amount]) => [currency, formatMinor(amount, currency)])) };
  };

  return {
    count,
    list(name, item, about) {
      count(name, about);
      const items = lists.get(name) ?? [];
      if (items.length < limit) items.push(item);
    },
    answer(days) {
      const listOf = (name: ListName) => lists.get(name) ?? [];
      return {
        rows: totalOf('rows').count,
        matched: totalOf('matched').count,
        ended: totalOf('ended').count,
        repeated: totalOf('repeated').count,
        days,
        only_here: listOf('only_here'),
        only_there: listOf('only_there'),
        different: listOf('different'),
        refunds: listOf('refunds'),
        candidates: listOf('candidates'),
        unreadable: listOf('unreadable'),
        totals: {
          rows: totalOf('rows'),
          matched: totalOf('matched'),
          ended: totalOf('ended'),
          repeated: totalOf('repeated'),
          only_here: totalOf('only_here'),
          only_there: totalOf('only_there'),
          different: totalOf('different'),
          refunds: totalOf('refunds'),
          candidates: totalOf('candidates'),
          unreadable: totalOf('unreadable'),
        },
      };
    },
  };
}

/** Whether a person must look: exit 2. */
export const differs = ({ totals }: ReconciliationAnswer): boolean => listNames.some((name) => totals[name].count > 0);

const detailsOf = ({ amountMinor, currency }: ReportRow | LedgerRecord): AmountDetails => ({ amount: Number(amountMinor), currency });

/** @param record whose the row is, or may be */
export const rowItem = (row: ReportRow, record: LedgerRecord | null): ReconciliationItem => ({
  line: row.line,
  ...(record === null ? {} : { record_id: record.recordId }),
  session_id: row.sessionId,
  entry_id: row.operationId,
  ...(record === null ? {} : { expected: { status: record.status, amount_details: detailsOf(record) } }),
  seen: { type: row.typeOfPayment, amount_details: detailsOf(row) },
});

export const differentItem = (row: ReportRow, { record, code, description }: Different): ReconciliationItem => ({
  ...rowItem(row, record),
  code,
  description,
});

/** Of a record that the report does not show. */
export const recordItem = (record: LedgerRecord): ReconciliationItem => ({
  record_id: record.recordId,
  session_id: record.sessionId,
  ...(record.entryId === null ? {} : { entry_id: record.entryId }),
  expected: { status: record.status, amount_details: detailsOf(record) },
});

export const unreadableItem = ({ line, code, message, sessionId, operationId }: UnreadableRow): ReconciliationItem => ({
  line,
  session_id: sessionId,
  ...(operationId === null ? {} : { entry_id: operationId }),
  code,
  description: message,
});
