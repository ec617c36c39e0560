/** Redis is lost, or comes back older, after an operator's command: what was decided holds after a rebuild. */
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { payoutEvent as event } from '../support/builders.ts';
import { startRedis } from '../support/local-servers.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { kafkaBrokers } from '../support/services.ts';
import { inCluster, until, type Cluster } from './cluster.ts';

const because = ['--reason', 'a person looked', '--by', 'alice'];
const env = { GATEWAY_KEY_LIFETIME: '12h' };

async function done(cluster: Cluster, args: readonly string[]): Promise<void> {
  const ended = await cluster.command(args, env);
  expect(ended.code, ended.stderr).toBe(0);
}

const initsOf = ({ sandbox }: Cluster, recordId: string): number =>
  sandbox.calls().filter(({ method, record_id: id }) => method.startsWith('session/init/') && id === recordId).length;

const statusesOf = async (cluster: Cluster, recordId: string): Promise<readonly string[]> =>
  (await cluster.results()).filter(({ record_id: id }) => id === recordId).map(({ status }) => status);

const data = ({ dir }: RedisServer): string =>
  // A folder since Redis 7, one file before.
  ['appendonlydir', 'appendonly.aof'].map((name) => join(dir, name)).find((path) => existsSync(path)) ?? '';

const rebuild = async (cluster: Cluster): Promise<void> => {
  let last = '';
  await until(
    () => `a rebuild: ${last}`,
    async () => {
      const ended = await cluster.command(['rebuild', '--yes'], env);
      last = ended.stderr;
      return ended.code === 0;
    },
  );
};

describe.concurrent.each(['flushed', 'an older copy'] as const)('after a Redis that is %s, and a rebuild', (loss) => {
  it('nothing that was resolved, cancelled, paused or retried is paid again', async () => {
    const redis = await startRedis();
    try {
      await inCluster({ kafkaBrokers: kafkaBrokers(), redisUrl: redis.url }, { settleMs: 20 }, async (cluster) => {
        const setFaults = (query: string) => fetch(`${cluster.sandbox.url}/_sandbox/faults?${query}`, { method: 'POST' });
        const one = await cluster.serve(env);
        // retried: refused by the gateway. resolved: its session stays open, and the gateway does not show it.
        await setFaults('refuse=1');
        await cluster.produce([event('retried', 1000)]);
        await until('a refusal', async () => (await statusesOf(cluster, 'retried')).includes('failed'));
        await setFaults('refuse=0&lost-answer=1');
        await cluster.produce([event('resolved', 2000)]);
        await until(
          'an open send',
          async () => (await statusesOf(cluster, 'resolved')).filter((status) => status === 'unknown').length >= 2,
        );
        await setFaults('lost-answer=0');
        await done(cluster, ['pause', '--all', ...because]);
        await cluster.produce([event('cancelled', 3000), event('paused', 4000)]);
        await until(
          'two parked records',
          async () => (await cluster.results()).filter(({ error }) => error?.code === 'paused').length === 2,
        );

        const older = join(cluster.folder, 'older');
        cpSync(data(redis), older, { recursive: true });
        await done(cluster, ['resolve', 'resolved', '--as', 'failed', '--evidence', 'e', ...because]);
        await done(cluster, ['cancel', '--record', 'cancelled', ...because]);
        await done(cluster, ['retry', 'retried', ...because]);
        one.kill('SIGKILL');
        await one.ended;
        await redis.stop('SIGKILL');
        rmSync(data(redis), { recursive: true });
        if (loss === 'an older copy')
          cpSync(older, join(redis.dir, older.endsWith('.aof') ? 'appendonly.aof' : 'appendonlydir'), { recursive: true });
        await redis.restart();

        const before = cluster.sandbox.payments().length;
        await rebuild(cluster);
        const two = await cluster.serve(env);
        // Everything is paused until a person says otherwise.
        const listed = await cluster.command(['records', '--status', 'failed,cancelled,queued,unknown', '--json'], env);
        const found = Object.fromEntries(
          listed.stdout
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line) as { record_id: string; status: string })
            .map(({ record_id: id, status }) => [id, status]),
        );
        expect(found['resolved']).toBe('failed');
        expect(found['cancelled'] ?? 'cancelled').toBe('cancelled');
        expect(cluster.sandbox.payments()).toHaveLength(before);
        await done(cluster, ['resume', '--all', ...because]);
        // It comes behind everything that is sent again.
        await cluster.produce([event('after', 500)]);
        await until('a later record to be paid', async () => (await statusesOf(cluster, 'after')).includes('succeeded'));
        expect(initsOf(cluster, 'resolved')).toBe(2);
        expect(initsOf(cluster, 'cancelled')).toBe(0);
        expect(initsOf(cluster, 'paused')).toBeLessThanOrEqual(1);
        // A retry that a rebuild found is open, as if it was sent: it is paid at most once under the key of its attempt.
        const keys = cluster.sandbox.payments().filter(({ record_id: id }) => id === 'retried');
        expect(keys.length).toBeLessThanOrEqual(1);
        const paid = cluster.sandbox.payments().map(({ record_id: id }) => id);
        expect(new Set(paid).size).toBe(paid.length);
        two.kill('SIGTERM');
        await two.ended;
      });
    } finally {
      await redis.stop('SIGKILL');
    }
  });
});
