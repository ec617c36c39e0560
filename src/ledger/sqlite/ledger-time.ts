/**
 * The time of the stand-alone ledger.
 *
 * Schedules run on monotonic time plus an offset: they go on after a step of the wall clock, in either direction. The
 * offset is raised when a process starts with a clock behind the newest time in the ledger, is kept with the ledger, and is
 * never lowered. Ages of sends are not judged by it alone: when the wall clock is behind its newest reading, or the machine
 * was suspended, the time that passed is not known, and no send made before that moment is ever resent.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { IntentCheck } from '../../../batches/record/change.ts';
import type { LedgerRecord, MachineClocks } from '../../../batches/record/record.ts';
import { clockToleranceMs, mayResend } from '../resend-check.ts';
import { readMeta, writeMeta } from './schema.ts';
import { allOrNone } from './transaction.ts';

export interface LedgerTime {
  /** Milliseconds since the epoch; never runs backwards, also from one process to the next. */
  now(): number;
  /** By which details and bodies are deleted: the lowest clock. Null while the clocks are more than an hour apart. */
  deletionTime(): number | null;
  /** Notices steps of the clocks. Part of a group. */
  observe(clocks: MachineClocks): void;
  /** Whether a resend of this record may be made at this moment. */
  mayResend(record: LedgerRecord, intent: IntentCheck): boolean;
  /** Keeps the newest times. Part of a group. */
  write(): void;
  /** Forgets what is not durable. */
  forget(): void;
}

/** Readings are kept when they are so much newer than the last ones: far less than steps that are noticed. */
const keepEveryMs = 500;
const hourMs = 3_600_000;

const newestTime = 'newest_time';
const newestWall = 'newest_wall';
const offset = 'clock_offset';
const resendBarrier = 'no_resend_until';

interface State {
  newestTime: number;
  newestWall: number;
  /** No send that was first made at this time or before is resent. */
  barrier: number;
}

const readState = (db: DatabaseSync): State => ({
  newestTime: Number(readMeta(db, newestTime) ?? 0),
  newestWall: Number(readMeta(db, newestWall) ?? 0),
  barrier: Number(readMeta(db, resendBarrier) ?? 0),
});

/** The newest time that a ledger without the note of it shows. */
const newestOf = (db: DatabaseSync): number => {
  const { newest } = db
    .prepare(
      `SELECT max(coalesce((SELECT max(max(started_at, coalesce(finished_at, 0), coalesce(last_sent_at, 0))) FROM batch), 0),
                  coalesce((SELECT max(max(coalesce(changed_at, 0), coalesce(ended_at, 0))) FROM record), 0)) AS newest`,
    )
    .get() as { newest: number | null };
  return newest ?? 0;
};

/**
 * The way back from a time far ahead: the ledger's time is the wall clock's again. How old the sends so far are is not known
 * then, so that none of them is ever resent; what waits for a time to come is due now.
 *
 * @returns how far the time went back, in milliseconds
 */
export function resetLedgerTime(db: DatabaseSync, wallAt: number): number {
  const before = Math.max(readState(db).newestTime || newestOf(db), wallAt + Number(readMeta(db, offset) ?? 0));
  allOrNone(db, () => {
    db.exec('UPDATE record SET key_lifetime_ms = NULL WHERE status <= 4 AND key_lifetime_ms IS NOT NULL');
    for (const column of ['due_at', 'lease_until'])
      db.prepare(`UPDATE record SET ${column} = :at WHERE status <= 4 AND ${column} > :at`).run({ at: wallAt });
    writeMeta(db, offset, '0');
    for (const name of [newestTime, newestWall, resendBarrier]) writeMeta(db, name, String(wallAt));
  });
  return Math.max(0, before - wallAt);
}

/** @param monotonic milliseconds, never set back or forward */
export function createLedgerTime(db: DatabaseSync, wall: () => number, monotonic: () => number): LedgerTime {
  const state = readState(db);
  const [wallAtStart, monotonicAtStart] = [wall(), monotonic()];
  state.newestTime ||= newestOf(db);
  state.newestWall ||= state.newestTime;
  const kept = { ...state };
  const behindBy = state.newestTime - (wallAtStart + Number(readMeta(db, offset) ?? 0));
  if (behindBy > 0) writeMeta(db, offset, String(Number(readMeta(db, offset) ?? 0) + behindBy));
  const base = wallAtStart + Number(readMeta(db, offset) ?? 0);
  let gap: number | undefined;
  let suspendedMs = 0;

  const now = (): number => base + (monotonic() - monotonicAtStart) + suspendedMs;
  const bar = (): void => {
    state.barrier = now();
  };
  const noticeSuspension = (uptimeMs: number | null): void => {
    if (uptimeMs === null) return;
    const found = uptimeMs - (monotonic() - monotonicAtStart);
    gap ??= found;
    if (found - gap <= clockToleranceMs) return;
    suspendedMs += found - gap;
    gap = found;
    bar();
  };
  const noticeStep = (wallAt: number): void => {
    if (wallAt < state.newestWall - clockToleranceMs) bar();
    else if (wallAt <= state.newestWall) return;
    state.newestWall = wallAt;
  };
  // What the clock shows at the start is noticed before anything is sent.
  noticeStep(wallAtStart);

  return {
    now,
    deletionTime() {
      const [ours, theirs] = [now(), wall()];
      return Math.abs(ours - theirs) > hourMs ? null : Math.min(ours, theirs);
    },
    observe(clocks) {
      noticeSuspension(clocks.uptimeMs);
      noticeStep(clocks.wallAt);
    },
    mayResend: (record, intent) => record.firstSentAt !== null && record.firstSentAt > state.barrier && mayResend(record, intent, now()),
    write() {
      state.newestTime = Math.max(state.newestTime, now());
      if (state.newestTime - kept.newestTime >= keepEveryMs) writeMeta(db, newestTime, String((kept.newestTime = state.newestTime)));
      if (Math.abs(state.newestWall - kept.newestWall) >= keepEveryMs)
        writeMeta(db, newestWall, String((kept.newestWall = state.newestWall)));
      if (state.barrier !== kept.barrier) writeMeta(db, resendBarrier, String((kept.barrier = state.barrier)));
    },
    forget() {
      Object.assign(kept, readState(db));
      state.barrier = Math.max(state.barrier, kept.barrier);
    },
  };
}
