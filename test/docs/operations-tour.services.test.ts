/** The sections of the operator's tour that need Kafka and Redis, as they are written. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { inTemporaryFolder } from '../support/cli.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { blocksOfSection, onServers, runTour } from './page-tour.ts';

it.each(onServers)('%s: works as it is written', async (title) => {
  const prefix = `t${randomBytes(6).toString('hex')}`;
  // Other tests share the servers, so that only what is under this prefix is emptied.
  const unlink = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('UNLINK', key) end";
  const redis = new Redis(redisUrl());
  try {
    await inTemporaryFolder((folder) =>
      runTour(blocksOfSection(title), {
        folder,
        env: { KAFKA_TOPIC_PREFIX: prefix, KAFKA_GROUP: prefix, REDIS_PREFIX: prefix },
        replace: { '127.0.0.1:9092': kafkaBrokers(), 'redis://127.0.0.1:6379': redisUrl() },
        programs: {
          'redis-cli': async (args) => {
            expect(args).toBe('flushall');
            await redis.eval(unlink, 0, `${prefix}:*`);
          },
        },
      }),
    );
  } finally {
    redis.disconnect();
  }
});
