/**
 * The tables of the SQLite ledger.
 *
 * Rows are keyed by integers in the order of their arrival, so that what is new lies together and one group
 * touches few pages. Bodies and events lie apart, because they come and go. Amounts are summed outside, because an
 * integer sum of SQLite turns into a float silently when it overflows. Times are REAL, because a pause that somebody
 * else asked for need not be whole milliseconds.
 */
import type { DatabaseSync } from 'node:sqlite';
import { LedgerReadError, LedgerSchemaError } from '../errors.ts';

/**
 * - 2: when a record ended is noted
 * - 3: the terms of a first send, what a resend met, and sessions that are not proven
 */
const schemaVersion = 4;

/** Finds what ended long ago and has its story still, the oldest first. */
const storyIndex = 'CREATE INDEX record_story ON record (ended_at) WHERE status > 4 AND ended_at IS NOT NULL;';

/** When a ledger that is older than the note of ends came to have it; milliseconds since the epoch. */
const endsNotedSince = 'ends_noted_since';

const tables = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

  CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    batch_id TEXT NOT NULL UNIQUE,
    file TEXT NOT NULL,
    policy TEXT NOT NULL,
    encoding TEXT NOT NULL,
    delimiter TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    block_digests TEXT NOT NULL, -- a JSON array
    state TEXT NOT NULL,
    phase TEXT NOT NULL,
    started_at REAL NOT NULL,
    finished_at REAL,
    sent INTEGER NOT NULL DEFAULT 0,
    first_sent_at REAL,
    last_sent_at REAL
  ) STRICT;

  CREATE TABLE tally (
    batch INTEGER NOT NULL,
    currency TEXT NOT NULL, -- empty for what carries no amount
    status INTEGER NOT NULL,
    count INTEGER NOT NULL,
    amount TEXT NOT NULL, -- minor units, as large as it gets
    PRIMARY KEY (batch, currency, status)
  ) STRICT, WITHOUT ROWID;

  -- source: what all places of the stream share, as JSON: the file's name, or topic and partition
  CREATE TABLE stream (id INTEGER PRIMARY KEY, stream TEXT NOT NULL UNIQUE, source TEXT NOT NULL) STRICT;

  -- The occurrence that a record was made from has no status, currency and amount of its own: the record has them.
  CREATE TABLE occurrence (
    stream INTEGER NOT NULL,
    position INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    record INTEGER,
    status INTEGER,
    currency TEXT,
    amount INTEGER,
    PRIMARY KEY (stream, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX occurrence_duplicate ON occurrence (batch, record) WHERE status = 10;

  -- The lists of field paths that records have digests for: all rows of a file share a few.
  CREATE TABLE shape (id INTEGER PRIMARY KEY, paths TEXT NOT NULL UNIQUE) STRICT;

  CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    record_id TEXT NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    position INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    sensitive INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    shape INTEGER NOT NULL, -- 0: dropped with the story
    digests BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    idempotency_key TEXT NOT NULL,
    status INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    version INTEGER NOT NULL,
    destination TEXT,
    metadata TEXT, -- JSON
    source TEXT, -- JSON, when it does not follow from stream and position
    first_sent_at REAL,
    key_lifetime_ms REAL, -- when it was first sent; NULL: unset, or not known
    idempotency_header TEXT,
    sends INTEGER NOT NULL DEFAULT 0,
    arrived INTEGER NOT NULL DEFAULT 0,
    session_id TEXT,
    session_unproven INTEGER NOT NULL DEFAULT 0,
    entry_id TEXT,
    confirm_session TEXT,
    cancel_session TEXT,
    reason_code TEXT,
    reason_description TEXT,
    resend_code TEXT, -- what the newest resend met
    resend_description TEXT,
    due_at REAL,
    checks INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_until REAL,
    admitted_at REAL, -- NULL in records that are older than this column, as the next one
    changed_at REAL, -- when it came to its status
    ended_at REAL DEFAULT 0 -- the newest step that left it final; 0: not noted; NULL: its story is dropped
  ) STRICT;
  CREATE INDEX record_due ON record (batch, due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX record_open ON record (batch, status) WHERE status <= 4;
  ${storyIndex}

  CREATE TABLE body (record INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, sealed BLOB NOT NULL, erase_at REAL) STRICT;
  CREATE INDEX body_erase ON body (erase_at) WHERE erase_at IS NOT NULL;

  -- The highest sequence told under a record id before any record stood under it.
  CREATE TABLE loose (record_id TEXT PRIMARY KEY, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE outbox (number INTEGER PRIMARY KEY, event_id TEXT NOT NULL, json TEXT NOT NULL) STRICT;
`;

/** Makes the tables of an empty database; all or none, with whatever `also` writes. */
export function createSchema(db: DatabaseSync, also: () => void): void {
  allOrNone(db, () => {
    db.exec(tables);
    db.prepare('INSERT INTO meta (name, value) VALUES (?, ?)').run('schema', String(schemaVersion));
    also();
  });
}

/**
 * Gives the tables of an older version what this one needs; all or nothing. No row is written anew: what had ended
 * before has no time of its own, and counts as ended at `now`, milliseconds since the epoch.
 */
export function migrate(db: DatabaseSync, now: number): void {
  const found = Number(readMeta(db, 'schema'));
  if (found === schemaVersion) return;
  allOrNone(db, () => {
    if (found < 2) {
      db.exec(`ALTER TABLE record ADD COLUMN ended_at REAL DEFAULT 0; ${storyIndex}`);
      db.prepare('INSERT INTO meta (name, value) VALUES (?, ?)').run(endsNotedSince, String(now));
    }
    // What was sent before has no terms of its own: it is never resent.
    if (found < 3) db.exec(termsColumns);
    if (found < 4) db.exec('ALTER TABLE record ADD COLUMN admitted_at REAL; ALTER TABLE record ADD COLUMN changed_at REAL;');
    db.prepare("UPDATE meta SET value = ? WHERE name = 'schema'").run(String(schemaVersion));
  });
}

const termsColumns = `
  ALTER TABLE record ADD COLUMN key_lifetime_ms REAL;
  ALTER TABLE record ADD COLUMN idempotency_header TEXT;
  ALTER TABLE record ADD COLUMN session_unproven INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE record ADD COLUMN resend_code TEXT;
  ALTER TABLE record ADD COLUMN resend_description TEXT;`;

/** When the ends began to be noted, milliseconds since the epoch; 0 for a ledger that always did. */
export const endsNotedFrom = (db: DatabaseSync): number => Number(readMeta(db, endsNotedSince) ?? 0);

function allOrNone(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

export const isEmpty = (db: DatabaseSync): boolean => db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;

/**
 * Passes older versions too: they read as this one does, and whoever writes calls `migrate` first.
 *
 * @throws LedgerSchemaError | LedgerReadError when this version cannot read the file
 */
export function checkSchema(db: DatabaseSync, file: string): void {
  const hasMeta = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get() !== undefined;
  const found = hasMeta ? readMeta(db, 'schema') : null;
  if (found === null) throw new LedgerReadError(`${file} is a SQLite database, but no ledger of disburse. Use another DATA_DIR.`);
  const version = Number(found);
  if (Number.isInteger(version) && version >= 1 && version <= schemaVersion) return;
  const newer = version > schemaVersion;
  throw new LedgerSchemaError(
    `the ledger ${file} has schema version ${found}, and this disburse knows version ${schemaVersion}. ${newer ? 'It was written by a newer disburse: use that one.' : 'It is too old to be read: use the disburse that made it.'}`,
  );
}

export function readMeta(db: DatabaseSync, name: string): string | null {
  const value = db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.['value'];
  return typeof value === 'string' ? value : null;
}
