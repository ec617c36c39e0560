/** Redis comes back with an older copy of its data, and a file is handed over by a process that dies. */
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Summary } from '../../batches/record/summary.ts';
import { startRedis } from '../support/local-servers.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, quietPayments, until, untoldPayments } from './cluster.ts';
import { csvOf, payoutEvent, payouts } from '../support/builders.ts';
import { countsOf } from './world.ts';

it.concurrent('a Redis with an older copy of its data pays no record, and after rebuild none twice', async () => {
  const redis = await startRedis();
  try {
    await inCluster({ kafkaBrokers: kafkaBrokers(), redisUrl: redis.url }, { settleMs: 50 }, async (cluster) => {
      const env = { DISPATCH_RATE: '100', GATEWAY_TIMEOUT_MS: '5000', GATEWAY_KEY_LIFETIME: '12h' };
      const one = await cluster.serve(env);
      await cluster.produce(Array.from({ length: 300 }, (_, n) => payoutEvent(`o-${n}`, 1000 + n)));
      await until('some to be paid', () => cluster.sandbox.payments().length > 60);
      // A folder since Redis 7, one file before.
      const files = ['appendonlydir', 'appendonly.aof'].map((name) => join(redis.dir, name)).find((path) => existsSync(path)) ?? '';
      const copy = join(cluster.folder, 'older');
      cpSync(files, copy, { recursive: true });
      await until('more to be paid', () => cluster.sandbox.payments().length > 150);
      await redis.stop('SIGKILL');
      rmSync(files, { recursive: true });
      cpSync(copy, files, { recursive: true });
      await redis.restart();

      const ended = await one.ended;
      expect(ended.stderr).toContain('disburse rebuild');
      expect(ended.code).toBe(3);
      const before = await quietPayments(cluster);
      const untold = await untoldPayments(cluster);
      expect(untold).toBeLessThan(before);
      const refused = await cluster.command(['serve'], env);
      expect({ code: refused.code, told: refused.stderr.includes('disburse rebuild') }).toEqual({ code: 3, told: true });
      expect(cluster.sandbox.payments()).toHaveLength(before);

      expect((await cluster.command(['rebuild', '--yes'], env)).code).toBe(0);
      await cluster.serve(env);
      expect(await cluster.command(['resume', '--all'], env)).toMatchObject({ code: 0 });
      let found = {};
      const told = () => `all but ${untold} to be at their end: ${JSON.stringify(found)}`;
      await until(told, async () => {
        const { stdout } = await cluster.command(['status', '--json']);
        const summary = JSON.parse(stdout) as Summary;
        expect(summary).toMatchObject({ balanced: true, received: { count: 300 } });
        const { succeeded = 0, unknown = 0 } = (found = countsOf(summary));
        return succeeded + unknown === 300 && unknown <= untold;
      });
      const paid = cluster.sandbox.payments().map((payment) => payment.record_id);
      expect({ all: paid.length, ids: new Set(paid).size }).toEqual({ all: 300, ids: 300 });
    });
  } finally {
    await redis.stop('SIGKILL');
  }
});

it.concurrent('an enqueue that was killed continues where it stopped', async () => {
  await inCluster({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() }, {}, async (cluster) => {
    const rows = 24_000;
    const file = cluster.write('large.csv', csvOf(payouts(rows)));
    // In the middle for sure: it dies when it is about to write to the topic for the twentieth time.
    const killed = await cluster.command(['run', file, '--detach'], {
      NODE_OPTIONS: `--import ${join(import.meta.dirname, '..', 'scripts', 'kill-points', 'preload.script.ts')}`,
      KILL_AT: 'produce-before:20',
    });
    expect(killed.signal).toBe('SIGKILL');
    const published = await cluster.count('instructions');
    expect(published).toBeGreaterThan(500);
    expect(published).toBeLessThan(rows);
    expect((await cluster.command(['run', file, '--detach'])).code).toBe(0);
    const messages = await cluster.read('instructions');
    expect(new Set(messages.map(({ headers }) => headers['source_line'])).size).toBe(rows);
    // At most the block that was under way is there twice; it is the same occurrence and is paid once.
    expect(messages.length).toBeLessThan(rows + 2_000);
    expect((await cluster.command(['run', file, '--detach'])).code).toBe(0);
    expect(await cluster.count('instructions')).toBe(messages.length);
  });
});

it.concurrent('a file that was enqueued to another topic is enqueued again', async () => {
  await inCluster({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() }, {}, async (cluster) => {
    const other = { KAFKA_TOPIC_PREFIX: `${cluster.prefix}-other`, KAFKA_GROUP: `${cluster.prefix}-other` };
    expect((await cluster.command(['topics', '--partitions', '1'], other)).code).toBe(0);
    const file = cluster.write('lost.csv', csvOf(payouts(10)));
    expect((await cluster.command(['run', file, '--detach'], other)).code).toBe(0);
    await cluster.serve();
    const { code, summary } = await cluster.run(file);
    expect({ code, counts: countsOf(summary) }).toEqual({ code: 0, counts: { succeeded: 10 } });
    expect(await cluster.read('instructions')).toHaveLength(10);
  });
});
