/** Time for the sandbox: one that can be replaced, so that four hours can pass in a test. */

/**
 * @property nowMs milliseconds since the epoch with a fraction, never going back
 * @property setAlarm calls `ring` once, `delayMs` from now or a little later; answers a function that takes the alarm back
 */
export interface Clock {
  nowMs(): number;
  setAlarm(delayMs: number, ring: () => void): () => void;
}

/** Longer delays overflow Node's timers; whoever is rung early looks at the clock again. */
const longestTimerMs = 2_147_483_647;

/** The machine's clock, read so that it is monotone and finer than a millisecond. */
export const systemClock: Clock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  setAlarm(delayMs, ring) {
    const timer = setTimeout(ring, Math.min(Math.max(0, Math.ceil(delayMs)), longestTimerMs));
    return () => clearTimeout(timer);
  },
};

/** RFC 3339 with microseconds, as the gateway's samples have it: `2024-05-27T02:03:00.000000Z`. */
export function timestamp(atMs: number): string {
  const micros = Math.floor((atMs - Math.floor(atMs)) * 1000);
  return `${new Date(Math.floor(atMs)).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}
