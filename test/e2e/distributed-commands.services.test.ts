/** Commands of the distributed profile beside instances that serve. Each case has topics, keys and a gateway of its own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, once, until, type Cluster } from './cluster.ts';
import { csvOf, payoutEvent as event, payouts, row } from '../support/builders.ts';
import { countsOf, sha256Of } from './world.ts';

const servers = () => ({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() });
/** Each record of the witness, once. */
async function paidOnce({ sandbox }: Cluster): Promise<readonly string[]> {
  const paid = sandbox.payments().map(({ record_id: recordId }) => recordId ?? '');
  expect(new Set(paid).size).toBe(paid.length);
  return paid;
}

const finals = async (cluster: Cluster) => once(await cluster.results()).filter((result) => result.final);

describe.concurrent('run', () => {
  it('enqueues the file, follows it to the end, and pays nothing twice when it is run again', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      await Promise.all([cluster.serve(), cluster.serve()]);
      const file = cluster.write('may.csv', csvOf([...payouts(120), row('bad', { iban: 'BE00' }), row('p-3', { amount: '3.07' })]));
      const first = await cluster.run(file, ['--results', join(cluster.folder, 'out.csv')]);
      expect(first.stderr).not.toContain('unexpected error');
      expect({ code: first.code, counts: countsOf(first.summary), balanced: first.summary.balanced }).toEqual({
        code: 2,
        counts: { succeeded: 120, rejected: 1, duplicate: 1 },
        balanced: true,
      });
      expect(readFileSync(join(cluster.folder, 'out.csv'), 'utf8').trim().split('\n')).toHaveLength(123);
      const again = await cluster.run(file);
      expect(countsOf(again.summary)).toEqual({ succeeded: 120, rejected: 1, duplicate: 1 });
      expect((await paidOnce(cluster)).length).toBe(120);
      expect(await cluster.read('instructions')).toHaveLength(121);
    });
  });

  it('--detach prints the batch id, and the batch is finished without it', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      const content = csvOf(payouts(20));
      const file = cluster.write('june.csv', content);
      const made = await cluster.command(['run', file, '--detach']);
      expect({ code: made.code, stdout: made.stdout.trim() }).toEqual({ code: 0, stdout: sha256Of(content) });
      await cluster.serve();
      await until('the batch to be finished', async () => {
        const { stdout } = await cluster.command(['status', sha256Of(content), '--json']);
        return (JSON.parse(stdout) as { state: string }).state === 'finished';
      });
      expect((await paidOnce(cluster)).length).toBe(20);
    });
  });

  it('with all-or-nothing enqueues no row when one is invalid', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      await cluster.serve();
      const file = cluster.write('all.csv', csvOf([...payouts(10), row('bad', { iban: 'BE00' })]));
      const { code, summary } = await cluster.run(file, ['--policy', 'all-or-nothing']);
      expect({ code, counts: countsOf(summary) }).toEqual({ code: 2, counts: { rejected: 11 } });
      expect(await cluster.read('instructions')).toHaveLength(0);
      expect(cluster.sandbox.payments()).toHaveLength(0);
    });
  });
});

describe.concurrent('the drop folder', () => {
  it('is shared by instances, and each file is acknowledged, paid and reported once', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      const { existsSync, mkdirSync, readdirSync, renameSync } = await import('node:fs');
      const inbox = join(cluster.folder, 'inbox');
      mkdirSync(inbox);
      await Promise.all([cluster.serve({ INBOX_DIR: inbox }), cluster.serve({ INBOX_DIR: inbox })]);
      for (const name of ['a', 'b', 'c']) {
        const path = cluster.write(`${name}.part`, csvOf(payouts(10, name)));
        renameSync(path, join(inbox, `${name}.csv`));
        cluster.write(join('inbox', `${name}.csv.ready`), '');
      }
      const done = (): string[] => (existsSync(join(inbox, 'done')) ? readdirSync(join(inbox, 'done')).toSorted() : []);
      await until('three files to be done', () => done().length >= 15);
      const endings = ['', '.ack.json', '.ack.txt', '.ready', '.results.csv'];
      expect(done()).toEqual(['a', 'b', 'c'].flatMap((name) => endings.map((ending) => `${name}.csv${ending}`)));
      expect((await paidOnce(cluster)).length).toBe(30);
    });
  });
});

describe.concurrent('the tools of an operator', () => {
  it('dead letters are listed, shown with card numbers sealed, and redriven as they came', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      await cluster.serve();
      const value = '{"note":"card 4111111111111111"}';
      await cluster.produce([value], { headers: { origin: 'till 7' } });
      const letters = async () => cluster.read('dead-letters');
      await until('a dead letter', async () => (await letters()).length === 1);
      const listed = await cluster.command(['dead-letters', 'list', '--json']);
      const { place, reason, source } = JSON.parse(listed.stdout) as { place: string; reason: string; source: { topic: string } };
      expect({ reason, topic: source.topic }).toEqual({ reason: 'unknown_member', topic: `${cluster.prefix}.instructions` });
      const shown = await cluster.command(['dead-letters', 'show', place]);
      expect(shown.stdout).toContain('sealed:v1:');
      expect(shown.stdout).not.toContain('4111111111111111');
      const back = await cluster.command(['dead-letters', 'redrive', place]);
      expect(back.code).toBe(0);
      expect((await cluster.read('instructions')).map((one) => [one.value, one.headers['origin']])).toEqual([
        [value, 'till 7'],
        [value, 'till 7'],
      ]);
      await until('a second letter', async () => (await letters()).length === 2);
      const other = cluster.write('other.key', `${Buffer.alloc(32, 7).toString('base64')}\n`);
      const refused = await cluster.command(['dead-letters', 'put-back', place], { LEDGER_KEY_FILE: other });
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain('another ledger key');
      expect((await cluster.command(['dead-letters', 'show', '0/999'])).code).toBe(1);
    });
  });

  it('tail filters by record, batch, status and time', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      await cluster.serve();
      await cluster.produce([
        event('a', 100, { batch_id: 'may' }),
        event('b', 200, { batch_id: 'june' }),
        event('c', 0, { batch_id: 'june' }),
      ]);
      await until('three results', async () => (await finals(cluster)).length === 3);
      const shown = async (...args: string[]): Promise<string[]> => {
        const { code, stdout } = await cluster.command(['tail', '--json', ...args]);
        expect(code).toBe(0);
        const events = stdout.split('\n').filter((line) => line !== '');
        return events
          .map((line) => JSON.parse(line) as { record_id: string; status: string })
          .map((one) => `${one.record_id} ${one.status}`);
      };
      expect((await shown('--final')).toSorted()).toEqual(['a succeeded', 'b succeeded', 'c rejected']);
      expect(await shown('--record', 'a', '--final')).toEqual(['a succeeded']);
      expect((await shown('--batch', 'june', '--final')).toSorted()).toEqual(['b succeeded', 'c rejected']);
      expect(await shown('--status', 'rejected')).toEqual(['c rejected']);
      expect(await shown('--from', 'now')).toEqual([]);
      expect(await shown('--from', new Date(Date.now() + 60_000).toISOString())).toEqual([]);
      expect((await shown('--from', new Date(Date.now() - 3_600_000).toISOString(), '--final')).length).toBe(3);
      expect((await cluster.command(['tail'], { KAFKA_TOPIC_PREFIX: 'nobody-made-them' })).code).toBe(1);
    });
  });

  it('rebuild refuses while instances work, and without --yes', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      await cluster.serve();
      const refused = await cluster.command(['rebuild', '--yes']);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('stop all of them first');
      expect((await cluster.command(['rebuild'])).stderr).toContain('--yes');
    });
  });

  it('a topic whose records carry the time of their producer is reported at the start', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      await cluster.alterTopic('instructions', { 'message.timestamp.type': 'CreateTime', 'retention.ms': '-1' });
      const one = await cluster.serve();
      one.child.kill('SIGTERM');
      const { code, stdout, stderr } = await one.ended;
      expect(code).toBe(0);
      expect(`${stdout}${stderr}`).toContain('message.timestamp.type=LogAppendTime');
    });
  });

  it('a compacted topic is refused', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      await cluster.alterTopic('results', { 'cleanup.policy': 'compact' });
      const checked = await cluster.command(['topics', '--partitions', '4', '--json']);
      expect(checked.code).toBe(2);
      const { code, stderr } = await cluster.command(['serve']);
      expect(code).toBe(1);
      expect(stderr).toContain('cleanup.policy');
    });
  });
});

describe.concurrent('servers and names that do not exist', () => {
  it.each([
    ['Kafka', { KAFKA_BROKERS: '127.0.0.1:1' }, /Kafka at 127\.0\.0\.1:1 .*Tried for \d+ s/],
    ['Redis', { REDIS_URL: 'redis://:secret@127.0.0.1:1' }, /127\.0\.0\.1:1/],
    ['the topics', { KAFKA_TOPIC_PREFIX: 'nobody-made-them' }, /disburse topics/],
  ])('%s is reported in one sentence without the password', async (_name, more, sentence) => {
    await inCluster(servers(), {}, async (cluster) => {
      const { code, stderr } = await cluster.command(['serve'], more);
      expect([1, 3]).toContain(code);
      expect(stderr).toMatch(sentence);
      expect(stderr).not.toContain('secret');
      expect(stderr).not.toContain('    at ');
    });
  });
});
