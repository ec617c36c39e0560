/** The commands that move a ledger from stand-alone to distributed and back. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, payouts } from '../support/builders.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, until, type Cluster } from './cluster.ts';
import { countsOf } from './world.ts';

const alone = { KAFKA_BROKERS: undefined, REDIS_URL: undefined };

const done = async (cluster: Cluster, args: readonly string[], env: Record<string, string | undefined> = {}): Promise<void> => {
  const ended = await cluster.command(args, env);
  expect(ended, `${args.join(' ')}: ${ended.stderr}`).toMatchObject({ code: 0 });
};

const initsOf = ({ sandbox }: Cluster): number => sandbox.calls().filter(({ method }) => method.startsWith('session/init/')).length;

describe('a ledger that moves from stand-alone to distributed, and back', () => {
  it('pays there what was not paid here, nothing twice, and is paid from in one place only', async () => {
    await inCluster({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() }, { partitions: 2 }, async (cluster) => {
      const may = cluster.write('may.csv', csvOf(payouts(3)));
      const june = cluster.write('june.csv', csvOf(payouts(2, 'q')));
      expect(countsOf((await cluster.run(may, [], alone)).summary)).toEqual({ succeeded: 3 });
      await done(cluster, ['pause', '--all', '--reason', 'moving'], alone);
      await cluster.run(june, ['--wait', '1s'], alone);
      const file = join(cluster.folder, 'moved.ledger');
      await done(cluster, ['ledger', 'export', file], alone);
      await done(cluster, ['ledger', 'import', file]);
      expect(await cluster.count('results')).toBe(5);
      expect(await cluster.command(['run', june, '--json'], alone)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('was moved by an export') as string,
      });

      const instance = await cluster.serve();
      expect(await cluster.command(['ledger', 'export', join(cluster.folder, 'early.ledger')])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('is active') as string,
      });
      await done(cluster, ['resume', '--all', '--reason', 'compared']);
      expect(countsOf((await cluster.run(june)).summary)).toEqual({ succeeded: 2 });
      expect(countsOf((await cluster.run(may)).summary)).toEqual({ succeeded: 3 });
      expect(initsOf(cluster)).toBe(5);
      await done(cluster, ['ledger', 'verify']);
      instance.kill('SIGTERM');
      await instance.ended;

      const back = join(cluster.folder, 'back.ledger');
      await until('the group to be empty', async () => !(await cluster.command(['ledger', 'export', back])).stderr.includes('active'));
      const home = join(cluster.folder, 'home');
      mkdirSync(home);
      await done(cluster, ['ledger', 'import', back], { ...alone, DATA_DIR: home });
      expect(await cluster.command(['resume', '--all', '--reason', 'r'])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('was moved by an export') as string,
      });
      await done(cluster, ['resume', '--all', '--reason', 'compared'], { ...alone, DATA_DIR: home });
      expect(countsOf((await cluster.run(june, [], { ...alone, DATA_DIR: home })).summary)).toEqual({ succeeded: 2 });
      await done(cluster, ['ledger', 'verify'], { ...alone, DATA_DIR: home });
      expect(initsOf(cluster)).toBe(5);
    });
  });
});
