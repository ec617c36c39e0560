/** Records that a person decides about at once: which they are, how many, and their sum. */
import { formatMinor } from '../../batches/fields/money.ts';
import type { Totals } from '../../batches/preflight/control-totals.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import { isFinal, openStatuses, type RecordStatus } from '../../batches/record/status.ts';
import { whyNotRetry } from '../../batches/record/person-steps.ts';

/** What a person can decide about many records. */
export type Decision = 'resolve' | 'retry';

/** The statuses that are looked at where none is named. */
export const decidedStatuses: Readonly<Record<Decision, readonly RecordStatus[]>> = {
  resolve: openStatuses.filter((status) => status !== 'queued'),
  retry: ['failed', 'cancelled'],
};

/** Whether it can be asked for; the ledger decides. A record whose send may still leave cannot be resolved. */
export const mayDecide = (decision: Decision, record: LedgerRecord, now: number): boolean =>
  decision === 'retry'
    ? whyNotRetry(record) === null
    : !isFinal[record.status] && record.status !== 'queued' && (record.leaseUntil ?? 0) <= now;

type Money = Pick<LedgerRecord, 'currency' | 'amountMinor'>;

/** By currency, in order; what has no amount is under the empty name. */
export function sumOf(records: readonly Money[]): Totals {
  const totals = new Map<string, { count: number; amountMinor: bigint }>();
  for (const { currency, amountMinor } of records) {
    const { count, amountMinor: sum } = totals.get(currency) ?? { count: 0, amountMinor: 0n };
    totals.set(currency, { count: count + 1, amountMinor: sum + amountMinor });
  }
  return new Map([...totals].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** As `--expect` takes them: `EUR=12.30/3,USD=5.00/1`. */
export const totalsText = (totals: Totals): string =>
  [...totals].map(([currency, { count, amountMinor }]) => `${currency}=${formatMinor(amountMinor, currency)}/${count}`).join(',');
