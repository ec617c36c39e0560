/**
 * The conservation law: received = the sum over every status, in count and in exact amount per currency.
 *
 * A tally row is one status of one batch in one currency; the currency is empty for rows whose amount or
 * currency could not be read, and they carry no amount.
 */
import { formatMinor } from '../fields/money.ts';
import { openStatuses, statuses, type Status } from './status.ts';

export interface TallyRow {
  /** `received` is counted once when an occurrence arrives and never moves. */
  readonly status: Status | 'received';
  readonly currency: string;
  readonly count: number;
  readonly amountMinor: bigint;
}

export interface CountAndAmounts {
  readonly count: number;
  /** Major units as decimal text, by currency. */
  readonly amounts: Readonly<Record<string, string>>;
}

/** Rows of several statuses or batches as one total. */
function total(rows: readonly TallyRow[]): CountAndAmounts {
  let count = 0;
  const minor = new Map<string, bigint>();
  for (const row of rows) {
    count += row.count;
    if (row.currency !== '') minor.set(row.currency, (minor.get(row.currency) ?? 0n) + row.amountMinor);
  }
  const amounts = Object.fromEntries(
    [...minor].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, amount]) => [code, formatMinor(amount, code)]),
  );
  return { count, amounts };
}

/** Every status, zero or not. */
export function byStatus(rows: readonly TallyRow[]): Record<Status, CountAndAmounts> {
  return Object.fromEntries(
    statuses.map((status) => [status, total(rows.filter((row) => row.status === status && row.count > 0))]),
  ) as Record<Status, CountAndAmounts>;
}

export const receivedOf = (rows: readonly TallyRow[]): CountAndAmounts => total(rows.filter((row) => row.status === 'received'));

/** Rows of several batches, added up by status and currency; what is zero is left out. */
export function sumTallies(rows: Iterable<TallyRow>): readonly TallyRow[] {
  const sums = new Map<string, TallyRow>();
  for (const row of rows) {
    const name = `${row.status}:${row.currency}`;
    const sum = sums.get(name);
    sums.set(name, {
      ...row,
      count: row.count + (sum?.count ?? 0),
      amountMinor: row.amountMinor + (sum?.amountMinor ?? 0n),
    });
  }
  return [...sums.values()].filter(({ count, amountMinor }) => count !== 0 || amountMinor !== 0n);
}

export const isOpenTally = ({ status }: TallyRow): boolean => openStatuses.some((open) => open === status);

/**
 * Whether what was received equals what is accounted for. The two sides come from different counts: `received`
 * is counted when an occurrence arrives, the others move with each status.
 */
export function isBalanced(rows: readonly TallyRow[]): boolean {
  const received = receivedOf(rows);
  const accounted = total(rows.filter((row) => row.status !== 'received' && row.count > 0));
  const names = new Set([...Object.keys(received.amounts), ...Object.keys(accounted.amounts)]);
  return received.count === accounted.count && [...names].every((name) => received.amounts[name] === accounted.amounts[name]);
}
