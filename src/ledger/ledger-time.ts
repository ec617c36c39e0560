/**
 * The time of a ledger that one process pays from.
 *
 * Schedules run on monotonic time plus an offset: they go on after a step of the wall clock, in either direction. The
 * offset is raised when a process starts with a clock behind the newest time in the ledger, is kept with the ledger, and is
 * never lowered. Ages of sends are not judged by it alone: when the wall clock is behind its newest reading, or the machine
 * was suspended, the time that passed is not known, and no send made before that moment is ever resent.
 */
import type { IntentCheck } from '../../batches/record/change.ts';
import type { LedgerRecord, MachineClocks } from '../../batches/record/record.ts';
import { clockToleranceMs, mayResend } from './resend-check.ts';

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

export const timeNames = {
  newestTime: 'newest_time',
  newestWall: 'newest_wall',
  lastWall: 'last_wall',
  lastUptime: 'last_uptime',
  offset: 'clock_offset',
  resendBarrier: 'no_resend_until',
} as const;
export type TimeName = (typeof timeNames)[keyof typeof timeNames];

/** Where a ledger keeps its times; milliseconds. */
export interface KeptTimes {
  /** 0 when it was never written. */
  read(name: TimeName): number;
  write(name: TimeName, value: number): void;
  /** The newest time that a ledger without the note of it shows; 0 when there is none. */
  newest(): number;
}

/** Readings are kept when they are so much newer than the last ones: far less than steps that are noticed. */
const keepEveryMs = 500;
const hourMs = 3_600_000;

/** The wall clock and the uptime of the machine at one moment; 0: not known. */
interface Reading {
  wall: number;
  uptime: number;
}

interface State {
  newestTime: number;
  newestWall: number;
  /** No send that was first made at this time or before is resent. */
  barrier: number;
}

const readState = (times: KeptTimes): State => ({
  newestTime: times.read(timeNames.newestTime),
  newestWall: times.read(timeNames.newestWall),
  barrier: times.read(timeNames.resendBarrier),
});

/** @param monotonic milliseconds, never set back or forward */
export function createLedgerTime(times: KeptTimes, wall: () => number, monotonic: () => number): LedgerTime {
  const state = readState(times);
  const [wallAtStart, monotonicAtStart] = [wall(), monotonic()];
  state.newestTime ||= times.newest();
  state.newestWall ||= state.newestTime;
  const kept = { ...state };
  // What a former process wrote last may be newer than the time that it kept.
  const newestBefore = state.newestTime + keepEveryMs;
  const behindBy = state.newestTime - (wallAtStart + times.read(timeNames.offset));
  if (behindBy > 0) times.write(timeNames.offset, times.read(timeNames.offset) + behindBy);
  const base = wallAtStart + times.read(timeNames.offset);
  const formerReading: Reading = { wall: times.read(timeNames.lastWall), uptime: times.read(timeNames.lastUptime) };
  let reading = formerReading;
  let keptReading = formerReading;
  let gap: number | undefined;
  let suspendedMs = 0;

  const now = (): number => base + (monotonic() - monotonicAtStart) + suspendedMs;
  const bar = (): void => void (state.barrier = Math.max(now(), newestBefore));
  /** A machine that has been up since a former process wrote: its wall clock must have gone on for as long. */
  const noticeStepBefore = (wallAt: number, uptimeMs: number): void => {
    const upMs = uptimeMs - formerReading.uptime;
    const passedMs = wallAt - formerReading.wall;
    if (formerReading.uptime > 0 && upMs >= 0 && passedMs < upMs - clockToleranceMs) bar();
  };
  const noticeSuspension = ({ wallAt, uptimeMs }: MachineClocks): void => {
    if (uptimeMs === null) return;
    const found = uptimeMs - (monotonic() - monotonicAtStart);
    if (gap === undefined) noticeStepBefore(wallAt, uptimeMs);
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
      noticeSuspension(clocks);
      noticeStep(clocks.wallAt);
      if (clocks.uptimeMs !== null) reading = { wall: clocks.wallAt, uptime: clocks.uptimeMs };
    },
    mayResend: (record, intent) => record.firstSentAt !== null && record.firstSentAt > state.barrier && mayResend(record, intent, now()),
    write() {
      state.newestTime = Math.max(state.newestTime, now());
      if (state.newestTime - kept.newestTime >= keepEveryMs) times.write(timeNames.newestTime, (kept.newestTime = state.newestTime));
      if (Math.abs(state.newestWall - kept.newestWall) >= keepEveryMs)
        times.write(timeNames.newestWall, (kept.newestWall = state.newestWall));
      if (Math.abs(reading.uptime - keptReading.uptime) >= keepEveryMs) {
        times.write(timeNames.lastWall, reading.wall);
        times.write(timeNames.lastUptime, reading.uptime);
        keptReading = reading;
      }
      if (state.barrier !== kept.barrier) times.write(timeNames.resendBarrier, (kept.barrier = state.barrier));
    },
    forget() {
      Object.assign(kept, readState(times));
      state.barrier = Math.max(state.barrier, kept.barrier);
      keptReading = { wall: times.read(timeNames.lastWall), uptime: times.read(timeNames.lastUptime) };
    },
  };
}
