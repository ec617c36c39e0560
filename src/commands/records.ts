import type { RecordStatus } from '../../batches/record/status.ts';
import { selectRecords, type RecordOrder } from '../../batches/record/record-selection.ts';
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

const open: readonly RecordStatus[] = ['queued', 'submitting', 'in_progress', 'unknown'];
const pageSize = 500;

/** Lists the state of records now: what is not final, or what has one of the given statuses. */
export async function records(config: Config, options: RecordsOptions): Promise<ExitCode> {
  const { currency, code, olderThan, sort, limit, json } = options;
  const warn = (message: string): void => void process.stderr.write(`disburse: ${message}\n`);
  const { ledger, close } = await openLedgerReader(config, warn);
  const now = systemClock.now();
  try {
    const selection = selectRecords({
      sort,
      limit,
      now,
      ...(currency === undefined ? {} : { currency: currency.toUpperCase() }),
      ...(code === undefined ? {} : { code }),
      ...(olderThan === undefined ? {} : { olderThanMs: olderThan }),
    });
    for await (const record of allRecords(ledger, options)) selection.add(record);
    const selected = selection.result();
    if (json) for (const record of selected.records) process.stdout.write(`${JSON.stringify(recordView(record, now))}\n`);
    else process.stdout.write(`${recordListText(selected, now, paintFor(process.stdout, process.env))}\n`);
    if (json && selected.count > selected.records.length)
      warn(`${selected.count} records match; the first ${selected.records.length} are shown. Raise --limit to see more.`);
    return options.exitStatus && selected.count > 0 ? exitCodes.needsAttention : exitCodes.ok;
  } finally {
    await close();
  }
}

async function* allRecords(ledger: LedgerReader['ledger'], { status = open, batch }: RecordsOptions) {
  const batchId = batch === undefined ? undefined : (await chooseBatch(ledger, batch)).batchId;
  for (let after: string | undefined; ;) {
    const page = await ledger.records({
      statuses: status,
      limit: pageSize,
      ...(batchId === undefined ? {} : { batchId }),
      ...(after === undefined ? {} : { after }),
    });
    yield* page;
    if (page.length < pageSize) return;
    after = page.at(-1)?.cursor;
  }
}
