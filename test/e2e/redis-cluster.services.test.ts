/** The distributed profile with its ledger on a Redis Cluster: an instance is killed, and so is a master. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Summary } from '../../batches/record/summary.ts';
import { createKeyNames } from '../../src/ledger/redis/key-names.ts';
import { payoutEvent } from '../support/builders.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { kafkaBrokers } from '../support/services.ts';
import { inCluster, until } from './cluster.ts';
import { countsOf } from './world.ts';

const records = 160;

it('an instance and a master of the Redis Cluster that are killed lose no record of a ledger with 64 shards, and pay none twice', async () => {
  const redis = await startRedisCluster({ masters: 3 });
  try {
    await inCluster({ kafkaBrokers: kafkaBrokers(), redisUrl: redis.url }, { settleMs: 50 }, async (cluster) => {
      const env = { DISPATCH_RATE: '60', GATEWAY_TIMEOUT_MS: '5000', GATEWAY_KEY_LIFETIME: '12h', LEDGER_SHARDS: '64' };
      const [first, second] = await Promise.all([cluster.serve(env), cluster.serve(env)]);
      await cluster.produce(Array.from({ length: records }, (_, n) => payoutEvent(`o-${n}`, 1000 + n)));
      await until('some to be paid', () => cluster.sandbox.payments().length > 40);
      // Not the one that holds the key of the rate: the other records go on.
      const rate = await redis.holder(`${cluster.prefix}:{limiter}:dispatch`);
      const { shardOf, ...names } = createKeyNames(cluster.prefix, 64);
      const held = await Promise.all(redis.nodes.map((node) => node.admin((client) => client.keys(`${cluster.prefix}:*:meta`))));
      expect(held.flat()).toHaveLength(64);
      for (const keys of held) expect(keys).not.toEqual([]);
      const holders = await Promise.all(Array.from({ length: records }, (_, n) => redis.holder(names.meta(shardOf(`o-${n}`)))));
      const dead = holders.find(({ port }) => port !== rate.port) ?? rate;
      await dead.stop('SIGKILL');
      first.kill('SIGKILL');
      await sleep(1_500);
      await until('the other instance to say it', () => second.stderr().includes(`Redis at ${dead.url} is lost`));
      await dead.restart();
      let counts: ReturnType<typeof countsOf> = {};
      await until(
        () => `all to be at their end: ${JSON.stringify(counts)}`,
        async () => {
          const { stdout } = await cluster.command(['status', '--json']);
          counts = countsOf(JSON.parse(stdout) as Summary);
          // What had arrived when the instance died stays open: the gateway only says that it knows the key.
          return (counts['succeeded'] ?? 0) + (counts['unknown'] ?? 0) === records;
        },
      );
      const { stdout } = await cluster.command(['status', '--json', '--verify']);
      expect(JSON.parse(stdout)).toMatchObject({ balanced: true, received: { count: records } });
      const paid = cluster.sandbox.payments().map((payment) => payment.record_id);
      expect({ all: paid.length, ids: new Set(paid).size }).toEqual({ all: records, ids: records });
      expect(second.child.exitCode).toBeNull();
    });
  } finally {
    await redis.stop();
  }
});
