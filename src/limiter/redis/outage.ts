/** Notices that Redis does not answer, and reports it once until it answers again. */
import type { ScriptRunner } from '../../redis/by-key-scripts.ts';
import type { Random } from '../../../batches/ports/random.ts';

export interface Outage {
  /** A command was rejected: what it did is unknown. */
  failed(cause: unknown): void;
  answered(): void;
  /** Until it is asked again. */
  pauseMs(): number;
  /** The connection was closed for good by its owner. */
  ended(): boolean;
}

export function createOutage(params: { redis: ScriptRunner; name: string; random: Random; onTrouble: (trouble: Error) => void }): Outage {
  const { redis, name, random, onTrouble } = params;
  let reported = false;
  return {
    failed(cause) {
      if (reported) return;
      reported = true;
      // Host and port only: a URL may hold a password.
      const { host, port, path } = redis.options;
      const why = cause instanceof Error ? cause.message : String(cause);
      onTrouble(
        new Error(
          `The rate limiter "${name}" gets no answer from Redis at ${path ?? `${host}:${port}`} (${why}). ` +
            'Nothing is sent until it answers again; check that Redis is running and can be reached.',
          { cause },
        ),
      );
    },
    answered() {
      reported = false;
    },
    pauseMs: () => 150 + 100 * random(),
    ended: () => redis.status === 'end',
  };
}
