/**
 * How tables of an older version become those of `schema.ts`: one step a version, forward only. A program refuses every
 * version above its own, so that from the first step on an older program no longer pays from the ledger.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Binding } from '../errors.ts';
import {
  alertIndex,
  endsNotedSince,
  gateTables,
  operationTables,
  readMeta,
  schemaVersion,
  sessionTable,
  storyIndex,
  unpaidIndex,
  writeMeta,
} from './schema.ts';
import { allOrNone } from './transaction.ts';

export interface MigrationContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly binding: Binding;
}

interface Migration {
  /** The version of the tables afterwards. */
  readonly to: number;
  run(db: DatabaseSync, context: MigrationContext): void;
}

/** 2: records have the time of their end. What had ended before counts as ended at the migration. */
const endTimes: Migration = {
  to: 2,
  run(db, { now }) {
    db.exec(`ALTER TABLE record ADD COLUMN ended_at REAL DEFAULT 0; ${storyIndex}`);
    writeMeta(db, endsNotedSince, String(now));
  },
};

/**
 * 3: the terms of a first send, what a resend met, sessions that are not proven. What was sent before has no terms: it is
 * never resent.
 */
const sendTerms: Migration = {
  to: 3,
  run(db) {
    db.exec(`
      ALTER TABLE record ADD COLUMN key_lifetime_ms REAL;
      ALTER TABLE record ADD COLUMN idempotency_header TEXT;
      ALTER TABLE record ADD COLUMN session_unproven INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE record ADD COLUMN resend_code TEXT;
      ALTER TABLE record ADD COLUMN resend_description TEXT;`);
  },
};

/** 4: when a record was admitted, and when it came to its status. */
const recordTimes: Migration = {
  to: 4,
  run(db) {
    db.exec('ALTER TABLE record ADD COLUMN admitted_at REAL; ALTER TABLE record ADD COLUMN changed_at REAL;');
  },
};

/** Version 2 kept the reason of an open send and why it was not resent in one text; now the latter is found when it is shown. */
const notRepeated = ' It is not repeated: ';

/**
 * 5: the clocks that a first send saw, one record for each session id, the idempotency header of the ledger. Of records
 * that share a session id the oldest keeps it; the sends that were open are never resent.
 */
const clocksAndSessions: Migration = {
  to: 5,
  run(db, { binding }) {
    db.exec(`
      ALTER TABLE record ADD COLUMN first_sent_wall REAL;
      ALTER TABLE record ADD COLUMN first_sent_uptime REAL;
      UPDATE record SET key_lifetime_ms = NULL WHERE status <= 4 AND key_lifetime_ms IS NOT NULL;
      UPDATE record SET reason_description = substr(reason_description, 1, instr(reason_description, '${notRepeated}') - 1)
        WHERE status = 4 AND instr(reason_description, '${notRepeated}') > 0;
      ${sessionTable}
      INSERT OR IGNORE INTO session (session_id, record) SELECT session_id, id FROM record WHERE session_id IS NOT NULL ORDER BY id;
      INSERT OR IGNORE INTO session (session_id, record) SELECT confirm_session, id FROM record WHERE confirm_session IS NOT NULL ORDER BY id;
      INSERT OR IGNORE INTO session (session_id, record) SELECT cancel_session, id FROM record WHERE cancel_session IS NOT NULL ORDER BY id;`);
    writeMeta(db, 'idempotency_header', binding.idempotencyHeader);
  },
};

/** 6: audit trails, alerts on records, what persons decided, pauses and commands. Older records begin their trail with their next step. */
const operations: Migration = {
  to: 6,
  run(db) {
    db.exec(`
      ALTER TABLE record ADD COLUMN audit_number INTEGER;
      ALTER TABLE record ADD COLUMN audit_chain BLOB;
      ALTER TABLE record ADD COLUMN alerts TEXT;
      ALTER TABLE record ADD COLUMN has_alert INTEGER;
      ALTER TABLE record ADD COLUMN resolved_by TEXT;
      ALTER TABLE record ADD COLUMN awaits_since REAL;
      ALTER TABLE record ADD COLUMN previous_session TEXT;
      ALTER TABLE record ADD COLUMN amendments TEXT;
      ${alertIndex}
      ${operationTables}`);
  },
};

/** 7: gates, terms of batches, the sum of a day. */
const gates: Migration = { to: 7, run: (db) => db.exec(gateTables) };

/** 8: the index of records that ended without a payment. */
const unpaid: Migration = { to: 8, run: (db) => db.exec(unpaidIndex) };

const migrations: readonly Migration[] = [endTimes, sendTerms, recordTimes, clocksAndSessions, operations, gates, unpaid];

/** Runs the steps that are missing; all or nothing. For a process that pays: it holds the lock and has checked the binding. */
export function migrate(db: DatabaseSync, context: MigrationContext): void {
  const found = Number(readMeta(db, 'schema'));
  if (found === schemaVersion) return;
  allOrNone(db, () => {
    for (const migration of migrations) if (migration.to > found) migration.run(db, context);
    writeMeta(db, 'schema', String(schemaVersion));
  });
}
