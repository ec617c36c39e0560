/**
 * The true time of a simulated world, and everything that is to happen in it. Nothing waits for real: the next event is
 * always the next one in time.
 */
/** Lets every promise that is ready go on. Cheaper than the one of `node:timers/promises`, and called for every event. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

interface Event {
  at: number;
  /** Events of one moment happen in the order in which they were planned. */
  readonly order: number;
  readonly happen: () => void;
}

export interface Timeline {
  /** Milliseconds since the beginning of the world. */
  readonly elapsed: () => number;
  /** @returns cancels it */
  plan(delayMs: number, happen: () => void): () => void;
  /** Moves from event to event until `done` holds or it is `untilMs`. Returns whether `done` holds. */
  run(done: () => boolean, untilMs: number): Promise<boolean>;
}

export function createTimeline(): Timeline {
  const events: Event[] = [];
  let now = 0;
  let planned = 0;
  const isEarlier = (one: Event, other: Event): boolean => one.at < other.at || (one.at === other.at && one.order < other.order);
  return {
    elapsed: () => now,
    plan(delayMs, happen) {
      const event: Event = { at: now + Math.max(0, delayMs), order: (planned += 1), happen };
      let index = events.length;
      while (index > 0) {
        const before = events[index - 1];
        if (before === undefined || isEarlier(event, before)) break;
        index -= 1;
      }
      events.splice(index, 0, event);
      return () => {
        const at = events.indexOf(event);
        if (at >= 0) events.splice(at, 1);
      };
    },
    async run(done, untilMs) {
      await turn();
      while (!done()) {
        const event = events.at(-1);
        if (event === undefined || event.at > untilMs) {
          now = Math.max(now, untilMs);
          return false;
        }
        events.pop();
        now = event.at;
        event.happen();
        await turn();
      }
      return true;
    },
  };
}
