/** Operators' commands in the distributed profile, with several instances that pay. */
import { describe, expect, it } from 'vitest';
import { payoutEvent as event } from '../support/builders.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { callsSeen, watchTurns } from '../support/seen-calls.ts';
import { inCluster, until, type Cluster } from './cluster.ts';

const servers = () => ({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() });
const because = ['--reason', 'a person looked', '--by', 'alice'];

const done = async (cluster: Cluster, args: readonly string[]): Promise<Record<string, unknown>> => {
  const ended = await cluster.command([...args, '--json'], cluster.names);
  expect(ended.code, ended.stderr).toBe(0);
  return JSON.parse(ended.stdout) as Record<string, unknown>;
};

const initsOf = ({ sandbox }: Pick<Cluster, 'sandbox'>) => sandbox.calls().filter(({ method }) => method.startsWith('session/init/'));

describe('pause --all', () => {
  it('with three instances at 100 a second: no init comes a second after the answer, nothing behind waits, and resume pays all once', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      const env = { DISPATCH_RATE: '100' };
      await Promise.all([cluster.serve(env), cluster.serve(env), cluster.serve(env)]);
      const turns = watchTurns();
      const count = 600;
      await cluster.produce(Array.from({ length: count }, (_, n) => event(`p-${n}`, 1000 + n)));
      await until('the first sends', () => initsOf(cluster).length > 100);
      await done(cluster, ['pause', '--all', ...because]);
      const answeredAt = Date.now();
      await until(
        'the rest to be parked',
        async () =>
          (
            await cluster.command(['records', '--status', 'queued', '--code', 'paused', '--json', '--limit', '100000'], cluster.names)
          ).stdout.split('\n').length -
            1 +
            initsOf(cluster).length >=
          count,
      );
      turns.stop();
      const at = initsOf(cluster).map((call) => call.at);
      // Each came then at the earliest: a machine that holds up this process lets them be seen later.
      const came = callsSeen(
        at.toSorted((a, b) => a - b),
        turns.ticks,
      ).map(({ notBefore }) => notBefore);
      expect(Math.max(...came) - answeredAt).toBeLessThanOrEqual(1_000);
      const sent = initsOf(cluster).length;
      expect(sent).toBeLessThan(count);
      expect(await done(cluster, ['resume', '--all', ...because])).toMatchObject({ outcome: 'done', paused: false });
      await until('all to be paid', () => cluster.sandbox.payments().length === count);
      const ids = initsOf(cluster).map(({ record_id: id }) => id);
      expect(new Set(ids).size).toBe(count);
      expect(ids).toHaveLength(count);
    });
  });
});

describe('retry, resolve and cancel', () => {
  it('are carried out beside the instances, published before they answer, and told by results and trail', async () => {
    await inCluster(servers(), { faults: 'refuse=1' }, async (cluster) => {
      const instance = await cluster.serve();
      await cluster.produce([event('f-1', 1000)]);
      await until('the refusal', async () => (await cluster.results()).some(({ status }) => status === 'failed'));
      await cluster.replaceSandbox({});
      expect(await done(cluster, ['retry', 'f-1', ...because])).toMatchObject({ outcome: 'done', attempt: 2 });
      expect((await cluster.results()).filter(({ status }) => status === 'queued')).toMatchObject([{ record_id: 'f-1', attempt: 2 }]);
      await until('attempt 2 to succeed', async () =>
        (await cluster.results()).some(({ status, attempt }) => status === 'succeeded' && attempt === 2),
      );
      const again = await cluster.command(['retry', 'f-1', ...because], cluster.names);
      expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('it is succeeded') as string });

      await done(cluster, ['pause', '--all', ...because]);
      await cluster.produce([event('c-1', 500), event('c-2', 600)]);
      await until('two parked records', async () => (await cluster.results()).filter(({ error }) => error?.code === 'paused').length === 2);
      expect(await done(cluster, ['cancel', '--record', 'c-1', ...because])).toMatchObject({ outcome: 'done', status: 'cancelled' });
      await done(cluster, ['resume', '--all', ...because]);
      await until('c-2 to be paid', async () =>
        (await cluster.results()).some(({ record_id: id, status }) => id === 'c-2' && status === 'succeeded'),
      );
      expect(
        cluster.sandbox
          .payments()
          .map(({ record_id: id }) => id)
          .toSorted(),
      ).toEqual(['c-2', 'f-1']);
      instance.kill('SIGTERM');
      expect((await instance.ended).code).toBe(0);
    });
  });
});
