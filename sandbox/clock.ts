/** Time for the sandbox; replaceable, so that four hours can pass in a test. */

/**
 * @property nowMs milliseconds since the epoch with a fraction, monotonic
 * @property setAlarm calls `ring` once, `delayMs` from now or a little later; returns a function that cancels the alarm
 */
export interface Clock {
  nowMs(): number;
  setAlarm(delayMs: number, ring: () => void): () => void;
}

/** Longer delays overflow Node's timers; the callee of an early alarm reads the clock again. */
const longestTimerMs = 2_147_483_647;

/** The machine's clock, monotonic and finer than a millisecond. */
export const systemClock: Clock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  setAlarm(delayMs, ring) {
    const timer = setTimeout(ring, Math.min(Math.max(0, Math.ceil(delayMs)), longestTimerMs));
    return () => clearTimeout(timer);
  },
};

/** RFC 3339 with microseconds, as in the gateway's samples: `2024-05-27T02:03:00.000000Z`. */
export function timestamp(atMs: number): string {
  const micros = Math.floor((atMs - Math.floor(atMs)) * 1000);
  return `${new Date(Math.floor(atMs)).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}
