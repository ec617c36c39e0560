/** Redis, Kafka and the gateway go away for 20 s, each in the middle of 2,000 records, and come back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { startBreakableProxy } from '../support/breakable-proxy.ts';
import { startKafka, startRedis, type KafkaCluster, type RedisServer } from '../support/local-servers.ts';
import { inCluster, once, quietPayments, until, type Cluster } from './cluster.ts';
import { csvOf, payouts } from '../support/builders.ts';
import { countsOf } from './world.ts';

const outageMs = 20_000;
const rows = 2_000;
const rate = { DISPATCH_RATE: '120', FOLLOW_INTERVAL_MS: '200', GATEWAY_TIMEOUT_MS: '15000' };

describe('an outage of 20 s in the middle of 2,000 records', () => {
  let kafka: KafkaCluster;
  let redis: RedisServer;
  beforeAll(async () => {
    [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
  });
  afterAll(async () => {
    await Promise.all([kafka.stop(), redis.stop()]);
  });
  const servers = () => ({ kafkaBrokers: kafka.brokers, redisUrl: redis.url });

  /** Two instances pay a file; `outage` happens when some of it is paid. */
  async function paying(cluster: Cluster, mayStayUnknown: number, outage: () => Promise<void>): Promise<void> {
    await Promise.all([cluster.serve(rate), cluster.serve(rate)]);
    const file = cluster.write('outage.csv', csvOf(payouts(rows)));
    const running = cluster.begin(['run', file, '--json', '--wait', '3m'], rate);
    await until('some to be paid', () => cluster.sandbox.payments().length > rows / 8);
    await outage();
    const { stdout, stderr } = await running.ended;
    const last = stdout.trim().split('\n').at(-1) ?? '';
    expect(last, stderr).toMatch(/^\{/);
    const summary = JSON.parse(last) as Parameters<typeof countsOf>[0];
    expect(summary.balanced).toBe(true);
    expect(summary.received.count).toBe(rows);
    const { succeeded = 0, unknown = 0, ...others } = countsOf(summary);
    expect({ total: succeeded + unknown, others }).toEqual({ total: rows, others: {} });
    let told: readonly ResultEvent[] = [];
    const open = () => told.filter(({ status }) => status === 'unknown').map(({ record_id: id }) => id);
    const final = () => told.filter((result) => result.final).map(({ record_id: id }) => id);
    // What the ledger knows is published soon after.
    await until('everything to be told', async () => {
      told = once(await cluster.results());
      return final().length >= succeeded && open().length >= unknown;
    });
    expect(final()).toHaveLength(succeeded);
    expect(new Set(final()).size).toBe(succeeded);
    for (const { error, status } of told) if (status === 'unknown') expect(error?.description).toBeTruthy();
    const paid = cluster.sandbox.payments().map((payment) => payment.record_id);
    expect(new Set(paid).size).toBe(paid.length);
    expect(paid.length).toBe(rows);
    expect(unknown).toBeLessThanOrEqual(mayStayUnknown);
  }

  it('of Redis stops sending; no record is paid twice, and every record in the end', async () => {
    await inCluster(servers(), {}, (cluster) =>
      paying(cluster, 0, async () => {
        await redis.stop('SIGKILL');
        const before = await quietPayments(cluster);
        await sleep(outageMs);
        expect(cluster.sandbox.payments().length).toBe(before);
        await redis.restart();
      }),
    );
  });

  it('of Kafka delays results, and none is lost', async () => {
    await inCluster(servers(), {}, (cluster) =>
      paying(cluster, 0, async () => {
        const [node] = kafka.nodes;
        await node?.stop('SIGKILL');
        await sleep(outageMs);
        await node?.start();
      }),
    );
  });

  it('of the gateway ends no record as failed', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      const proxy = await startBreakableProxy(cluster.sandbox.url);
      try {
        cluster.env['GATEWAY_URL'] = proxy.url;
        // What had arrived when the way broke, while its answer had not: the gateway only says that it knows the key.
        await paying(cluster, 64, async () => {
          await proxy.break();
          await sleep(outageMs);
          await proxy.restore();
        });
      } finally {
        await proxy.break();
      }
    });
  });
});
