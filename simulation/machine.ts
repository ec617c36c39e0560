/**
 * The machine on which processes run, and its clocks: a wall clock that people and NTP set, a monotonic one that does not
 * run while the machine is suspended, and the time since its start, which does.
 */
import type { MachineClocks } from '../batches/record/record.ts';
import type { Timeline } from './timeline.ts';

export interface Machine {
  /** Milliseconds since the epoch. */
  wall(): number;
  monotonic(): number;
  clocks(): MachineClocks;
  /** Calls back after so many milliseconds of monotonic time, and never while the machine is suspended. @returns cancels it */
  after(ms: number, happen: () => void): () => void;
  /** Calls back at once, or when the machine is awake again, before its timers. */
  deliver(happen: () => void): void;
  setWall(byMs: number): void;
  suspend(ms: number): void;
  /** Its uptime begins again. */
  restart(): void;
}

const startOfTime = Date.UTC(2026, 10, 21, 8);

export function createMachine(timeline: Timeline): Machine {
  let wallOffset = 0;
  let startedAt = -1;
  let suspendedMs = 0;
  let sleepingUntil = 0;
  let fellAsleepAt = 0;
  const isAsleep = (): boolean => timeline.elapsed() < sleepingUntil;
  const monotonic = (): number =>
    (isAsleep() ? fellAsleepAt : timeline.elapsed()) - (isAsleep() ? suspendedMs - (sleepingUntil - fellAsleepAt) : suspendedMs);
  const wall = (): number => startOfTime + timeline.elapsed() + wallOffset;

  const after = (ms: number, happen: () => void): (() => void) => {
    const due = monotonic() + Math.max(0, ms);
    let cancel = (): void => undefined;
    const wait = (): void => {
      const asleepMs = Math.max(0, sleepingUntil - timeline.elapsed());
      const leftMs = due - monotonic();
      if (asleepMs === 0 && leftMs <= 0.001) happen();
      else cancel = timeline.plan(asleepMs + Math.max(0, leftMs), wait);
    };
    cancel = timeline.plan(Math.max(0, ms), wait);
    return () => cancel();
  };
  return {
    wall,
    monotonic,
    clocks: () => ({ wallAt: wall(), uptimeMs: timeline.elapsed() - startedAt }),
    after,
    deliver(happen) {
      if (isAsleep()) timeline.plan(sleepingUntil - timeline.elapsed(), happen);
      else happen();
    },
    setWall: (byMs) => void (wallOffset += byMs),
    suspend(ms) {
      if (isAsleep()) return;
      fellAsleepAt = timeline.elapsed();
      sleepingUntil = fellAsleepAt + ms;
      suspendedMs += ms;
    },
    restart: () => void (startedAt = timeline.elapsed() - 1),
  };
}
