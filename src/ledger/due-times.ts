/** When a store moves a record next, by the record alone. */
import type { LedgerRecord } from '../../batches/record/record.ts';
import { isFinal } from '../../batches/record/status.ts';

/** When any instance may claim it: a first send when its lease is over, an open record when it is due; null for none. */
export const queueTimeOf = (record: LedgerRecord): number | null =>
  record.status === 'submitting' ? (record.leaseUntil ?? 0) : dueTimeOf(record);

/** When its batch moves it; null for what waits for its row or message, for a person, or is final. */
export const dueTimeOf = ({ status, dueAt }: LedgerRecord): number | null => (isFinal[status] ? null : dueAt);
