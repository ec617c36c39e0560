import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Summary } from '../../batches/record/summary.ts';
import { isFinal } from '../../batches/record/status.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, once, quietPayments, until, untoldPayments, type Cluster } from './cluster.ts';
import { callsSeen, mostInASecond, watchTurns } from '../support/seen-calls.ts';
import { csvOf, payoutEvent as event, payouts } from '../support/builders.ts';
import { countsOf } from './world.ts';

const servers = () => ({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() });
/** Each record of the witness, once. */
async function paidOnce({ sandbox }: Cluster): Promise<readonly string[]> {
  const paid = sandbox.payments().map(({ record_id: recordId }) => recordId ?? '');
  expect(new Set(paid).size).toBe(paid.length);
  return paid;
}

const finals = async (cluster: Cluster) => once(await cluster.results()).filter((result) => result.final);

// Instances that share a rate come last and alone: what they are measured by is this process.
describe.concurrent('events of the instructions topic', () => {
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

describe.concurrent('a Redis that lost its data', () => {
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
      let ended = await running.ended;
      turns.stop();
      const inits = cluster.sandbox.calls().filter(({ method }) => method.startsWith('session/init/'));
      const seen = callsSeen(
        inits.map(({ at }) => at).toSorted((a, b) => a - b),
        turns.ticks,
      );
      // The rate and its burst, over all instances, whatever happened to them.
      expect(mostInASecond(seen)).toBeLessThanOrEqual(151);
      const summaryOf = ({ stdout }: typeof ended) => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Parameters<typeof countsOf>[0];
      let summary = summaryOf(ended);
      // A record that was unknown when the command ended may be found at the gateway a moment later.
      await until('the gateway to have ended every record that it names', async () => {
        if (countsOf(summary).in_progress === undefined) return true;
        ended = await cluster.command(['run', file, '--json'], more);
        summary = summaryOf(ended);
        return false;
      });
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
