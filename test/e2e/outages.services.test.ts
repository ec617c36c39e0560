/** Redis and Kafka go away in the middle of a file, and come back. The server that goes away is the case's own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startKafka, startRedis } from '../support/local-servers.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, quietPayments } from './cluster.ts';
import { outageMs, outageTimeoutMs, paying } from './outage.ts';

describe('an outage of 20 s in the middle of 2,000 records', { timeout: outageTimeoutMs }, () => {
  it('of Redis stops sending; no record is paid twice, and every record in the end', async () => {
    const redis = await startRedis();
    try {
      await inCluster({ kafkaBrokers: kafkaBrokers(), redisUrl: redis.url }, {}, (cluster) =>
        paying(cluster, 0, async () => {
          await redis.stop('SIGKILL');
          const before = await quietPayments(cluster);
          await sleep(outageMs);
          expect(cluster.sandbox.payments().length).toBe(before);
          await redis.restart();
        }),
      );
    } finally {
      await redis.stop('SIGKILL');
    }
  });

  it('of Kafka delays results, and none is lost', async () => {
    const kafka = await startKafka();
    try {
      await inCluster({ kafkaBrokers: kafka.brokers, redisUrl: redisUrl() }, {}, (cluster) =>
        paying(cluster, 0, async () => {
          const [node] = kafka.nodes;
          await node?.stop('SIGKILL');
          await sleep(outageMs);
          await node?.start();
        }),
      );
    } finally {
      await kafka.stop();
    }
  });
});
