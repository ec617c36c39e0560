/** How far ahead slots are reserved: as long as Redis takes to answer, and not much longer. */

/** No slot is reserved further ahead, however slow Redis is. */
export const mostAheadMs = 30;
/** A timer ends a little late, and the slot still has to be seen before it begins. */
const spareMs = 2;
const leastAheadMs = 4;
/** As TCP estimates a round trip (RFC 6298): mean and mean deviation, of which four cover all but always. */
const weightOfMean = 1 / 8;
const weightOfDeviation = 1 / 4;
const deviations = 4;

export interface TripTime {
  note(tripMs: number): void;
  /**
   * A slot that is reserved long before it begins is lost when its instance then pauses, for a garbage collection or
   * because another program has the core. One that is still free goes to an instance that is awake.
   */
  aheadMs(): number;
}

export function createTripTime(): TripTime {
  let mean: number | undefined;
  let deviation = 0;
  return {
    note(tripMs) {
      if (mean === undefined) {
        mean = tripMs;
        deviation = tripMs / 2;
        return;
      }
      deviation += weightOfDeviation * (Math.abs(tripMs - mean) - deviation);
      mean += weightOfMean * (tripMs - mean);
    },
    aheadMs: () =>
      mean === undefined ? mostAheadMs : Math.min(Math.max(mean + deviations * deviation + spareMs, leastAheadMs), mostAheadMs),
  };
}
