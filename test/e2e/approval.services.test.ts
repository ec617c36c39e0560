/** Files that wait for a second person, and the limit of a day, with several instances on one ledger. */
import { describe, expect, it } from 'vitest';
import { csvOf, payoutEvent as event, row } from '../support/builders.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, until, type Cluster } from './cluster.ts';
import { sha256Of } from './world.ts';

const servers = () => ({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() });
const tenEach = (count: number): string => csvOf(Array.from({ length: count }, (_, index) => row(`p-${index + 1}`, { amount: '10.00' })));

const done = async (cluster: Cluster, args: readonly string[]): Promise<Record<string, unknown>> => {
  const ended = await cluster.command([...args, '--json'], cluster.names);
  expect(ended.code, ended.stderr).toBe(0);
  return JSON.parse(ended.stdout) as Record<string, unknown>;
};

const paid = ({ sandbox }: Cluster): (string | null)[] => sandbox.payments().map(({ record_id: id }) => id);

describe('a file under APPROVAL=required', () => {
  it('waits in two instances, is sent by them once when another person approves it, and stays approved after a rebuild', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      const required = { APPROVAL: 'required' };
      const instances = [await cluster.serve(required), await cluster.serve(required)];
      const path = cluster.write('may.csv', tenEach(40));
      const ran = await cluster.run(path, ['--by', 'alice'], cluster.names);
      expect(ran.code, ran.stderr).toBe(2);
      expect(ran.summary).toMatchObject({ state: 'awaiting_approval', statuses: { queued: { count: 40 } } });
      expect(cluster.sandbox.payments()).toEqual([]);
      const expectation = ['--expect', 'EUR=400.00/40', '--reason', 'checked'];
      expect(await cluster.command(['approve', 'may.csv', ...expectation, '--by', 'alice'], cluster.names)).toMatchObject({ code: 2 });
      expect(await done(cluster, ['approve', 'may.csv', ...expectation, '--by', 'bob'])).toMatchObject({ outcome: 'done', records: 40 });
      await until('all to be paid', () => cluster.sandbox.payments().length >= 40);
      expect(new Set(paid(cluster)).size).toBe(40);

      for (const instance of instances) instance.kill('SIGTERM');
      for (const instance of instances) await instance.ended;
      await cluster.wipeRedis();
      const rebuilt = await cluster.command(['rebuild', '--yes', '--json'], { ...cluster.names, ...required });
      expect(rebuilt.code, rebuilt.stderr).toBe(0);
      const status = await done(cluster, ['status', sha256Of(tenEach(40))]);
      expect(status).toMatchObject({ approval: { state: 'approved' } });
      expect(await done(cluster, ['gates'])).toMatchObject({ approval: 'required' });
      expect(cluster.sandbox.payments()).toHaveLength(40);
    });
  });
});

describe('MAX_DAY_TOTAL', () => {
  it('with three instances is reached to the last record and not exceeded; raised, the rest is paid once', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      const limits = { MAX_DAY_TOTAL: 'EUR=500.00' };
      await Promise.all([cluster.serve(limits), cluster.serve(limits), cluster.serve(limits)]);
      await cluster.produce(Array.from({ length: 80 }, (_, n) => event(`p-${n}`, 1000)));
      await until(
        'the rest to wait',
        async () => (await cluster.results()).filter(({ error }) => error?.code === 'day_total_reached').length >= 30,
      );
      await until('50 to be paid', () => cluster.sandbox.payments().length >= 50);
      expect(cluster.sandbox.payments()).toHaveLength(50);
      await done(cluster, ['gates', 'loosen', '--day-total', 'EUR=800.00', '--reason', 'agreed', '--by', 'alice']);
      await until('all to be paid', () => cluster.sandbox.payments().length >= 80);
      expect(new Set(paid(cluster)).size).toBe(80);
    });
  });
});
