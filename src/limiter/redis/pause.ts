import type { Clock } from '../../../batches/ports/clock.ts';

export interface Pause {
  /** Waits for so long, or until `end`; a later pause replaces an earlier one. */
  sleep(ms: number): Promise<void>;
  end(): void;
}

export function createPause(clock: Pick<Clock, 'sleep'>): Pause {
  let pausing: AbortController | undefined;
  return {
    async sleep(ms) {
      const controller = new AbortController();
      pausing = controller;
      // Ended early when there is something to ask for, or nothing to ask for any more: not an error.
      await clock.sleep(ms, controller.signal).catch(() => undefined);
      if (pausing === controller) pausing = undefined;
    },
    end: () => pausing?.abort(),
  };
}
