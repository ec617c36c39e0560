/** What the ledger knows of results: by it a ledger that is older than its results is recognised. */
import type { DatabaseSync } from 'node:sqlite';
import { publishedMark } from './outbox.ts';
import { readMeta } from './schema.ts';

/** What is compared of a result event. */
export interface PublishedEvent {
  readonly event_id: string;
  readonly batch_id: string;
  readonly record_id?: string;
  readonly sequence: number;
}

export interface Published {
  /** The sink's note of how far the results were written and noted. */
  readonly mark: string | null;
  /** Whether the event is decided and not yet noted as published. */
  isUnpublished(eventId: string): boolean;
  /** Whether the ledger has made as many events of that record, or knows the batch of an event without one. */
  isKnown(event: PublishedEvent): boolean;
}

export function createPublished(db: DatabaseSync): Published {
  const selectSequence = db.prepare(
    `SELECT max(coalesce((SELECT sequence FROM record WHERE record_id = :id), 0),
                coalesce((SELECT sequence FROM loose WHERE record_id = :id), 0)) AS sequence`,
  );
  const selectBatch = db.prepare('SELECT 1 FROM batch WHERE batch_id = ?');
  let unpublished: ReadonlySet<string> | undefined;
  const outbox = (): ReadonlySet<string> =>
    (unpublished ??= new Set(
      db
        .prepare('SELECT event_id FROM outbox')
        .all()
        .map((row) => String(row['event_id'])),
    ));

  return {
    mark: readMeta(db, publishedMark),
    isUnpublished: (eventId) => outbox().has(eventId),
    isKnown({ batch_id: batchId, record_id: recordId, sequence }) {
      if (recordId === undefined) return selectBatch.get(batchId) !== undefined;
      return (selectSequence.get({ id: recordId }) as { sequence: number }).sequence >= sequence;
    },
  };
}
