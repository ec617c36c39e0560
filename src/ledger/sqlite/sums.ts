/** Counts and sums of rows, by status and currency. */
import type { TallyRow } from '../../../batches/record/tally.ts';
import { countedOf } from '../codes.ts';

/** Amounts are summed in halves: an integer sum of SQLite fails above 2^63. */
export const sums = 'status, currency, count(*) AS count, sum(amount >> 32) AS high, sum(amount & 4294967295) AS low';
/** Behind the condition. */
export const bySums = 'GROUP BY status, currency';

interface SumRow {
  readonly status: number;
  readonly currency: string;
  readonly count: number;
  readonly high: number | null;
  readonly low: number | null;
}

/** @param rows of a statement that selects `sums` */
export const toSums = (rows: readonly unknown[]): readonly TallyRow[] =>
  (rows as readonly SumRow[]).map(({ status, currency, count, high, low }) => ({
    status: countedOf(status),
    currency,
    count,
    amountMinor: (BigInt(high ?? 0) << 32n) + BigInt(low ?? 0),
  }));
