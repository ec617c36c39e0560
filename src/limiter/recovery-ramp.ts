/**
 * How a rate gives way when the gateway says too many: it falls to half at once, then climbs back in a straight line.
 * `redis-climb.lua` says the same for all instances.
 */

/** From a fall back to the configured rate. */
const rampMs = 60_000;
/** However many calls were refused together, it is one fall. */
export const betweenDropsMs = 1_000;
/** Never below this share of the configured rate. */
const lowestShare = 0.01;

/** @property low permits a second right after the fall */
export interface RateDrop {
  readonly low: number;
}

/** Permits a second, `elapsedMs` after the fall. */
export const rampedRate = (configured: number, { low }: RateDrop, elapsedMs: number): number =>
  elapsedMs >= rampMs ? configured : Math.min(low + ((configured - low) * Math.max(elapsedMs, 0)) / rampMs, configured);

export const rateDropFrom = (configured: number, current: number): RateDrop => ({ low: Math.max(current / 2, configured * lowestShare) });
