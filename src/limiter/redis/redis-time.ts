/**
 * Redis TIME read from the local monotonic clock, without asking. Every answer proves two bounds of the distance
 * between the two clocks: the server's time was read after the question left and before the answer was here. The
 * narrowest bounds are kept, and widened again as the clocks may drift apart.
 */

/** Far more than two clocks drift apart (0.5 ms a second), and what NTP may slew. */
const driftPerMs = 0.0005;
/** TIME is cut off to microseconds. */
const resolutionMs = 0.001;

export interface ServerTime {
  /** False when the answer contradicts what was known: one of the clocks was set. */
  note(answer: { sentAt: number; receivedAt: number; serverMs: number }): boolean;
  /**
   * The part of a slot of server time that has surely started and is surely not over, as local times. On a round trip that
   * takes more than half of the slot's length there is no such part: then the middle is taken, as if both directions
   * took the same time.
   */
  within(slot: { beginsMs: number; lifeMs: number }, now: number): { readonly from: number; readonly to: number };
}

export function createServerTime(): ServerTime {
  // server = local + distance, least <= distance <= most
  let least = Number.NEGATIVE_INFINITY;
  let most = Number.POSITIVE_INFINITY;
  let notedAt = 0;

  const bounds = (now: number): { least: number; most: number } => {
    const drift = Math.max(now - notedAt, 0) * driftPerMs;
    return { least: least - drift, most: most + drift };
  };

  return {
    note({ sentAt, receivedAt, serverMs }) {
      const known = bounds(receivedAt);
      const found = { least: serverMs - receivedAt, most: serverMs + resolutionMs - sentAt };
      const steady = found.least <= known.most && found.most >= known.least;
      least = steady ? Math.max(known.least, found.least) : found.least;
      most = steady ? Math.min(known.most, found.most) : found.most;
      notedAt = receivedAt;
      return steady;
    },
    within({ beginsMs, lifeMs }, now) {
      const known = bounds(now);
      const excess = Math.max(known.most - known.least - lifeMs / 2, 0) / 2;
      return { from: beginsMs - known.least - excess, to: beginsMs + lifeMs - known.most + excess };
    },
  };
}
