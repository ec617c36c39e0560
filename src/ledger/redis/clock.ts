/** The time that all instances share: Redis TIME, so that no lease and no age of a key depends on a machine's own clock. */
import type { Clock } from '../../../batches/ports/clock.ts';
import { systemClock } from '../../clock.ts';
import type { RedisConnection } from '../../redis/connection.ts';

/** The clock, and an end of its asking. */
export interface RedisClock extends Clock {
  close(): void;
}

/** Crystals drift by some 50 millionths: in this time by a millisecond or two. */
const measureEveryMs = 30_000;
/** The best of several counts: the shorter the round trip, the more exact the time. */
const measuresAtOnce = 3;

/**
 * Measures how far Redis TIME is from `monotonic` when it is made, at every new connection and every 30 s. In between
 * and while Redis is away the monotonic clock goes on. Never runs backwards: it waits until it is overtaken.
 *
 * @param monotonic milliseconds, with fractions, never set back or forward
 */
export async function createRedisClock(params: {
  readonly connection: RedisConnection;
  readonly monotonic: Pick<Clock, 'now'>;
}): Promise<RedisClock> {
  const { connection, monotonic } = params;
  const { client } = connection;
  let offset = 0;
  let latest = 0;
  let measuring: Promise<void> | undefined;

  const measureOnce = async (): Promise<{ readonly offset: number; readonly tookMs: number }> => {
    const before = monotonic.now();
    const [seconds, microseconds] = await client.time();
    const after = monotonic.now();
    const time = Number(seconds) * 1000 + Number(microseconds) / 1000;
    return { offset: time - (before + after) / 2, tookMs: after - before };
  };
  const measureAll = async (): Promise<void> => {
    let best = await measureOnce();
    for (let count = 1; count < measuresAtOnce; count += 1) {
      const next = await measureOnce();
      if (next.tookMs < best.tookMs) best = next;
    }
    ({ offset } = best);
  };
  const measure = (): Promise<void> =>
    (measuring ??= measureAll().finally(() => {
      measuring = undefined;
    }));
  /** A measurement that fails leaves the last one in use; the next connection measures again. */
  const measureAgain = (): void => void measure().catch(() => undefined);

  await measure();
  const timer = setInterval(() => {
    if (client.status === 'ready') measureAgain();
  }, measureEveryMs);
  timer.unref();
  client.on('ready', measureAgain);

  return {
    now() {
      latest = Math.max(latest, Math.floor(monotonic.now() + offset));
      return latest;
    },
    sleep: systemClock.sleep,
    close() {
      clearInterval(timer);
      client.off('ready', measureAgain);
    },
  };
}
