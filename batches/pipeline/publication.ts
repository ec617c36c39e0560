/** What is to be on the results topic, or in the results file, before a call that moves money leaves. */
import type { Clock } from '../ports/clock.ts';
import type { OutboxRelay } from './outbox-relay.ts';

export interface Publication {
  /**
   * Resolves when the results that were decided before this call are published: true. False when that takes too long, when
   * it failed, or when the run is stopping.
   */
  complete(signal: AbortSignal): Promise<boolean>;
  /** How often a call had to wait, since there was something to publish. */
  readonly waits: () => number;
}

/** Many times what publishing takes. The record of a call that waits longer is looked at again later. */
const withinMs = 5_000;

/**
 * Of results that this process decided, or took over: another instance publishes its own. While nothing gets through, only
 * the first call waits, so that status checks of other records go on.
 *
 * @param clock one that is never set
 */
export function createPublication({
  publisher,
  clock,
}: {
  readonly publisher: Pick<OutboxRelay, 'isIdle' | 'published'>;
  readonly clock: Pick<Clock, 'sleep'>;
}): Publication {
  let waits = 0;
  let isHeldUp = false;
  const published = async (): Promise<boolean> => {
    try {
      await publisher.published();
      isHeldUp = false;
      return true;
    } catch {
      return false;
    }
  };
  return {
    waits: () => waits,
    async complete(signal) {
      if (publisher.isIdle()) return true;
      if (isHeldUp) return false;
      waits += 1;
      const over = new AbortController();
      try {
        return await Promise.race([
          published(),
          clock.sleep(withinMs, AbortSignal.any([signal, over.signal])).then(
            () => {
              isHeldUp = true;
              return false;
            },
            () => false,
          ),
        ]);
      } finally {
        over.abort(new Error('published'));
      }
    },
  };
}
