/** The clock of all tests: time moves only when the test moves it. Serves the clock port and the sandbox's clock. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Clock as SandboxClock } from '../../sandbox/clock.ts';

/** A wake-up at a moment of `elapsed` time, which a change of the wall clock does not move. */
interface Alarm {
  readonly at: number;
  readonly ring: () => void;
}

export interface VirtualClock extends Clock, SandboxClock {
  /** Moves time forward. Each alarm rings at its own moment, and what it started runs before the next one rings. */
  pass(ms: number): Promise<void>;
  /** As `pass`, from one alarm to the next, until `done` holds or no alarm is set. */
  passUntil(done: () => boolean): Promise<void>;
  /** As `pass`, without a turn of the event loop: for alarms that act synchronously. */
  advance(ms: number): void;
  /** Sets the wall clock as an operator or NTP does; no alarm rings. */
  jump(ms: number): void;
  /** How many sleepers and alarms wait. */
  readonly sleepers: () => number;
  /** Milliseconds until the next alarm; undefined when none is set. */
  readonly nextAlarmInMs: () => number | undefined;
}

/** Alarms in the order of their moments, and the time that they move. */
function createTimeline(start: number) {
  let now = start;
  let elapsed = 0;
  const alarms = new Set<Alarm>();
  const next = (): Alarm | undefined => [...alarms].toSorted((one, other) => one.at - other.at)[0];
  const moveTo = (moment: number): void => {
    const ms = Math.max(moment - elapsed, 0);
    now += ms;
    elapsed += ms;
  };
  return {
    now: () => now,
    elapsed: () => elapsed,
    size: () => alarms.size,
    next,
    moveTo,
    jump(ms: number): void {
      now += ms;
    },
    set(delayMs: number, ring: () => void): () => void {
      const alarm = { at: elapsed + Math.max(delayMs, 0), ring };
      alarms.add(alarm);
      return () => void alarms.delete(alarm);
    },
    /** Rings the next alarm at its moment, unless it is later than `end`. Returns false when none rang. */
    ringNext(end: number): boolean {
      const alarm = next();
      if (alarm === undefined || alarm.at > end) return false;
      moveTo(alarm.at);
      alarms.delete(alarm);
      alarm.ring();
      return true;
    },
  };
}

/**
 * @param start milliseconds since the epoch
 * @param early how many milliseconds too early the next sleep ends, as real timers may
 */
export function createVirtualClock(start = Date.UTC(2026, 10, 21, 8), early: () => number = () => 0): VirtualClock {
  const timeline = createTimeline(start);
  return {
    now: timeline.now,
    nowMs: timeline.now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const cancel = timeline.set(ms - early(), () => {
          signal?.removeEventListener('abort', stop);
          resolve();
        });
        const stop = (): void => {
          cancel();
          reject(signal?.reason as Error);
        };
        signal?.addEventListener('abort', stop, { once: true });
      }),
    setAlarm: timeline.set,
    async pass(ms) {
      await turn();
      const end = timeline.elapsed() + ms;
      while (timeline.ringNext(end)) await turn();
      timeline.moveTo(end);
      await turn();
    },
    async passUntil(done) {
      await turn();
      while (!done() && timeline.ringNext(Number.POSITIVE_INFINITY)) await turn();
    },
    advance(ms) {
      const end = timeline.elapsed() + ms;
      while (timeline.ringNext(end));
      timeline.moveTo(end);
    },
    jump: timeline.jump,
    sleepers: timeline.size,
    nextAlarmInMs() {
      const alarm = timeline.next();
      return alarm && alarm.at - timeline.elapsed();
    },
  };
}
