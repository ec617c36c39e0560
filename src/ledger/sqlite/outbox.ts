/** Events that were decided and are not surely published yet. */
import type { DatabaseSync } from 'node:sqlite';
import type { ResultEvent } from '../../../batches/record/result-event.ts';
import { readMeta } from './schema.ts';

export interface Outbox {
  append(event: ResultEvent): void;
  /** Of an event as text: it is published in these bytes. */
  appendText(eventId: string, json: string): void;
  remove(numbers: readonly number[]): void;
  /** Keeps the sink's note; null keeps the last one. */
  mark(mark: string | null): void;
  forget(): void;
}

/** Where the numbers go on when everything is published: a number is never given twice. */
const lastNumber = 'outbox_last';
export const publishedMark = 'published_mark';

export function createOutbox(db: DatabaseSync): Outbox {
  const insert = db.prepare('INSERT INTO outbox (number, event_id, json) VALUES (?, ?, ?)');
  const removeRange = db.prepare('DELETE FROM outbox WHERE number BETWEEN ? AND ?');
  const writeMeta = db.prepare('INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value');
  const selectLast = db.prepare('SELECT max(number) AS last FROM outbox');
  let last = 0;

  const load = (): void => {
    const { last: unpublished } = selectLast.get() as { last: number | null };
    last = Math.max(unpublished ?? 0, Number(readMeta(db, lastNumber) ?? 0));
  };
  load();

  const appendText = (eventId: string, json: string): void => {
    insert.run(last + 1, eventId, json);
    last += 1;
  };

  return {
    append: (event) => appendText(event.event_id, JSON.stringify(event)),
    appendText,
    remove(numbers) {
      const sorted = [...numbers].sort((a, b) => a - b);
      let [from] = sorted;
      if (from === undefined) return;
      let to = from;
      for (const number of sorted) {
        if (number > to + 1) {
          removeRange.run(from, to);
          from = number;
        }
        to = number;
      }
      removeRange.run(from, to);
      writeMeta.run(lastNumber, String(last));
    },
    mark(mark) {
      if (mark !== null) writeMeta.run(publishedMark, mark);
    },
    forget: load,
  };
}
