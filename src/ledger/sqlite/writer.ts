/** The file of a ledger, open to be written: what is asked and written here is done at once, on the thread that calls. */
import { DatabaseSync } from 'node:sqlite';
import type { Change } from '../../../batches/record/change.ts';
import type { Admission, LedgerRecord } from '../../../batches/record/record.ts';
import type { KeyDerivation } from '../../../batches/record/idempotency-key.ts';
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Ledger } from '../../../batches/ports/ledger.ts';
import type { Binding } from '../errors.ts';
import type { LedgerTime } from '../ledger-time.ts';
import { admit } from './admit.ts';
import { advance } from './advance.ts';
import { createGroupWriter, type GroupWriter } from './group-writer.ts';
import { createParts, type Parts } from './parts.ts';
import type { EventText } from './outbox.ts';
import { createQueries } from './queries.ts';
import { createReads } from './reader.ts';
import { migrate } from './migrations.ts';
import { isStoreFailure, readError, writeError } from './sqlite-error.ts';

export interface WriterParams {
  readonly binding: Binding;
  /** 32 bytes. */
  readonly ledgerKey: Buffer;
  readonly keys: KeyDerivation;
  /** The wall clock. */
  readonly clock: Pick<Clock, 'now'>;
  /** Never set back or forward; by default the wall clock is taken for one. */
  readonly monotonic?: Pick<Clock, 'now'>;
  readonly onWarning?: (message: string) => void;
}

export type Steps = ReturnType<typeof createSteps>;

export interface LedgerWriter {
  readonly groups: GroupWriter;
  /** What can be part of a group. */
  readonly steps: Steps;
  readonly reads: Omit<ReturnType<typeof createLedgerReads>, 'isPurgeDue'>;
  readonly time: Pick<LedgerTime, 'now' | 'aheadOfMonotonic'>;
  /** @param run runs one step in a group */
  purgeDetails(params: Parameters<Ledger['purgeDetails']>[0], run: <T>(work: () => T) => Promise<T>): Promise<number>;
  /** Closes the file. Idempotent. */
  close(): void;
}

/** How long another process is waited for that has the file locked for a moment. */
export const busyTimeoutMs = 5_000;
/** Details purged in one group: a few milliseconds of the thread. */
const purgedAtOnce = 256;
const commandsAtOnce = 32;

/**
 * WAL and FULL: a group is one append and one sync, and what was acknowledged survives a power cut. Erased
 * bodies are overwritten, in the file at once and in the log when it is cut at the end.
 */
const settings = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA secure_delete = ON;
  PRAGMA cache_size = -8192;
  PRAGMA temp_store = MEMORY;
  PRAGMA wal_autocheckpoint = 2000;
  PRAGMA journal_size_limit = 16777216;
`;

function openDatabase({ binding, clock }: WriterParams, file: string): DatabaseSync {
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
  { time, bodies, accounts, places, records, loose, outbox, pauses }: Parts,
): GroupWriter {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  return createGroupWriter({
    begin() {
      begin.run();
    },
    commit() {
      const now = time.deletionTime();
      if (now !== null && bodies.isSweepDue(now)) bodies.sweep(now);
      accounts.write();
      time.write();
      commit.run();
    },
    rollback() {
      if (db.isTransaction) db.exec('ROLLBACK');
      for (const part of [accounts, places, records, loose, outbox, pauses, time]) part.forget();
    },
    failure: (cause) => (isStoreFailure(cause) ? writeError(file, cause) : undefined),
  });
}

/** Reads, refused once a write has failed: what is in memory and what is on disk may differ then. */
function createLedgerReads(db: DatabaseSync, file: string, groups: GroupWriter, { records, bodies, retention, sessions, commands }: Parts) {
  const queries = createQueries(db);
  const guarded =
    <Args extends unknown[], Result>(query: (...args: Args) => Result) =>
    (...args: Args): Result => {
      if (groups.broken !== undefined) throw groups.broken;
      return query(...args);
    };
  const reading =
    <Args extends unknown[], Result>(query: (...args: Args) => Result) =>
    (...args: Args): Result => {
      try {
        return guarded(query)(...args);
      } catch (error) {
        throw readError(file, error);
      }
    };
  const reads = createReads(file, {
    batch: guarded(queries.batch),
    batches: guarded(queries.batches),
    record: guarded(queries.record),
    due: guarded(queries.due),
    list: guarded(queries.list),
    records: guarded(queries.records),
    countUnsettledDuplicates: guarded(queries.countUnsettledDuplicates),
    outbox: guarded(queries.outbox),
    publishedMark: guarded(queries.publishedMark),
    tallies: guarded(queries.tallies),
    overview: guarded(queries.overview),
    trail: guarded(queries.trail),
    alerted: guarded(queries.alerted),
    pauses: guarded(queries.pauses),
    recount: guarded(queries.recount),
  });
  const body = reading((recordId: string): Uint8Array | undefined => {
    const stored = records.byRecordId(recordId);
    return stored === undefined ? undefined : bodies.read(stored.id, stored.record);
  });
  const recordOfSession = reading((sessionId: string): LedgerRecord | undefined => {
    const recordId = sessions.recordIdOf(sessionId);
    return recordId === undefined ? undefined : queries.record(recordId);
  });
  const pendingCommands = reading(() => commands.pending(commandsAtOnce));
  return {
    ...reads,
    body: async (recordId: string) => body(recordId),
    recordOfSession: async (sessionId: string) => recordOfSession(sessionId),
    isPurgeDue: reading(retention.areDue),
    pendingCommands: async () => pendingCommands(),
  };
}

/** @throws LedgerReadError | LedgerWriteError | LedgerSchemaError */
export function openWriter(params: WriterParams, file: string): LedgerWriter {
  const db = openDatabase(params, file);
  try {
    return createWriter(params, file, db);
  } catch (error) {
    db.close();
    throw error;
  }
}

function createWriter(params: WriterParams, file: string, db: DatabaseSync): LedgerWriter {
  const parts = createParts(db, params);
  const { time, retention } = parts;
  const onHalted = reportOnce(params.onWarning);
  const groups = createGroups(db, file, parts);
  // A group with nothing in it: bodies that fell due meanwhile are erased before anything else is done.
  for (const outcome of groups.write([() => undefined])) if (!outcome.ok) throw outcome.error;
  const { isPurgeDue, ...reads } = createLedgerReads(db, file, groups, parts);
  return {
    groups,
    steps: createSteps(parts),
    reads,
    time,
    async purgeDetails({ olderThanMs, limit }, run) {
      const now = time.deletionTime();
      if (now === null) return onHalted();
      const endedBy = now - olderThanMs;
      let purged = 0;
      // Asked before a group starts: where nothing is due, nothing is written.
      while (purged < limit && isPurgeDue(endedBy)) {
        const wanted = Math.min(purgedAtOnce, limit - purged);
        purged += await run(() => retention.drop(endedBy, wanted));
      }
      return purged;
    },
    close() {
      groups.close();
      if (db.isOpen) closeDatabase(db);
    },
  };
}

function createSteps(parts: Parts) {
  const { time, outbox, batches, pauses, commands } = parts;
  return {
    admit: (admission: Admission) => admit(parts, admission),
    /** @param event the event of the change as text; by default it is made here */
    advance: (change: Change, event?: EventText) => advance(parts, change, event),
    openBatch: batches.open,
    updateBatch: batches.update,
    setPause: pauses.set,
    published({ numbers, mark }: Parameters<Ledger['published']>[0]): void {
      outbox.remove(numbers);
      outbox.mark(mark);
    },
    answerCommand({ number, answer }: { readonly number: number; readonly answer: string }): void {
      commands.answer(number, answer, time.now());
    },
  };
}

/** Deletion waits while the clocks are far apart: a clock that is ahead must not delete what is to be kept. */
function reportOnce(onWarning: WriterParams['onWarning']): () => 0 {
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
