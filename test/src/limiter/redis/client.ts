/** Clients as the program makes them: commands reject when Redis is away, and are never sent twice. */
import { Redis } from 'ioredis';
import { redisUrl } from '../../../support/services.ts';

export async function connect(url = redisUrl()): Promise<Redis> {
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    commandTimeout: 500,
    retryStrategy: () => 100,
  });
  // What is wrong with a connection shows in its commands; without a listener it would be printed.
  redis.on('error', () => undefined);
  await redis.connect();
  return redis;
}
