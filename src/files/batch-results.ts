/** The results of one batch for people: the newest event of every line, in the order of the lines. */
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { byStatus } from '../../batches/record/tally.ts';
import { isPublished, statuses } from '../../batches/record/status.ts';
import { writeResultsCsv } from '../../producers/results-csv.ts';
import { writeResultsWorkbook } from './results-workbook.ts';
import { isWorkbookName } from './workbook-out.ts';

interface RowsParams {
  readonly ledger: Pick<Ledger, 'batch' | 'tallies'>;
  readonly clock: Clock;
  readonly batchId: string;
  /** Results since this time that may be of the batch, in any order, also twice. Milliseconds since the epoch. */
  readonly results: (since: number) => AsyncIterable<ResultEvent>;
  /** How long to wait until the results report as much as the ledger knows. */
  readonly patienceMs?: number;
}

interface BatchResultsParams extends RowsParams {
  readonly path: string;
}

/** @property missing how many rows of the batch are decided, as the ledger counts them, and have no result here */
interface BatchRows {
  readonly events: Iterable<ResultEvent>;
  readonly count: number;
  readonly missing: number;
}

/** What the ledger decided is published soon after, perhaps by another instance. */
const defaultPatienceMs = 30_000;
const lookAgainMs = 500;
/** Clocks of machines differ, and the first result may be told in the same moment as the batch is made. */
const marginMs = 600_000;

/** As CSV, or as a workbook by the end of the name. */
export const writeBatchResults = ({ path, ...params }: BatchResultsParams): Promise<unknown> =>
  withBatchRows<unknown>(params, ({ events }) => (isWorkbookName(path) ? writeResultsWorkbook : writeResultsCsv)({ path, events }));

/**
 * Waits for a while until the results tell as much as the ledger knows; what is still missing then is missing in the
 * rows. Sorting happens in a temporary database that spills to disk by itself, because a batch may be larger than
 * memory.
 */
export async function withBatchRows<T>(params: RowsParams, use: (rows: BatchRows) => Promise<T>): Promise<T> {
  const { ledger, clock, batchId, patienceMs = defaultPatienceMs } = params;
  const deadline = clock.now() + patienceMs;
  for (;;) {
    const db = new DatabaseSync('');
    try {
      await gather(db, batchEvents(params));
      const found = await compareWithLedger(db, ledger, batchId);
      if (found.isWhole || clock.now() >= deadline) return await use({ events: inOrder(db), count: found.count, missing: found.missing });
    } finally {
      db.close();
    }
    await clock.sleep(lookAgainMs);
  }
}

/** Published results of the batch, in any order, also twice. */
export async function* batchEvents({
  ledger,
  batchId,
  results,
}: Pick<RowsParams, 'batchId' | 'results'> & { readonly ledger: Pick<Ledger, 'batch'> }): AsyncGenerator<ResultEvent, void, undefined> {
  const since = ((await ledger.batch(batchId))?.startedAt ?? 0) - marginMs;
  for await (const event of results(Math.max(since, 0))) if (event.batch_id === batchId) yield event;
}

/** A message has a topic and a partition, a row of a file only its line. */
const placeOf = (source: ResultEvent['source']): readonly [part: string, line: number] =>
  'line' in source ? ['', source.line] : [`${source.topic}/${String(source.partition).padStart(6, '0')}`, Number(source.offset)];

async function gather(db: DatabaseSync, results: AsyncIterable<ResultEvent>): Promise<void> {
  db.exec(
    'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; CREATE TABLE newest (part TEXT, line INTEGER, sequence INTEGER, status TEXT, event TEXT, PRIMARY KEY (part, line)) WITHOUT ROWID; BEGIN',
  );
  const keep = db.prepare(
    'INSERT INTO newest VALUES (?, ?, ?, ?, ?) ON CONFLICT (part, line) DO UPDATE SET sequence = excluded.sequence, status = excluded.status, event = excluded.event WHERE excluded.sequence >= newest.sequence',
  );
  for await (const event of results) keep.run(...placeOf(event.source), event.sequence, event.status, JSON.stringify(event));
  db.exec('COMMIT');
}

interface Comparison {
  /** As many rows of each status as the ledger counts. */
  readonly isWhole: boolean;
  readonly count: number;
  readonly missing: number;
}

async function compareWithLedger(db: DatabaseSync, ledger: Pick<Ledger, 'tallies'>, batchId: string): Promise<Comparison> {
  const told = new Map(
    db
      .prepare('SELECT status, count(*) AS count FROM newest GROUP BY status')
      .all()
      .map((row) => [String(row['status']), Number(row['count'])]),
  );
  const counts = byStatus(await ledger.tallies(batchId));
  const published = statuses.filter((status) => isPublished[status]);
  const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
  const count = sum(told.values());
  return {
    isWhole: published.every((status) => (told.get(status) ?? 0) === counts[status].count),
    count,
    missing: Math.max(sum(published.map((status) => counts[status].count)) - count, 0),
  };
}

/** A duplicate within the file met a record that was only queued then: people want to know what became of it. */
function* inOrder(db: DatabaseSync): Generator<ResultEvent> {
  const statusOf = db.prepare('SELECT status FROM newest WHERE part = ? AND line = ?');
  for (const row of db.prepare('SELECT event FROM newest ORDER BY part, line').iterate()) {
    const event = JSON.parse(String(row['event'])) as ResultEvent;
    const { earlier } = event;
    const place = event.status === 'duplicate' && earlier?.batch_id === event.batch_id ? earlier?.source : undefined;
    const now = place === undefined ? undefined : statusOf.get(...placeOf(place))?.['status'];
    const status = statuses.find((known) => known === now);
    yield earlier === undefined || status === undefined ? event : { ...event, earlier: { ...earlier, status } };
  }
}
