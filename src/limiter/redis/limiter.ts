/** Permits that all instances share through Redis. */
import type { ScriptRunner } from '../../redis/by-key-scripts.ts';
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Limiter } from '../../../batches/ports/limiter.ts';
import type { Random } from '../../../batches/ports/random.ts';
import { checkRate } from '../local.ts';
import { createGcraLimiter } from './gcra-limiter.ts';
import { createOutage } from './outage.ts';
import { createUnlimitedLimiter } from './unlimited-limiter.ts';

/**
 * @property redis its commands must reject rather than wait when Redis is away, and never be sent twice:
 *   `maxRetriesPerRequest: 0, enableOfflineQueue: false, autoResendUnfulfilledCommands: false, commandTimeout`
 * @property prefix begins the key, which is `<prefix>:{limiter}:<name>`
 * @property name instances with the same prefix and name share their permits
 * @property rate permits a second of all instances together, a decimal number above zero. Should they be started
 *   with different ones, each takes its permits at its own
 * @property clock for sleeping. At rates below 200, which have no burst, sleeps should end on time to a fraction of a
 *   millisecond
 * @property now milliseconds with fractions, never set back or forward
 * @property onTrouble called once when Redis stops answering, and again only after it answered
 */
export interface RedisLimiterOptions {
  readonly redis: ScriptRunner;
  readonly prefix: string;
  readonly name: string;
  readonly rate: number | 'unlimited';
  readonly clock: Pick<Clock, 'sleep'>;
  readonly now: () => number;
  readonly random: Random;
  readonly onTrouble: (trouble: Error) => void;
}

/**
 * While Redis is away no permit passes; callers go on waiting until Redis answers or their signal is aborted.
 *
 * @throws RangeError for a rate that is not above zero
 */
export function createRedisLimiter(options: RedisLimiterOptions): Limiter {
  checkRate(options.rate);
  const { redis, prefix, name, rate, clock, now, random, onTrouble } = options;
  const outage = createOutage({ redis, name, random, onTrouble });
  const shared = { redis, key: `${prefix}:{limiter}:${name}`, clock, now, outage };
  return rate === 'unlimited' ? createUnlimitedLimiter(shared) : createGcraLimiter({ ...shared, rate, random });
}
