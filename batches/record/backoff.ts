/** When to try again: pure functions of how often it was tried, with jitter so that many do not return together. */
import type { Random } from '../ports/random.ts';

const minuteMs = 60_000;

const jittered = (ms: number, random: Random): number => Math.round(ms * (0.75 + random() / 2));

/** Before the next look at a session: grows by half each time, to ten minutes. */
export const statusCheckPauseMs = (firstMs: number, checks: number, random: Random): number =>
  jittered(Math.min(firstMs * 1.5 ** Math.min(checks, 40), 10 * minuteMs), random);

/** Before an open send is repeated, after `sends` sends: from one second, doubling, to five minutes. */
export const resendPauseMs = (sends: number, random: Random): number =>
  jittered(Math.min(1000 * 2 ** Math.min(Math.max(sends - 1, 0), 20), 5 * minuteMs), random);

/** Before a send that surely did not arrive is tried again, after `tries` tries: from 200 ms, doubling, to 30 s. */
export const retryPauseMs = (tries: number, random: Random): number =>
  jittered(Math.min(200 * 2 ** Math.min(Math.max(tries - 1, 0), 20), minuteMs / 2), random);
