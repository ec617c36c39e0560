import type { RecordQuery } from '../../batches/ports/ledger.ts';
import { openStatuses, type OpenStatus, type RecordStatus } from '../../batches/record/status.ts';
import { selectionOf, selectRecords, type RecordOrder, type SelectedRecords } from '../../batches/record/record-selection.ts';
import { recordView } from '../../batches/record/record-view.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import type { LedgerReader } from '../profiles/profile.ts';
import { paintFor } from '../terminal/format.ts';
import { recordListText } from '../terminal/record-list.ts';
import { chooseBatch } from './find-batch.ts';

/** @property batch as a person names it */
export interface RecordsOptions {
  readonly status?: readonly RecordStatus[];
  readonly batch?: string;
  readonly currency?: string;
  readonly code?: string;
  readonly olderThan?: number;
  readonly sort: RecordOrder;
  readonly limit: number;
  readonly exitStatus: boolean;
  readonly json: boolean;
}

const pageSize = 500;

/** Lists the state of records now: what is not final, or what has one of the given statuses. */
export async function records(config: Config, options: RecordsOptions): Promise<ExitCode> {
  const { json } = options;
  const warn = (message: string): void => void process.stderr.write(`disburse: ${message}\n`);
  const { ledger, close } = await openLedgerReader(config, warn);
  const now = systemClock.now();
  try {
    const selected = await selectionFrom(ledger, options, now);
    const pauses = await ledger.pauses();
    if (json) for (const record of selected.records) process.stdout.write(`${JSON.stringify(recordView(record, now, pauses))}\n`);
    else process.stdout.write(`${recordListText(selected, { now, pauses, paint: paintFor(process.stdout, process.env) })}\n`);
    if (json && selected.count > selected.records.length)
      warn(`${selected.count} records match; the first ${selected.records.length} are shown. Raise --limit to see more.`);
    return options.exitStatus && selected.count > 0 ? exitCodes.needsAttention : exitCodes.ok;
  } finally {
    await close();
  }
}

type Wanted = Omit<RecordsOptions, 'json' | 'exitStatus'>;

/** The oldest of what is open come from indexes and the totals; what is filtered or sorted otherwise is read. */
export async function selectionFrom(ledger: LedgerReader['ledger'], wanted: Wanted, now: number): Promise<SelectedRecords> {
  const { batch, status: statuses = openStatuses, currency, code, olderThan, sort, limit } = wanted;
  const batchId = batch === undefined ? undefined : (await chooseBatch(ledger, batch)).batchId;
  const ofBatch = batchId === undefined ? {} : { batchId };
  const isFiltered = currency !== undefined || code !== undefined || olderThan !== undefined;
  if (sort === 'age' && !isFiltered && areOpen(statuses)) {
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

const areOpen = (statuses: readonly RecordStatus[]): statuses is readonly OpenStatus[] =>
  statuses.every((status) => (openStatuses as readonly RecordStatus[]).includes(status));

async function* allRecords(ledger: LedgerReader['ledger'], query: Pick<RecordQuery, 'statuses' | 'batchId'>) {
  for (let after: string | undefined; ;) {
    const page = await ledger.records({ ...query, limit: pageSize, ...(after === undefined ? {} : { after }) });
    yield* page;
    if (page.length < pageSize) return;
    after = page.at(-1)?.cursor;
  }
}
