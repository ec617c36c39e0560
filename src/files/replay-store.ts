/** Events that are to be published again, each once, in the order in which they were found, as they were. */
import { DatabaseSync } from 'node:sqlite';

export interface StoredEvent {
  readonly eventId: string;
  /** Of the message on the topic; null for none, and for the line of a file. */
  readonly key: Buffer | null;
  readonly value: Buffer;
}

export interface ReplayStore {
  /** Only the first of an id is kept. */
  add(event: StoredEvent): void;
  count(): number;
  groups(size: number): Generator<readonly StoredEvent[], void, undefined>;
  close(): void;
}

/** A temporary database, which spills to disk by itself: there may be more events than memory. */
export function createReplayStore(): ReplayStore {
  const db = new DatabaseSync('');
  db.exec(
    'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; CREATE TABLE event (number INTEGER PRIMARY KEY, event_id TEXT UNIQUE, key BLOB, value BLOB); BEGIN',
  );
  const insert = db.prepare('INSERT OR IGNORE INTO event (event_id, key, value) VALUES (?, ?, ?)');
  const select = db.prepare('SELECT * FROM event WHERE number > ? ORDER BY number LIMIT ?');
  const bytes = (value: unknown): Buffer => Buffer.from(value as Uint8Array);
  return {
    add: ({ eventId, key, value }) => void insert.run(eventId, key, value),
    count: () => Number(db.prepare('SELECT count(*) AS count FROM event').get()?.['count']),
    *groups(size) {
      for (let after = 0; ;) {
        const rows = select.all(after, size);
        if (rows.length === 0) return;
        after = Number(rows.at(-1)?.['number']);
        yield rows.map((row) => ({
          eventId: String(row['event_id']),
          key: row['key'] === null ? null : bytes(row['key']),
          value: bytes(row['value']),
        }));
      }
    },
    close: () => db.close(),
  };
}
