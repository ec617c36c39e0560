/** The results of one batch as a CSV for people: the newest event of every line, in the order of the lines. */
import { DatabaseSync } from 'node:sqlite';
import type { ResultEvent } from '../batches/result.ts';
import { writeResultsCsv } from '../producers/results-csv.ts';

/**
 * Sorting happens in a temporary database that spills to disk by itself, because a batch may be larger than
 * memory.
 *
 * @param results every result that may be one of the batch, in any order, also twice
 * @returns how many rows were written
 */
export async function writeBatchResults(results: AsyncIterable<ResultEvent>, batchId: string, path: string): Promise<number> {
  const db = new DatabaseSync('');
  try {
    db.exec(
      'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; CREATE TABLE newest (line INTEGER PRIMARY KEY, sequence INTEGER, event TEXT); BEGIN',
    );
    const keep = db.prepare(
      'INSERT INTO newest VALUES (?, ?, ?) ON CONFLICT (line) DO UPDATE SET sequence = excluded.sequence, event = excluded.event WHERE excluded.sequence >= newest.sequence',
    );
    for await (const event of results) {
      if (event.batch_id === batchId && 'line' in event.source) keep.run(event.source.line, event.sequence, JSON.stringify(event));
    }
    db.exec('COMMIT');
    return await writeResultsCsv({ path, events: inOrder(db) });
  } finally {
    db.close();
  }
}

function* inOrder(db: DatabaseSync): Generator<ResultEvent> {
  for (const row of db.prepare('SELECT event FROM newest ORDER BY line').iterate()) yield JSON.parse(String(row['event'])) as ResultEvent;
}
