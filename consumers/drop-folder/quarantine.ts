/** Files of a folder that cannot be taken now: told once, left alone for a while, then tried again. */
import type { Clock } from '../../batches/ports/clock.ts';

export interface Quarantine {
  /** Leaves the file alone for a while, and warns unless the same warning was given before. */
  put(name: string, warning: string): void;
  /** Is it to be left alone at this moment? */
  has(name: string): boolean;
  /** What is asked about by `has` between these two is still there; the rest is forgotten. */
  beginLook(): void;
  endLook(): void;
  count(): number;
}

interface Entry {
  readonly warning: string;
  readonly until: number;
  seenIn: number;
}

/** What is beyond that is neither told nor remembered, so that a folder full of rubbish does not fill log and memory. */
const maxRemembered = 10_000;

export function createQuarantine(params: {
  readonly clock: Clock;
  readonly pauseMs: number;
  readonly onWarning: (message: string) => void;
}): Quarantine {
  const { clock, pauseMs, onWarning } = params;
  const files = new Map<string, Entry>();
  let look = 0;
  return {
    put(name, warning) {
      const before = files.get(name);
      if (before === undefined && files.size >= maxRemembered) return;
      files.set(name, { warning, until: clock.now() + pauseMs, seenIn: look });
      if (before?.warning !== warning) onWarning(warning);
    },
    has(name) {
      const entry = files.get(name);
      if (entry === undefined) return false;
      entry.seenIn = look;
      return entry.until > clock.now();
    },
    beginLook() {
      look += 1;
    },
    endLook() {
      for (const [name, { seenIn }] of files) if (seenIn < look) files.delete(name);
    },
    count: () => files.size,
  };
}
