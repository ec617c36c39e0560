/** A clock that stands until it is moved; alarms ring in the order of their times. */
import type { Clock } from '../../sandbox/server.ts';

export interface ManualClock extends Clock {
  advance(ms: number): void;
  /** How long until the next alarm, or undefined when none is set. */
  nextAlarmInMs(): number | undefined;
}

export function createManualClock(startMs = Date.UTC(2026, 10, 21, 8)): ManualClock {
  let nowMs = startMs;
  const alarms = new Set<{ readonly atMs: number; readonly ring: () => void }>();
  const next = () => [...alarms].sort((a, b) => a.atMs - b.atMs)[0];
  return {
    nowMs: () => nowMs,
    setAlarm(delayMs, ring) {
      const alarm = { atMs: nowMs + delayMs, ring };
      alarms.add(alarm);
      return () => void alarms.delete(alarm);
    },
    advance(ms) {
      const untilMs = nowMs + ms;
      for (let alarm = next(); alarm !== undefined && alarm.atMs <= untilMs; alarm = next()) {
        alarms.delete(alarm);
        nowMs = Math.max(nowMs, alarm.atMs);
        alarm.ring();
      }
      nowMs = untilMs;
    },
    nextAlarmInMs() {
      const alarm = next();
      return alarm && alarm.atMs - nowMs;
    },
  };
}
