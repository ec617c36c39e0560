/** Records as a list asks for them: what is not final, or what has one of the given statuses. */
import type { RecordQuery } from '../../batches/ports/ledger.ts';
import { openStatuses, type OpenStatus, type RecordStatus } from '../../batches/record/status.ts';
import { selectionOf, selectRecords, type RecordOrder, type SelectedRecords } from '../../batches/record/record-selection.ts';
import type { LedgerReader } from '../profiles/profile.ts';
import { chooseBatch } from './find-batch.ts';

/** @property batch as a person names it @property olderThan milliseconds */
export interface WantedRecords {
  readonly status?: readonly RecordStatus[];
  readonly batch?: string;
  readonly currency?: string;
  readonly code?: string;
  readonly olderThan?: number;
  readonly sort: RecordOrder;
  readonly limit: number;
}

const pageSize = 500;
const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** The oldest of what is open come from indexes and the totals; what is filtered or sorted otherwise is read. */
export async function selectionFrom(ledger: LedgerReader['ledger'], wanted: WantedRecords, now: number): Promise<SelectedRecords> {
  const { batch, status: statuses = openStatuses, currency, code, olderThan, sort, limit } = wanted;
  const batchId = batch === undefined ? undefined : (await chooseBatch(ledger, batch)).batchId;
  const ofBatch = batchId === undefined ? {} : { batchId };
  if (isIndexed(wanted) && areOpen(statuses)) {
    const totals = batchId === undefined ? (await ledger.overview()).open : await ledger.tallies(batchId);
    return selectionOf(await ledger.oldestOpen({ statuses, limit, ...ofBatch }), totals, statuses);
  }
  const selection = selectRecords({
    sort,
    limit,
    now,
    ...(currency === undefined ? {} : { currency: currency.toUpperCase() }),
    ...(code === undefined ? {} : { code }),
    ...(olderThan === undefined ? {} : { olderThanMs: olderThan }),
  });
  for await (const record of allRecords(ledger, { statuses, ...ofBatch })) selection.add(record);
  return selection.result();
}

/** Whether the list comes from indexes; any other reads all records of its statuses. */
export const isIndexed = ({ status = openStatuses, currency, code, olderThan, sort }: WantedRecords): boolean =>
  sort === 'age' && currency === undefined && code === undefined && olderThan === undefined && areOpen(status);

const areOpen = (statuses: readonly RecordStatus[]): statuses is readonly OpenStatus[] =>
  statuses.every((status) => (openStatuses as readonly RecordStatus[]).includes(status));

async function* allRecords(ledger: LedgerReader['ledger'], query: Pick<RecordQuery, 'statuses' | 'batchId'>) {
  for (let after: string | undefined; ;) {
    const page = await ledger.records({ ...query, limit: pageSize, ...(after === undefined ? {} : { after }) });
    yield* page;
    if (page.length < pageSize) return;
    after = page.at(-1)?.cursor;
    // A ledger on this thread answers at once: payments of the same process must go on between two pages.
    await nextTurn();
  }
}
