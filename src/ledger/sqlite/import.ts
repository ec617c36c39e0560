/**
 * Makes a ledger file of what was exported from another ledger. Until it is finished, the file is in state `importing`,
 * which no process pays from; an import that did not end begins again with an empty file.
 *
 * A shared ledger keeps of an occurrence without a record only that it is known, and how it ended: batch and amount are in
 * its totals alone. Such an occurrence has batch 0 here, and its shard as its amount; what the totals say of it is in
 * occurrences of a stream that no message names, one for each, so that a recount finds the totals again.
 */
import { renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fileExists, findLedgerFiles, ledgerFile, makeDataDir, makePrivateFile, syncDir } from '../data-dir.ts';
import { LedgerError, LedgerIncompleteError, type Binding } from '../errors.ts';
import { whyNotOpen } from '../may-pay.ts';
import type { MoveTarget } from '../moved-items.ts';
import { assertSameTallies } from '../same-tallies.ts';
import { bindNew } from './binding.ts';
import { createImport, writeItem } from './import-items.ts';
import { acquireLock } from './lock.ts';
import { moveStateOf, writeMoveState } from './move-state.ts';
import { createOperationQueries } from './operation-queries.ts';
import { nameOf, openForReading } from './open-existing.ts';
import { publishedMark } from './outbox.ts';
import { createSchema, writeMeta } from './schema.ts';
import { writeError } from './sqlite-error.ts';
import { allOrNone } from './transaction.ts';

export interface SqliteTargetParams {
  readonly dir: string;
  readonly binding: Binding;
  readonly ledgerKey: Buffer;
  readonly clock: { now(): number };
  readonly host: string;
  /** False: where there is no ledger, none is made. */
  readonly mayCreate: boolean;
}

/**
 * Holds the ledger until it is closed.
 *
 * @throws LedgerHeldError, LedgerIncompleteError where there is a ledger with something in it, and as opening a new one
 */
export async function openSqliteTarget(params: SqliteTargetParams): Promise<MoveTarget> {
  const { dir, mayCreate } = params;
  const file = ledgerFile(dir);
  const refusal = whyNotOpen(findLedgerFiles(dir), mayCreate);
  if (refusal !== null) throw refusal;
  makeDataDir(dir);
  const lock = acquireLock(dir, params);
  let db: DatabaseSync | undefined;
  try {
    if (fileExists(file)) clearAway(dir);
    createFile(params);
    db = new DatabaseSync(file, { timeout: 5_000 });
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA cache_size = -8192;');
    return targetOf(params, db, () => lock.release());
  } catch (error) {
    db?.close();
    lock.release();
    throw error instanceof LedgerError ? error : writeError(file, error);
  }
}

/** What an import left that did not end, or a ledger that never had a batch, makes room. */
function clearAway(dir: string): void {
  const file = ledgerFile(dir);
  const reading = openForReading(dir);
  try {
    const { state } = moveStateOf(reading);
    const hasBatches = reading.prepare('SELECT 1 FROM batch LIMIT 1').get() !== undefined;
    if (state === 'moved' || (hasBatches && state !== 'importing'))
      throw new LedgerIncompleteError(
        `${nameOf(dir).text} is not empty: a ledger is only imported into an empty one, and what is there stays as it is. Name another DATA_DIR.`,
      );
  } finally {
    reading.close();
  }
  // Its log goes into the file first: beside another file of that name it would be taken for that one's.
  const db = new DatabaseSync(file, { timeout: 5_000 });
  db.exec('PRAGMA journal_mode = DELETE');
  db.close();
}

/** Complete under its name, over what was there: a crash leaves the former file or the new one. */
function createFile({ dir, binding, ledgerKey }: SqliteTargetParams): void {
  const file = ledgerFile(dir);
  const draft = `${file}.new`;
  for (const leftover of [draft, `${draft}-journal`]) rmSync(leftover, { force: true });
  makePrivateFile(draft);
  const db = new DatabaseSync(draft);
  try {
    db.exec('PRAGMA synchronous = FULL');
    createSchema(db, () => {
      bindNew(db, binding, ledgerKey);
      writeMoveState(db, { state: 'importing' });
    });
  } finally {
    db.close();
  }
  renameSync(draft, file);
  syncDir(dir);
}

function targetOf({ dir }: SqliteTargetParams, db: DatabaseSync, release: () => void): MoveTarget {
  const state = createImport(db);
  const written = (work: () => void): void => {
    try {
      allOrNone(db, work);
    } catch (error) {
      throw error instanceof LedgerError ? error : writeError(ledgerFile(dir), error);
    }
  };
  return {
    name: nameOf(dir).text,
    async write(items) {
      written(() => {
        for (const item of items) writeItem(state, item);
        state.gates.write();
      });
    },
    async finish({ published, pause, tallies }) {
      written(() => {
        if (published !== null) writeMeta(db, publishedMark, published);
        state.pauses.set({ batchId: null, pause });
        assertSameTallies(nameOf(dir).text, createOperationQueries(db).recount(undefined), tallies);
        writeMoveState(db, { state: 'live' });
      });
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    },
    async close() {
      if (!db.isOpen) return;
      db.close();
      release();
    },
  };
}
