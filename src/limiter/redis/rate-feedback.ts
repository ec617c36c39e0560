/** What this instance learnt from the gateway and all others must know: sent to Redis until Redis has it. */
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Outage } from './outage.ts';

export interface RateFeedback {
  /** Closed until this moment of the local monotonic clock, in milliseconds. */
  closeUntil(moment: number): void;
  slowDown(): void;
}

export function createRateFeedback(params: {
  pushBack: (ms: number) => Promise<void>;
  slowDown: () => Promise<void>;
  clock: Pick<Clock, 'sleep'>;
  now: () => number;
  outage: Outage;
}): RateFeedback {
  const { pushBack, slowDown, clock, now, outage } = params;
  let closeUntil: number | undefined;
  let slow = false;
  let sending = false;

  const sendOnce = async (): Promise<void> => {
    if (closeUntil !== undefined) {
      const moment = closeUntil;
      if (moment > now()) {
        await pushBack(moment - now());
        outage.answered();
      }
      if (closeUntil === moment) closeUntil = undefined;
    }
    if (slow) {
      await slowDown();
      outage.answered();
      slow = false;
    }
  };

  const deliver = async (): Promise<void> => {
    if (sending) return;
    sending = true;
    while (closeUntil !== undefined || slow) {
      try {
        await sendOnce();
      } catch (cause) {
        outage.failed(cause);
        if (outage.ended()) break;
        await clock.sleep(outage.pauseMs());
      }
    }
    sending = false;
  };

  return {
    closeUntil(moment) {
      closeUntil = Math.max(closeUntil ?? moment, moment);
      void deliver();
    },
    slowDown() {
      slow = true;
      void deliver();
    },
  };
}
