/**
 * Places for what has an intent and no bytes out yet. As many as keep the wire busy at its rate while intents are
 * written, and no more: whatever stands here when the process is killed may have been sent, for all that is known.
 */
import pLimit from 'p-limit';
import type { Line } from '../batches/dispatch.ts';
import type { Clock } from '../batches/ports.ts';

/** A tenth of a second: several times what an intent takes to be written and a body to be signed. */
const aheadSeconds = 0.1;

/** @param rate sends a second. Below one there is all the time between two of them to make the next intent */
export const placesAt = (rate: number | 'unlimited'): number =>
  rate === 'unlimited' ? Number.POSITIVE_INFINITY : rate < 1 ? 1 : 1 + Math.ceil(rate * aheadSeconds);

export function createLine({ places, clock }: { readonly places: number; readonly clock: Clock }): Line {
  const limit = pLimit(places);
  let closedUntil = Number.NEGATIVE_INFINITY;
  const take = (): Promise<() => void> => new Promise((taken) => void limit(() => new Promise<void>((leave) => taken(leave))));

  return {
    async enter(signal) {
      for (;;) {
        signal.throwIfAborted();
        const leave = await take();
        // Who stopped while waiting makes room for the next one.
        if (signal.aborted) leave();
        signal.throwIfAborted();
        const waitMs = closedUntil - clock.now();
        if (waitMs <= 0) return leave;
        leave();
        await clock.sleep(waitMs, signal);
      }
    },
    pushBack(ms) {
      closedUntil = Math.max(closedUntil, clock.now() + ms);
    },
  };
}
