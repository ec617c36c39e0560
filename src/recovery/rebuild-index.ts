/** What a rebuild remembers, in a temporary database that spills to disk by itself. */
import { DatabaseSync } from 'node:sqlite';
import type { RebuildIndex } from '../../batches/ports/rebuild-index.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';

const tables = `
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  CREATE TABLE newest (record_id TEXT PRIMARY KEY, place TEXT NOT NULL, event TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE settled (place TEXT PRIMARY KEY, event TEXT NOT NULL, rank INTEGER NOT NULL, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE sequence (record_id TEXT PRIMARY KEY, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE head (record_id TEXT PRIMARY KEY, number INTEGER NOT NULL, hash TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE dated (record_id TEXT PRIMARY KEY, earliest REAL NOT NULL, broker INTEGER NOT NULL, producer INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE content (record_id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, is_one INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE restored (record_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  BEGIN`;

const parse = (row: Record<string, unknown>): ResultEvent => JSON.parse(String(row['event'])) as ResultEvent;

export function createRebuildIndex(): RebuildIndex {
  const db = new DatabaseSync('');
  db.exec(tables);
  return { ...resultsIn(db), ...factsIn(db), ...contentsIn(db), close: () => db.close() };
}

function resultsIn(
  db: DatabaseSync,
): Pick<RebuildIndex, 'newest' | 'keepNewest' | 'removeNewest' | 'keepSettled' | 'isSettled' | 'settled' | 'unrestored'> {
  const newest = db.prepare('SELECT place, event FROM newest WHERE record_id = ?');
  const putNewest = db.prepare(
    'INSERT INTO newest VALUES (?, ?, ?) ON CONFLICT (record_id) DO UPDATE SET place = excluded.place, event = excluded.event',
  );
  const dropNewest = db.prepare('DELETE FROM newest WHERE record_id = ?');
  const putSettled = db.prepare(
    `INSERT INTO settled VALUES (?, ?, ?, ?) ON CONFLICT (place) DO UPDATE SET
       event = excluded.event, rank = excluded.rank, sequence = excluded.sequence
       WHERE (excluded.rank, excluded.sequence) > (rank, sequence)`,
  );
  const settledAt = db.prepare('SELECT 1 FROM settled WHERE place = ?');
  const allSettled = db.prepare('SELECT event FROM settled');
  const unrestored = db.prepare('SELECT event FROM newest WHERE record_id NOT IN (SELECT record_id FROM restored)');
  return {
    newest(recordId) {
      const row = newest.get(recordId);
      return row === undefined ? undefined : { place: String(row['place']), event: parse(row) };
    },
    keepNewest: (recordId, { place, event }) => void putNewest.run(recordId, place, JSON.stringify(event)),
    removeNewest: (recordId) => void dropNewest.run(recordId),
    keepSettled: ({ place, event }, rank) => void putSettled.run(place, JSON.stringify(event), rank, event.sequence),
    isSettled: (place) => settledAt.get(place) !== undefined,
    *settled() {
      for (const row of allSettled.iterate()) yield parse(row);
    },
    *unrestored() {
      for (const row of unrestored.iterate()) yield parse(row);
    },
  };
}

function contentsIn(db: DatabaseSync): Pick<RebuildIndex, 'noteContent' | 'hasOneContent'> {
  const note = db.prepare(
    'INSERT INTO content VALUES (?, ?, 1) ON CONFLICT (record_id) DO UPDATE SET is_one = min(is_one, fingerprint = excluded.fingerprint)',
  );
  const isOne = db.prepare('SELECT is_one FROM content WHERE record_id = ?');
  return {
    noteContent: (recordId, fingerprint) => void note.run(recordId, fingerprint),
    hasOneContent: (recordId) => isOne.get(recordId)?.['is_one'] !== 0,
  };
}

function factsIn(
  db: DatabaseSync,
): Pick<RebuildIndex, 'raiseSequence' | 'sequence' | 'noteHead' | 'head' | 'noteTime' | 'time' | 'markRestored' | 'isRestored'> {
  const raise = db.prepare(
    'INSERT INTO sequence VALUES (?, ?) ON CONFLICT (record_id) DO UPDATE SET sequence = max(sequence, excluded.sequence)',
  );
  const sequenceOf = db.prepare('SELECT sequence FROM sequence WHERE record_id = ?');
  const putHead = db.prepare(
    `INSERT INTO head VALUES (?, ?, ?) ON CONFLICT (record_id) DO UPDATE SET number = excluded.number, hash = excluded.hash
       WHERE excluded.number > number`,
  );
  const headOf = db.prepare('SELECT number, hash FROM head WHERE record_id = ?');
  const note = db.prepare(
    `INSERT INTO dated VALUES (?, ?, ?, ?) ON CONFLICT (record_id) DO UPDATE SET
       earliest = min(earliest, excluded.earliest), broker = max(broker, excluded.broker), producer = max(producer, excluded.producer)`,
  );
  const timeOf = db.prepare('SELECT earliest, broker, producer FROM dated WHERE record_id = ?');
  const mark = db.prepare('INSERT INTO restored VALUES (?) ON CONFLICT DO NOTHING');
  const restored = db.prepare('SELECT 1 FROM restored WHERE record_id = ?');
  return {
    raiseSequence: (recordId, sequence) => void raise.run(recordId, sequence),
    sequence: (recordId) => Number(sequenceOf.get(recordId)?.['sequence'] ?? 0),
    noteHead: (recordId, { number, hash }) => void putHead.run(recordId, number, hash),
    head(recordId) {
      const row = headOf.get(recordId);
      return row === undefined ? null : { number: Number(row['number']), hash: String(row['hash']) };
    },
    noteTime: (recordId, { at, by }) => void note.run(recordId, at, by === 'broker' ? 1 : 0, by === 'producer' ? 1 : 0),
    time(recordId) {
      const row = timeOf.get(recordId);
      return row === undefined
        ? { earliest: undefined, isReliable: false }
        : { earliest: Number(row['earliest']), isReliable: row['broker'] === 1 && row['producer'] === 0 };
    },
    markRestored: (recordId) => void mark.run(recordId),
    isRestored: (recordId) => restored.get(recordId) !== undefined,
  };
}
