import type { Clock } from '../ports/clock.ts';
import type { Reason } from '../record/record.ts';

/** Something that people may want to see while the pipeline works; nothing is decided by it. */
export interface Notice {
  readonly level: 'info' | 'warn';
  readonly message: string;
  readonly cause?: unknown;
}

export type OnNotice = (notice: Notice) => void;

export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** A wait that is known to be long. */
export interface Wait {
  readonly what: 'sends' | 'status checks';
  readonly reason: Reason;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
}

export interface WaitReporter {
  /** A wait of so many milliseconds has started. It is reported once, when it is long and none of its kind is under way. */
  started(wait: Omit<Wait, 'endsAt'> & { readonly ms: number }): void;
}

/** Shorter waits are not worth a line. */
const longWaitMs = 5_000;

export function createWaitReporter({
  clock,
  onWait,
}: {
  readonly clock: Pick<Clock, 'now'>;
  readonly onWait: (wait: Wait) => void;
}): WaitReporter {
  const ends = new Map<Wait['what'], number>();
  return {
    started({ what, reason, ms }) {
      const now = clock.now();
      if (ms <= longWaitMs || (ends.get(what) ?? 0) > now) return;
      ends.set(what, now + ms);
      onWait({ what, reason, endsAt: now + ms });
    },
  };
}
