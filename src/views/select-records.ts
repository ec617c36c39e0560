/** Records as a list asks for them: what is not final, or what has one of the given statuses. */
import { selectionOf, type RecordOrder } from '../../batches/record/record-selection.ts';
import { openStatuses, type OpenStatus, type RecordStatus } from '../../batches/record/status.ts';
import type { FoundRecords } from '../ledger/looks.ts';
import type { LedgerReader } from '../profiles/profile.ts';
import { chooseBatch } from './find-batch.ts';

/**
 * @property batch as a person names it
 * @property olderThan milliseconds
 * @property from how many of the list come before
 * @property mostRead a ledger that has to read records to select them reads about so many; all of them when it is absent
 */
export interface WantedRecords {
  readonly status?: readonly RecordStatus[];
  readonly batch?: string;
  readonly currency?: string;
  readonly code?: string;
  readonly olderThan?: number;
  readonly sort: RecordOrder;
  readonly from?: number;
  readonly limit: number;
  readonly mostRead?: number;
}

/** The oldest of what is open come from indexes and the totals. */
export async function selectionFrom(ledger: LedgerReader['ledger'], wanted: WantedRecords, now: number): Promise<FoundRecords> {
  const { batch, status: statuses = openStatuses, currency, code, olderThan, sort, from = 0, limit, mostRead = null } = wanted;
  const batchId = batch === undefined ? undefined : (await chooseBatch(ledger, batch)).batchId;
  const ofBatch = batchId === undefined ? {} : { batchId };
  if (isIndexed(wanted) && areOpen(statuses)) {
    const totals = batchId === undefined ? (await ledger.overview()).open : await ledger.tallies(batchId);
    return { ...selectionOf(await ledger.oldestOpen({ statuses, from, limit, ...ofBatch }), totals, statuses), isCut: false };
  }
  return ledger.selected({
    statuses,
    sort,
    from,
    limit,
    now,
    mostRead,
    ...ofBatch,
    ...(currency === undefined ? {} : { currency: currency.toUpperCase() }),
    ...(code === undefined ? {} : { code }),
    ...(olderThan === undefined ? {} : { olderThanMs: olderThan }),
  });
}

/** Whether the list comes from indexes and totals; any other looks at all records of its statuses. */
export const isIndexed = ({ status = openStatuses, currency, code, olderThan, sort }: WantedRecords): boolean =>
  sort === 'age' && currency === undefined && code === undefined && olderThan === undefined && areOpen(status);

const areOpen = (statuses: readonly RecordStatus[]): statuses is readonly OpenStatus[] =>
  statuses.every((status) => (openStatuses as readonly RecordStatus[]).includes(status));
