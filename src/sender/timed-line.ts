/** Work that starts in its window or not at all, in the order of the windows. */
import type { Clock } from '../../batches/ports/clock.ts';
import type { PermitWindow } from '../../batches/ports/limiter.ts';

export interface TimedWork {
  readonly window: PermitWindow;
  start(): void;
  /** Its window is over, or it was recalled. */
  drop(): void;
}

export interface TimedLine {
  add(work: TimedWork): void;
  /** Drops everything that has not started. */
  recall(): void;
  /** The first byte of some work left. */
  started(): void;
}

export function createTimedLine({ now, sleep }: { readonly now: () => number; readonly sleep: Clock['sleep'] }): TimedLine {
  const line: TimedWork[] = [];
  let startedAt = Number.NEGATIVE_INFINITY;
  let sleeping: AbortController | undefined;

  const serve = (): void => {
    for (let first = line[0]; first !== undefined; first = line[0]) {
      const moment = now();
      const begins = Math.max(first.window.from, startedAt + first.window.spacingMs);
      if (Math.max(begins, moment) > first.window.to) {
        line.shift();
        first.drop();
      } else if (moment >= begins) {
        line.shift();
        startedAt = moment;
        first.start();
      } else return wakeIn(begins - moment);
    }
  };

  const wakeIn = (ms: number): void => {
    sleeping?.abort();
    const controller = new AbortController();
    sleeping = controller;
    sleep(ms, controller.signal).then(
      () => {
        if (sleeping === controller) serve();
      },
      () => undefined,
    );
  };

  return {
    add(work) {
      const behind = line.findLastIndex(({ window }) => window.from <= work.window.from);
      line.splice(behind + 1, 0, work);
      // Only a change of the first one changes when to wake.
      if (behind === -1) serve();
    },
    recall() {
      sleeping?.abort();
      sleeping = undefined;
      for (const work of line.splice(0)) work.drop();
    },
    started: () => void (startedAt = now()),
  };
}
