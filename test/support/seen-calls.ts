/**
 * When calls came to a server in this process. A busy machine holds this process up, and calls are then seen late and
 * together; so it is noted all the while how long each turn of the event loop took.
 */

/** When a call was seen, and before when it cannot have come; milliseconds. */
export interface Call {
  readonly seen: number;
  readonly notBefore: number;
}

export interface Watch {
  /** Milliseconds since the epoch, in order. */
  readonly ticks: readonly number[];
  stop(): void;
}

const now = (): number => performance.timeOrigin + performance.now();

export function watchTurns(): Watch {
  const ticks = [now()];
  const ticking = setInterval(() => ticks.push(now()), 1);
  return { ticks, stop: () => clearInterval(ticking) };
}

/** @param at when they were seen, in order */
export function callsSeen(at: readonly number[], ticks: readonly number[]): Call[] {
  let tick = 0;
  return at.map((seen) => {
    while ((ticks[tick + 1] ?? Infinity) < seen) tick += 1;
    // What is seen in one turn of the event loop came after the turn before; making the connection may take another.
    return { seen, notBefore: ticks[Math.max(0, tick - 2)] ?? seen };
  });
}

/** The most calls that came within a second for sure, however late each was seen. */
export function mostInASecond(calls: readonly Call[]): number {
  let most = 0;
  for (let from = 0, to = 0; from < calls.length; from += 1) {
    while (to < calls.length && (calls[to]?.seen ?? 0) < (calls[from]?.notBefore ?? 0) + 1000) to += 1;
    most = Math.max(most, to - from);
  }
  return most;
}
