/**
 * Places for what has an intent and no bytes out yet. As many as keep the wire busy at its rate while intents are
 * written, and no more: whatever stands here when the process is killed may have been sent, for all that is known.
 */
import pLimit from 'p-limit';
import type { SendQueue } from './send.ts';
import type { Clock } from '../ports/clock.ts';
import type { Limiter } from '../ports/limiter.ts';

/** A tenth of a second: several times what an intent takes to be written and a body to be signed. */
const aheadSeconds = 0.1;
/** A closed line is looked at again after so long. */
const longestPauseMs = 60_000;

/** @param rate sends a second. Below one there is all the time between two of them to make the next intent */
export const capacityFor = (rate: number | 'unlimited'): number =>
  rate === 'unlimited' ? Number.POSITIVE_INFINITY : rate < 1 ? 1 : 1 + Math.ceil(rate * aheadSeconds);

/** @param params.closedForMs of the limiter behind it: what could not leave is not let in */
export function createSendQueue(params: {
  readonly capacity: number;
  readonly closedForMs: Limiter['closedForMs'];
  readonly clock: Pick<Clock, 'sleep'>;
}): SendQueue {
  const { capacity: places, closedForMs, clock } = params;
  const limit = pLimit(places);
  const take = (): Promise<() => void> => new Promise((taken) => void limit(() => new Promise<void>((leave) => taken(leave))));

  return {
    async acquire(signal) {
      for (;;) {
        signal.throwIfAborted();
        const leave = await take();
        const waitMs = closedForMs();
        if (waitMs <= 0 && !signal.aborted) return leave;
        // Who waits, or stopped while waiting, makes room for the next one.
        leave();
        signal.throwIfAborted();
        await clock.sleep(Math.min(waitMs, longestPauseMs), signal);
      }
    },
  };
}
