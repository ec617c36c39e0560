/** What this instance learnt from the gateway and all others must know: told to Redis until Redis took it. */
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
  let telling = false;

  const tellOnce = async (): Promise<void> => {
    if (closeUntil !== undefined) {
      const told = closeUntil;
      if (told > now()) {
        await pushBack(told - now());
        outage.answered();
      }
      if (closeUntil === told) closeUntil = undefined;
    }
    if (slow) {
      await slowDown();
      outage.answered();
      slow = false;
    }
  };

  const tell = async (): Promise<void> => {
    if (telling) return;
    telling = true;
    while (closeUntil !== undefined || slow) {
      try {
        await tellOnce();
      } catch (cause) {
        outage.failed(cause);
        if (outage.ended()) break;
        await clock.sleep(outage.pauseMs());
      }
    }
    telling = false;
  };

  return {
    closeUntil(moment) {
      closeUntil = Math.max(closeUntil ?? moment, moment);
      void tell();
    },
    slowDown() {
      slow = true;
      void tell();
    },
  };
}
