/** Selects records for a list: counts and adds up all that match, and keeps only as many as are shown. */
import { ageMs, type TimedRecord } from './record-view.ts';
import type { RecordStatus } from './status.ts';
import type { TallyRow } from './tally.ts';

export const recordOrders = ['age', 'amount', 'id'] as const;
export type RecordOrder = (typeof recordOrders)[number];

/**
 * @property currency ISO 4217, upper case
 * @property code of the reason
 * @property olderThanMs at least so old
 * @property limit how many are kept
 */
export interface SelectionOptions {
  readonly currency?: string;
  readonly code?: string;
  readonly olderThanMs?: number;
  readonly sort: RecordOrder;
  readonly limit: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** @property totals by currency, over all that match; amounts in minor units */
export interface SelectedRecords {
  readonly records: readonly TimedRecord[];
  readonly count: number;
  readonly totals: ReadonlyMap<string, { readonly count: number; readonly amountMinor: bigint }>;
}

export interface RecordSelection {
  add(timed: TimedRecord): void;
  result(): SelectedRecords;
}

/**
 * What was found without reading all that matches: how many there are is in the totals.
 *
 * @param rows totals of at least these statuses
 */
export function selectionOf(
  records: readonly TimedRecord[],
  rows: readonly TallyRow[],
  statuses: readonly RecordStatus[],
): SelectedRecords {
  const totals: Totals = new Map();
  const asked = rows.filter(({ status, count }) => count > 0 && (statuses as readonly string[]).includes(status));
  for (const { currency, count, amountMinor } of asked) addTo(totals, currency, { count, amountMinor });
  return { records, count: asked.reduce((sum, { count }) => sum + count, 0), totals: sorted(totals) };
}

type Totals = Map<string, { count: number; amountMinor: bigint }>;

function addTo(totals: Totals, currency: string, more: { readonly count: number; readonly amountMinor: bigint }): void {
  const total = totals.get(currency) ?? { count: 0, amountMinor: 0n };
  totals.set(currency, { count: total.count + more.count, amountMinor: total.amountMinor + more.amountMinor });
}

const sorted = (totals: Totals): Totals => new Map([...totals].sort(([one], [other]) => (one < other ? -1 : 1)));

export function selectRecords(options: SelectionOptions): RecordSelection {
  const { limit } = options;
  const compare = comparison(options);
  const totals: Totals = new Map();
  let kept: TimedRecord[] = [];
  let count = 0;
  const trim = (): void => {
    kept = kept.sort(compare).slice(0, limit);
  };
  return {
    add(timed) {
      if (!matches(timed, options)) return;
      const { currency, amountMinor } = timed.record;
      addTo(totals, currency, { count: 1, amountMinor });
      count += 1;
      kept.push(timed);
      // Memory is bounded by what is shown, and a record is compared a few times only.
      if (kept.length >= 2 * limit) trim();
    },
    result() {
      trim();
      return { records: kept, count, totals: sorted(totals) };
    },
  };
}

const matches = (timed: TimedRecord, { currency, code, olderThanMs, now }: SelectionOptions): boolean =>
  (currency === undefined || timed.record.currency === currency) &&
  (code === undefined || timed.record.reason?.code === code) &&
  (olderThanMs === undefined || ageMs(timed, now) >= olderThanMs);

/** Oldest first; largest amount first, currency by currency; ids in their own order. The record id decides between equals. */
function comparison({ sort, now }: SelectionOptions): (one: TimedRecord, other: TimedRecord) => number {
  const byId = (one: TimedRecord, other: TimedRecord): number => compareText(one.record.recordId, other.record.recordId);
  switch (sort) {
    case 'age':
      return (one, other) => ageMs(other, now) - ageMs(one, now) || byId(one, other);
    case 'amount':
      return (one, other) =>
        compareText(one.record.currency, other.record.currency) ||
        Number(other.record.amountMinor - one.record.amountMinor) ||
        byId(one, other);
    case 'id':
      return byId;
  }
}

const compareText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
