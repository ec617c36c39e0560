/** The ledger of the stand-alone profile: one SQLite file, one process that writes it. */
import { renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { LedgerRecord, MachineClocks } from '../../../batches/record/record.ts';
import type { KeyDerivation } from '../../../batches/record/idempotency-key.ts';
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Ledger } from '../../../batches/ports/ledger.ts';
import { admit } from './admit.ts';
import { advance } from './advance.ts';
import { bindNew } from './binding.ts';
import { LedgerError, type Binding } from '../errors.ts';
import { fileExists, findLedgerFiles, ledgerFile, makeDataDir, makePrivateFile, syncDir } from '../data-dir.ts';
import { whyNotOpen } from '../may-pay.ts';
import { createGroupCommit, type GroupCommit } from './group-commit.ts';
import { acquireLock, type LedgerLock } from './lock.ts';
import { createParts, type Parts } from './parts.ts';
import type { AskedCommand } from './commands.ts';
import { createQueries } from './queries.ts';
import { openLogSync, type LogSync } from './log-sync.ts';
import { askedOf, createReads } from './reader.ts';
import { migrate } from './migrations.ts';
import { assertMayPay, type FindUnknownResults } from './open-existing.ts';
import { createSchema } from './schema.ts';
import { eachOf } from '../each-of.ts';
import { isStoreFailure, readError, writeError } from './sqlite-error.ts';

export interface SqliteLedgerParams {
  /** The data folder; made when missing. */
  readonly dir: string;
  readonly binding: Binding;
  /** 32 bytes. */
  readonly ledgerKey: Buffer;
  readonly keys: KeyDerivation;
  /** The wall clock. */
  readonly clock: Pick<Clock, 'now'>;
  /** Never set back or forward; by default the wall clock is taken for one. */
  readonly monotonic?: Pick<Clock, 'now'>;
  /** The clocks of the machine, looked at before anything else is done; by default the wall clock alone. */
  readonly machine?: () => MachineClocks;
  readonly onWarning?: (message: string) => void;
  /** This machine's name, shown to a process that finds the ledger held. */
  readonly host: string;
  /** False: a missing ledger is an error. */
  readonly mayCreate: boolean;
  /** By default nothing is published outside. */
  readonly findUnknown?: FindUnknownResults;
}

export interface SqliteLedger extends Ledger {
  /** The ledger's time, for schedules: unaffected by steps of the wall clock. Milliseconds since the epoch. */
  now(): number;
  /** What other processes ask of this one; requests and answers are JSON. */
  readonly commands: {
    pending(): Promise<readonly AskedCommand[]>;
    answer(number: number, answer: string): Promise<void>;
  };
}

const busyTimeoutMs = 5_000;
/** Details purged in one group: a few milliseconds of the thread. */
const purgedAtOnce = 256;
const commandsAtOnce = 32;

/**
 * WAL and NORMAL: a group is one append to the log, which `log-sync.ts` makes durable before anything of the group is
 * acknowledged; SQLite itself syncs the log before it is copied into the file. Erased bodies are overwritten, in the file
 * at once and in the log when it is cut at the end.
 */
const settings = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA secure_delete = ON;
  PRAGMA cache_size = -8192;
  PRAGMA temp_store = MEMORY;
  PRAGMA wal_autocheckpoint = 2000;
  PRAGMA journal_size_limit = 16777216;
`;

/**
 * Opens the ledger for the one process that dispatches.
 *
 * @throws LedgerHeldError | LedgerBindingError | LedgerIncompleteError | LedgerKeyError | LedgerSchemaError |
 *   LedgerMissingError | LedgerWriteError | LedgerReadError
 */
export async function openSqliteLedger(params: SqliteLedgerParams): Promise<SqliteLedger> {
  const { dir, mayCreate, findUnknown = () => Promise.resolve(null) } = params;
  const file = ledgerFile(dir);
  const assertOpens = (): void => {
    const refusal = whyNotOpen(findLedgerFiles(dir), mayCreate);
    if (refusal !== null) throw refusal;
  };
  // Before the lock too, so that a refused process leaves nothing behind.
  assertOpens();
  makeDataDir(dir);
  const lock = acquireLock(dir, params);
  let db: DatabaseSync | undefined;
  try {
    assertOpens();
    if (!fileExists(file)) createFile(params, file);
    await assertMayPay(dir, params, findUnknown);
    db = openDatabase(params, file);
    return await createLedger(params, file, db, lock);
  } catch (error) {
    db?.close();
    lock.release();
    throw error instanceof LedgerError ? error : readError(file, error);
  }
}

/** Complete under its name or not there at all, also after a crash: an empty ledger file is never ours. */
function createFile({ dir, binding, ledgerKey }: SqliteLedgerParams, file: string): void {
  const draft = `${file}.new`;
  for (const leftover of [draft, `${draft}-journal`]) rmSync(leftover, { force: true });
  makePrivateFile(draft);
  const db = new DatabaseSync(draft, { timeout: busyTimeoutMs });
  try {
    db.exec('PRAGMA synchronous = FULL');
    createSchema(db, () => bindNew(db, binding, ledgerKey));
  } finally {
    db.close();
  }
  renameSync(draft, file);
  syncDir(dir);
}

function openDatabase({ binding, clock }: SqliteLedgerParams, file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: busyTimeoutMs });
  try {
    db.exec(settings);
    migrate(db, { now: clock.now(), binding });
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function createGroups(
  db: DatabaseSync,
  file: string,
  log: LogSync,
  { time, bodies, accounts, places, records, loose, outbox, pauses, gates }: Parts,
): GroupCommit {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  return createGroupCommit({
    begin() {
      begin.run();
    },
    commit() {
      const now = time.deletionTime();
      if (now !== null && bodies.isSweepDue(now)) bodies.sweep(now);
      accounts.write();
      gates.write();
      time.write();
      commit.run();
    },
    sync: log.sync,
    syncNow: log.syncNow,
    rollback() {
      if (db.isTransaction) db.exec('ROLLBACK');
      for (const part of [accounts, places, records, loose, outbox, pauses, gates, time]) part.forget();
    },
    failure: (cause) => (isStoreFailure(cause) ? writeError(file, cause) : undefined),
  });
}

/** Reads see what is durable, and are refused once a write has failed: what is in memory and what is on disk may differ then. */
function createLedgerReads(db: DatabaseSync, file: string, groups: GroupCommit, { records, bodies, retention, sessions, commands }: Parts) {
  const queries = createQueries(db);
  const asked = askedOf(file, groups.read);
  const bodyOf = (recordId: string): Uint8Array | undefined => {
    const stored = records.byRecordId(recordId);
    return stored === undefined ? undefined : bodies.read(stored.id, stored.record);
  };
  const recordOfSession = (sessionId: string): LedgerRecord | undefined => {
    const recordId = sessions.recordIdOf(sessionId);
    return recordId === undefined ? undefined : queries.record(recordId);
  };
  return {
    ...createReads(file, queries, groups.read),
    body: asked(bodyOf),
    recordOfSession: asked(recordOfSession),
    isPurgeDue: asked(retention.areDue),
    pendingCommands: asked(() => commands.pending(commandsAtOnce)),
  };
}

async function createLedger(params: SqliteLedgerParams, file: string, db: DatabaseSync, lock: LedgerLock): Promise<SqliteLedger> {
  const parts = createParts(db, params);
  const { time, outbox, batches, retention, pauses, gates, commands } = parts;
  const onHalted = reportOnce(params.onWarning);
  const log = openLogSync(file);
  const groups = createGroups(db, file, log, parts);
  // Before anything else is done, a step of the clocks is noticed for good, also by a process that is killed right after it,
  // and bodies that fell due meanwhile are erased.
  await groups.run(() => time.observe(params.machine?.() ?? { wallAt: params.clock.now(), uptimeMs: null }));
  const { isPurgeDue, pendingCommands, ...reads } = createLedgerReads(db, file, groups, parts);
  return {
    ...reads,
    now: time.now,
    openBatch: (manifest) => groups.run(() => batches.open(manifest)),
    commands: {
      pending: pendingCommands,
      answer: (number, answer) => groups.run(() => commands.answer(number, answer, time.now())),
    },
    setPause: (params) => groups.run(() => pauses.set(params)),
    setGates: (next, expected) => groups.run(() => gates.setGates(next, expected)),
    setTerms: (params) => groups.run(() => gates.setTerms(params)),
    updateBatch: (change) => groups.run(() => batches.update(change)),
    admit: (admissions) => eachOf(admissions, (admission) => groups.run(() => admit(parts, admission))),
    advance: (changes) => eachOf(changes, (change) => groups.run(() => advance(parts, change))),
    published: ({ numbers, mark }) =>
      groups.run(() => {
        outbox.remove(numbers);
        outbox.mark(mark);
      }),
    async purgeDetails({ olderThanMs, limit }) {
      const now = time.deletionTime();
      if (now === null) return onHalted();
      const endedBy = now - olderThanMs;
      let purged = 0;
      // Asked before a group starts: where nothing is due, nothing is written.
      while (purged < limit && (await isPurgeDue(endedBy))) {
        const wanted = Math.min(purgedAtOnce, limit - purged);
        purged += await groups.run(() => retention.drop(endedBy, wanted));
      }
      return purged;
    },
    async close() {
      await groups.close();
      if (!db.isOpen) return;
      log.close();
      closeDatabase(db);
      lock.release();
    },
  };
}

/** Deletion waits while the clocks are far apart: a clock that is ahead must not delete what is to be kept. */
function reportOnce(onWarning: SqliteLedgerParams['onWarning']): () => 0 {
  let isReported = false;
  return () => {
    if (!isReported)
      onWarning?.(
        "The clock of this machine differs from the ledger's time by more than an hour: nothing is deleted from the ledger until they agree.",
      );
    isReported = true;
    return 0;
  };
}

function closeDatabase(db: DatabaseSync): void {
  try {
    // What was erased must not linger in the log, which stays behind while another process reads.
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // Everything is durable in the log; the next process that opens it continues from there.
  }
  db.close();
}
