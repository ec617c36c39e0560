import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Summary } from '../../batches/record/summary.ts';
import { isFinal } from '../../batches/record/status.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, once, quietPayments, until, untoldPayments, type Cluster } from './cluster.ts';
import { callsSeen, mostInASecond, watchTurns } from '../support/seen-calls.ts';
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

describe('events of the instructions topic', () => {
  it('end in exactly one final result or one dead letter each, valid or not', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      await cluster.serve();
      const good = Array.from({ length: 40 }, (_, n) => event(`g-${n}`, 1000 + n));
      const others = [
        event('g-1', 1001),
        event('g-2', 9999),
        event('bad-iban', 10, {
          payment_method: { type: 'bank_account', bank_account: { system_type: 'global', global: { iban: 'BE00', description: 'x' } } },
        }),
        event('odd', 10, { colour: 'red' }),
        '{"record_id": "cut"',
        null,
        Buffer.from([0xff, 0xfe, 0x00]),
        `"${'x'.repeat(400_000)}"`,
        event('no id', 10),
        '{"note":"card 4111111111111111"}',
      ];
      // The same key keeps their order: the first of each id counts.
      const keys = [...good, ...others].map((value) =>
        typeof value === 'object' && value !== null && 'record_id' in value ? value.record_id : 'x',
      );
      await cluster.produce([...good, ...others], { keys });
      await until(
        'every occurrence to be told',
        async () => (await finals(cluster)).length + (await cluster.read('dead-letters')).length >= 50,
      );
      const told = await finals(cluster);
      const letters = await cluster.read('dead-letters');
      expect(told.map(({ source }) => JSON.stringify(source)).toSorted()).toEqual(
        [...new Set(told.map(({ source }) => JSON.stringify(source)))].toSorted(),
      );
      const byStatus = Map.groupBy(told, ({ status }) => status);
      expect(byStatus.get('succeeded')?.length).toBe(40);
      expect(byStatus.get('duplicate')).toMatchObject([{ record_id: 'g-1' }]);
      expect(byStatus.get('conflict')).toMatchObject([{ record_id: 'g-2', fields: ['amount_details.amount'] }]);
      expect(
        byStatus
          .get('rejected')
          ?.map(({ record_id: id, error }) => [id, error?.code])
          .toSorted(),
      ).toEqual([
        ['bad-iban', expect.any(String)],
        ['odd', 'unknown_member'],
      ]);
      expect(letters.map(({ headers }) => headers['reason']).toSorted()).toEqual(
        ['event_too_large', 'invalid_json', 'invalid_utf8', 'unknown_member', 'null_value', 'record_id_format'].toSorted(),
      );
      expect(letters.map(({ value }) => value).join()).not.toContain('4111111111111111');
      expect((await paidOnce(cluster)).length).toBe(40);
    });
  });

  it('are counted by batch, and all tallies balance', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      await cluster.serve();
      await cluster.produce([event('a', 100, { batch_id: 'may' }), event('b', 200, { batch_id: 'may' }), event('c', 300)]);
      await until('three results', async () => (await finals(cluster)).length === 3);
      const { code, stdout } = await cluster.command(['status', 'may', '--json']);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ batch_id: 'may', balanced: true, received: { count: 2, amounts: { EUR: '3.00' } } });
    });
  });
});

describe('run', () => {
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

describe('instances', () => {
  it('share the work and one rate: an instance that is killed loses nothing, and one that joins helps', async () => {
    await inCluster(servers(), { settleMs: 50 }, async (cluster) => {
      const more = { DISPATCH_RATE: '150', GATEWAY_TIMEOUT_MS: '5000' };
      const turns = watchTurns();
      const [first] = await Promise.all([cluster.serve(more), cluster.serve(more)]);
      const file = cluster.write('big.csv', csvOf(payouts(600)));
      const running = cluster.begin(['run', file, '--json'], more);
      await until('some to be paid', () => cluster.sandbox.payments().length > 100);
      first?.kill('SIGKILL');
      await sleep(500);
      await cluster.serve(more);
      const ended = await running.ended;
      turns.stop();
      const inits = cluster.sandbox.calls().filter(({ method }) => method.startsWith('session/init/'));
      const seen = callsSeen(
        inits.map(({ at }) => at).toSorted((a, b) => a - b),
        turns.ticks,
      );
      // The rate and its burst, over all instances, whatever happened to them.
      expect(mostInASecond(seen)).toBeLessThanOrEqual(151);
      const summary = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as Parameters<typeof countsOf>[0];
      expect(summary.balanced).toBe(true);
      // What had arrived when the instance died is reported as open: the gateway only says that it knows the key.
      const { succeeded = 0, unknown = 0 } = countsOf(summary);
      expect({ all: succeeded + unknown, exit: ended.code }).toEqual({ all: 600, exit: unknown === 0 ? 0 : 2 });
      expect(unknown).toBeLessThanOrEqual(32);
      expect((await paidOnce(cluster)).length).toBe(600);
      // What the ledger knows is published soon after.
      await until('every end to be told', async () => (await finals(cluster)).length >= succeeded);
      expect(await finals(cluster)).toHaveLength(succeeded);
    });
  });

  it('stop with exit 0 on a signal, and the next instance finishes their records', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      const more = { DISPATCH_RATE: '40' };
      const one = await cluster.serve(more);
      await cluster.produce(Array.from({ length: 100 }, (_, n) => event(`s-${n}`)));
      await until('some to be paid', () => cluster.sandbox.payments().length > 20);
      one.kill('SIGTERM');
      expect((await one.ended).code).toBe(0);
      expect(cluster.sandbox.payments().length).toBeLessThan(100);
      await cluster.serve();
      await until('all to be told', async () => (await finals(cluster)).length === 100);
      expect((await paidOnce(cluster)).length).toBe(100);
    });
  });
});

describe('the drop folder', () => {
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

describe('a Redis that lost its data', () => {
  it('is noticed at once; no record is paid until rebuild, and none twice afterwards', async () => {
    await inCluster(servers(), { settleMs: 50 }, async (cluster) => {
      const more = { DISPATCH_RATE: '100' };
      const one = await cluster.serve(more);
      await cluster.produce(Array.from({ length: 300 }, (_, n) => event(`f-${n}`, 1000 + n)));
      await until('some to be paid', () => cluster.sandbox.payments().length > 100);
      await cluster.wipeRedis();
      const ended = await one.ended;
      expect(ended.code).toBe(3);
      expect(ended.stderr).toContain('disburse rebuild');
      const paidBefore = await quietPayments(cluster);
      const untold = await untoldPayments(cluster);
      expect(untold).toBeLessThan(paidBefore);
      const refused = await cluster.command(['serve'], more);
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain('disburse rebuild');
      expect(cluster.sandbox.payments()).toHaveLength(paidBefore);

      const rebuilt = await cluster.command(['rebuild', '--yes', '--json']);
      expect(rebuilt.stderr + rebuilt.stdout).toContain('without_result');
      expect(rebuilt.code).toBe(0);
      await cluster.serve(more);
      // Until a person has looked at it, everything is paused.
      expect((await quietPayments(cluster)) - paidBefore).toBe(0);
      expect(await cluster.command(['resume', '--all'], more)).toMatchObject({ code: 0 });
      // What had arrived without our hearing of it stays unknown: the gateway only says that it knows the key.
      const counts = async () => {
        const { stdout } = await cluster.command(['status', '--json']);
        const summary = JSON.parse(stdout) as Summary;
        expect(summary).toMatchObject({ balanced: true, received: { count: 300 } });
        return countsOf(summary);
      };
      let found = {};
      const told = () => `all but ${untold} to be at their end: ${JSON.stringify(found)}`;
      await until(told, async () => {
        const { succeeded = 0, unknown = 0 } = (found = await counts());
        return succeeded + unknown === 300 && unknown <= untold;
      });
      expect((await paidOnce(cluster)).length).toBe(300);
      for (const [, events] of Map.groupBy(
        once(await cluster.results()).filter(({ status }) => isFinal[status]),
        ({ record_id: recordId }) => recordId,
      ))
        expect(events).toHaveLength(1);
    });
  });
});

describe('the tools of an operator', () => {
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

describe('servers and names that do not exist', () => {
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
