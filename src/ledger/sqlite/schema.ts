/**
 * The tables of the SQLite ledger.
 *
 * Rows are keyed by integers in the order of their arrival, so that new rows are together and one group
 * touches few pages. Bodies and events have tables of their own, because they come and go. Amounts are summed outside, because an
 * integer sum of SQLite turns into a float silently when it overflows. Times are REAL, because a pause that somebody
 * else asked for need not be whole milliseconds.
 */
import type { DatabaseSync } from 'node:sqlite';
import { allOrNone } from './transaction.ts';

/** What each version added: `migrations.ts`. */
export const schemaVersion = 8;

/** Finds what ended long ago and still has its details, the oldest first. */
export const storyIndex = 'CREATE INDEX record_story ON record (ended_at) WHERE status > 4 AND ended_at IS NOT NULL;';

/** When a ledger that is older than the column of ends was migrated; milliseconds since the epoch. */
export const endsNotedSince = 'ends_noted_since';

/** A session id belongs to one record, forever. */
export const sessionTable = `
  CREATE TABLE session (session_id TEXT PRIMARY KEY, record INTEGER NOT NULL) STRICT, WITHOUT ROWID;`;

/** What operators and their audit trail need: trails, pauses, commands of other processes. */
export const operationTables = `
  -- The audit trails; entry: ../audit-text.ts
  CREATE TABLE audit (record INTEGER NOT NULL, number INTEGER NOT NULL, entry TEXT NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (record, number)) STRICT, WITHOUT ROWID;

  -- What is paused: a batch, or everything under ''.
  CREATE TABLE pause (batch_id TEXT PRIMARY KEY, code TEXT NOT NULL, by TEXT NOT NULL, reason TEXT, at REAL NOT NULL) STRICT, WITHOUT ROWID;

  -- What other processes ask of the one that holds the ledger, and its answers; both JSON.
  CREATE TABLE command (number INTEGER PRIMARY KEY, request TEXT NOT NULL, asked_at REAL NOT NULL, answer TEXT, answered_at REAL) STRICT;
  CREATE INDEX command_open ON command (number) WHERE answer IS NULL;`;

/** What must hold before money moves; values are JSON. */
export const gateTables = `
  -- The gates under '', and the terms of batches under their ids.
  CREATE TABLE gate (name TEXT PRIMARY KEY, number INTEGER NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  -- The sum of the intents of the newest day (days since 1970, UTC), in minor units.
  CREATE TABLE day_total (currency TEXT PRIMARY KEY, day INTEGER NOT NULL, amount TEXT NOT NULL) STRICT, WITHOUT ROWID;`;

/** Finds records with alerts that are not acknowledged. */
export const alertIndex = 'CREATE INDEX record_alert ON record (id) WHERE has_alert = 1;';

/** Finds records that ended without a payment: few of many, and what lists ask for. */
export const unpaidIndex = 'CREATE INDEX record_unpaid ON record (batch, status) WHERE status > 5;';

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
    shape INTEGER NOT NULL, -- 0: purged with the details
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
    first_sent_wall REAL, -- the wall clock and the uptime of the machine at the first send
    first_sent_uptime REAL,
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
    audit_number INTEGER, -- of the newest entry of its trail; NULL in records that are older than trails
    audit_chain BLOB,
    alerts TEXT, -- a JSON array
    has_alert INTEGER, -- 1: one of them is not acknowledged
    resolved_by TEXT,
    awaits_since REAL, -- when its session was first seen waiting for confirmation
    previous_session TEXT,
    amendments TEXT, -- a JSON array
    admitted_at REAL, -- NULL in records that are older than this column, as the next one
    changed_at REAL, -- when it came to its status
    ended_at REAL DEFAULT 0 -- the newest step that left it final; 0: not recorded; NULL: its details are purged
  ) STRICT;
  CREATE INDEX record_due ON record (batch, due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX record_open ON record (batch, status) WHERE status <= 4;
  ${storyIndex}
  ${alertIndex}
  ${unpaidIndex}

  CREATE TABLE body (record INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, sealed BLOB NOT NULL, erase_at REAL) STRICT;
  CREATE INDEX body_erase ON body (erase_at) WHERE erase_at IS NOT NULL;

  -- The highest sequence published under a record id that has no record.
  CREATE TABLE loose (record_id TEXT PRIMARY KEY, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  ${sessionTable}
  ${operationTables}
  ${gateTables}

  CREATE TABLE outbox (number INTEGER PRIMARY KEY, event_id TEXT NOT NULL, json TEXT NOT NULL) STRICT;
`;

/** Creates the tables of an empty database; all or none, with whatever `also` writes. */
export function createSchema(db: DatabaseSync, also: () => void): void {
  allOrNone(db, () => {
    db.exec(tables);
    writeMeta(db, 'schema', String(schemaVersion));
    also();
  });
}

/** Since when ends are recorded, milliseconds since the epoch; 0 for a ledger that always did. */
export const endsNotedFrom = (db: DatabaseSync): number => Number(readMeta(db, endsNotedSince) ?? 0);

/** Null in a database that has no table of ours. */
export const schemaOf = (db: DatabaseSync): string | null =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get() === undefined ? null : readMeta(db, 'schema');

export function readMeta(db: DatabaseSync, name: string): string | null {
  const value = db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.['value'];
  return typeof value === 'string' ? value : null;
}

export function writeMeta(db: DatabaseSync, name: string, value: string): void {
  db.prepare('INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(name, value);
}
