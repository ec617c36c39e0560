/** The results of one batch as a CSV for people: the newest event of every line, in the order of the lines. */
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { byStatus } from '../../batches/record/tally.ts';
import { isPublished, statuses } from '../../batches/record/status.ts';
import { writeResultsCsv } from '../../producers/results-csv.ts';

interface BatchResultsParams {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly batchId: string;
  readonly path: string;
  /** Results since this time that may be of the batch, in any order, also twice. Milliseconds since the epoch. */
  readonly results: (since: number) => AsyncIterable<ResultEvent>;
}

/** What the ledger decided is published soon after, perhaps by another instance. */
const patienceMs = 30_000;
const lookAgainMs = 500;
/** Clocks of machines differ, and the first result may be told in the same moment as the batch is made. */
const marginMs = 600_000;

/**
 * Waits for a while until the results tell as much as the ledger knows; what is still missing then is missing in the
 * file. Sorting happens in a temporary database that spills to disk by itself, because a batch may be larger than
 * memory.
 *
 * @returns how many rows were written
 */
export async function writeBatchResults(params: BatchResultsParams): Promise<number> {
  const { ledger, clock, batchId, path } = params;
  const deadline = clock.now() + patienceMs;
  for (;;) {
    const db = new DatabaseSync('');
    try {
      await gather(db, batchEvents(params));
      if ((await tellsAll(db, ledger, batchId)) || clock.now() >= deadline) return await writeResultsCsv({ path, events: inOrder(db) });
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
}: Pick<BatchResultsParams, 'ledger' | 'batchId' | 'results'>): AsyncGenerator<ResultEvent, void, undefined> {
  const since = ((await ledger.batch(batchId))?.startedAt ?? 0) - marginMs;
  for await (const event of results(Math.max(since, 0))) if (event.batch_id === batchId) yield event;
}

async function gather(db: DatabaseSync, results: AsyncIterable<ResultEvent>): Promise<void> {
  db.exec(
    'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; CREATE TABLE newest (line INTEGER PRIMARY KEY, sequence INTEGER, status TEXT, event TEXT); BEGIN',
  );
  const keep = db.prepare(
    'INSERT INTO newest VALUES (?, ?, ?, ?) ON CONFLICT (line) DO UPDATE SET sequence = excluded.sequence, status = excluded.status, event = excluded.event WHERE excluded.sequence >= newest.sequence',
  );
  for await (const event of results) {
    if ('line' in event.source) keep.run(event.source.line, event.sequence, event.status, JSON.stringify(event));
  }
  db.exec('COMMIT');
}

/** As many rows of each status as the ledger counts. */
async function tellsAll(db: DatabaseSync, ledger: Ledger, batchId: string): Promise<boolean> {
  const told = new Map(
    db
      .prepare('SELECT status, count(*) AS count FROM newest GROUP BY status')
      .all()
      .map((row) => [String(row['status']), Number(row['count'])]),
  );
  const counts = byStatus(await ledger.tallies(batchId));
  return statuses.every((status) => !isPublished[status] || (told.get(status) ?? 0) === counts[status].count);
}

/** A duplicate within the file met a record that was only queued then: people want to know what became of it. */
function* inOrder(db: DatabaseSync): Generator<ResultEvent> {
  const statusOf = db.prepare('SELECT status FROM newest WHERE line = ?');
  for (const row of db.prepare('SELECT event FROM newest ORDER BY line').iterate()) {
    const event = JSON.parse(String(row['event'])) as ResultEvent;
    const { earlier } = event;
    const place = event.status === 'duplicate' && earlier?.batch_id === event.batch_id ? earlier?.source : undefined;
    const now = place !== undefined && 'line' in place ? statusOf.get(place.line)?.['status'] : undefined;
    const status = statuses.find((known) => known === now);
    yield earlier === undefined || status === undefined ? event : { ...event, earlier: { ...earlier, status } };
  }
}
