/** `tail --alerts`, `results export`, `results replay` and `results rotate` in the distributed profile. */
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { alertSchema } from '../../batches/record/alert-event.ts';
import { csvOf, payoutEvent, payouts, row } from '../support/builders.ts';
import { startRedis } from '../support/local-servers.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, once, until, type Message } from './cluster.ts';

const servers = () => ({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() });
const bare = ({ partition, key, value }: Message) => ({ partition, key, value });
const idOf = ({ value }: Message): string => (JSON.parse(value ?? '') as { event_id: string }).event_id;

it('replay publishes each selected event of the topic again, key and value identical, and export has the newest of each row', async () => {
  await inCluster(servers(), {}, async (cluster) => {
    const instance = await cluster.serve();
    const may = cluster.write('may.csv', csvOf([...payouts(3), row('bad', { amount: '-1' })]));
    const written = join(cluster.folder, 'run.csv');
    expect((await cluster.run(may, ['--results', written])).code).toBe(2);
    await cluster.produce([payoutEvent('e-1', 1000), payoutEvent('e-2', 2000)]);
    await until('the events to end', async () => once(await cluster.results()).filter(({ final }) => final).length >= 6);
    const exported = await cluster.command(['results', 'export', 'may.csv']);
    expect(exported).toMatchObject({ code: 0, stdout: readFileSync(written, 'utf8') });

    const replay = async (...args: string[]): Promise<void> => {
      const before = await cluster.read('results');
      const wanted = new Map(
        before.filter(({ value }) => value?.includes(args[1] === 'may.csv' ? '"may.csv"' : '"e-2"')).map((one) => [idOf(one), one]),
      );
      const ended = await cluster.command(['results', 'replay', '--json', ...args]);
      expect(ended).toMatchObject({ code: 0, stdout: `{"replayed":${wanted.size}}\n`, stderr: '' });
      const keys = new Set(before.map(({ partition, offset }) => `${partition}/${offset}`));
      const added = (await cluster.read('results')).filter(({ partition, offset }) => !keys.has(`${partition}/${offset}`));
      const sorted = (messages: readonly Message[]) => messages.map(bare).toSorted((a, b) => ((a.value ?? '') < (b.value ?? '') ? -1 : 1));
      expect(sorted(added)).toEqual(sorted([...wanted.values()]));
    };
    await replay('--batch', 'may.csv');
    await replay('--record', 'e-2');
    // What is there twice by now is published once.
    await replay('--batch', 'may.csv');
    const all = once(await cluster.results()).length;
    expect(await cluster.command(['results', 'replay', '--since', '-1h'])).toMatchObject({
      code: 0,
      stdout: `${all} results were published again.\n`,
    });
    for (const args of [[], ['--record', 'none'], ['--record', 'e-1', '--since', '-1h']])
      expect(await cluster.command(['results', 'replay', ...args])).toMatchObject({ code: 1, stdout: '' });
    expect((await cluster.command(['results', 'export', 'may.csv'])).stdout).toBe(exported.stdout);
    const events = await cluster.command(['status', '--json']);
    const day = events.stdout
      .split('\n')
      .filter((line) => line.includes('"events-'))
      .map((line) => (JSON.parse(line) as { batch_id: string }).batch_id);
    const ofDay = await cluster.command(['results', 'export', day[0] ?? '']);
    expect(ofDay).toMatchObject({ code: 0, stderr: '' });
    expect(ofDay.stdout).toMatch(/\/\d+,e-1,payout,succeeded,10\.00,EUR,/);
    expect(ofDay.stdout.trimEnd().split('\n')).toHaveLength(3);

    const rotate = await cluster.command(['results', 'rotate']);
    expect(rotate).toMatchObject({ code: 1, stdout: '' });
    expect(rotate.stderr).toContain('belongs to the stand-alone profile');
    expect(instance.child.exitCode).toBeNull();
    expect(cluster.sandbox.payments()).toHaveLength(5);
  });
});

it('topics creates and checks the alerts topic with the others', async () => {
  await inCluster(servers(), {}, async (cluster) => {
    const checked = await cluster.command(['topics', '--partitions', '4', '--json']);
    expect(checked.code).toBe(0);
    const topics = ['instructions', 'results', 'dead-letters', 'alerts'].map((name) => ({
      topic: `${cluster.prefix}.${name}`,
      state: 'ok',
      problems: [],
    }));
    expect(JSON.parse(checked.stdout)).toEqual({ ok: true, instances: 0, topics });
  });
});

it('tail --alerts prints the values of the alerts topic, by record and batch, and follows it', async () => {
  await inCluster(servers(), { faults: 'wrong-amount=1' }, async (cluster) => {
    await cluster.serve();
    await cluster.run(cluster.write('may.csv', csvOf([row('inv-1'), row('inv-2')])), ['--wait', '3s']);
    const alerts = async (...args: string[]) => {
      const ended = await cluster.command(['tail', '--alerts', '--json', ...args]);
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      return ended.stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => alertSchema.parse(JSON.parse(line)));
    };
    await until('both alerts', async () => (await cluster.count('alerts')) >= 2);
    expect(new Set((await alerts('--batch', 'may.csv')).map(({ record_id: id }) => id))).toEqual(new Set(['inv-1', 'inv-2']));
    expect((await alerts('--record', 'inv-2'))[0]).toMatchObject({ alert: 'evidence_mismatch', record_id: 'inv-2' });
    expect(await alerts('-n', '1')).toHaveLength(1);
    const following = cluster.begin(['tail', '--alerts', '--json', '--follow', '--record', 'inv-3']);
    let stdout = '';
    following.child.stdout?.on('data', (text: string) => (stdout += text));
    await cluster.run(cluster.write('june.csv', csvOf([row('inv-3')])), ['--wait', '3s']);
    await until('the alert of the third', () => stdout.includes('"record_id":"inv-3"'));
    following.kill('SIGINT');
    expect((await following.ended).code).toBe(0);
  });
});

it('a Redis with an older copy of its data is noticed behind results that were published again', async () => {
  const redis = await startRedis();
  try {
    const own = { kafkaBrokers: kafkaBrokers(), redisUrl: redis.url };
    await inCluster(own, { partitions: 1 }, async (cluster) => {
      const pay = async (name: string, count: number): Promise<void> => {
        const instance = await cluster.serve();
        expect((await cluster.run(cluster.write(name, csvOf(payouts(count, name))))).code).toBe(0);
        instance.kill('SIGTERM');
        await instance.ended;
      };
      await pay('may.csv', 40);
      const files = ['appendonlydir', 'appendonly.aof'].map((name) => join(redis.dir, name)).find((path) => existsSync(path)) ?? '';
      await redis.stop('SIGTERM');
      cpSync(files, join(cluster.folder, 'older'), { recursive: true });
      await redis.restart();
      await pay('june.csv', 2);
      // More than a start reads of each partition at first.
      expect((await cluster.command(['results', 'replay', '--batch', 'may.csv'])).stdout).toMatch(/^(?:[6-9]\d|\d{3}) results/);
      await redis.stop('SIGTERM');
      rmSync(files, { recursive: true });
      cpSync(join(cluster.folder, 'older'), files, { recursive: true });
      await redis.restart();
      const refused = await cluster.command(['serve']);
      expect({ code: refused.code, told: refused.stderr.includes('disburse rebuild') }).toEqual({ code: 3, told: true });
      expect(cluster.sandbox.payments()).toHaveLength(42);
    });
  } finally {
    await redis.stop('SIGKILL');
  }
});
