/** The state of records now, as `records`, `unknowns` and `status` show it. */
import { describe, expect, it } from 'vitest';
import type { RecordView } from '../../batches/record/record-view.ts';
import { csvOf, payouts, row } from '../support/builders.ts';
import { inWorld, type World } from './world.ts';

const viewsOf = (stdout: string): RecordView[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RecordView);

async function list(world: World, ...args: string[]): Promise<RecordView[]> {
  const ended = await world.command([...args, '--json']);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return viewsOf(ended.stdout);
}

describe('records', () => {
  it('lists a record while it is unknown, and no longer when it has ended', async () => {
    await inWorld({ faults: 'lost-answer=1' }, async (world) => {
      const env = { GATEWAY_KEY_LIFETIME: '1h' };
      const path = world.write('may.csv', csvOf([row('inv-1', { amount: '12.30' }), row('inv-2', { amount: '7.70' })]));
      const ran = await world.run(path, ['--wait', '2s'], env);
      expect(ran.code).toBe(2);
      const unknowns = await list(world, 'unknowns');
      const ageless = (views: readonly RecordView[]) => views.map(({ age_seconds: _, ...view }) => view);
      expect(ageless(await list(world, 'records', '--status', 'unknown'))).toEqual(ageless(unknowns));
      expect(ageless(await list(world, 'records', '--batch', 'may.csv'))).toEqual(ageless(unknowns));
      expect(unknowns.map(({ record_id: id }) => id).toSorted()).toEqual(['inv-1', 'inv-2']);
      expect(unknowns[0]).toMatchObject({
        status: 'unknown',
        final: false,
        batch_id: ran.summary.batch_id,
        source: { file: 'may.csv' },
        amount_details: { currency: 'EUR' },
        attempt: 1,
        commands: [
          expect.stringMatching(/^disburse resolve inv-\d --as STATUS/) as string,
          expect.stringMatching(/^disburse explain inv-\d$/) as string,
        ],
      });
      const text = await world.command(['unknowns']);
      expect(text.stdout).toMatch(/2 records\n {2}EUR 20\.00 in 2 records\n$/);
      expect((await world.command(['unknowns', '--exit-status'])).code).toBe(2);
      expect(await list(world, 'records', '--code', 'nothing_like_this')).toEqual([]);
      expect(await list(world, 'records', '--older-than', '1h')).toEqual([]);
      expect(await list(world, 'records', '--currency', 'eur', '--sort', 'amount')).toMatchObject([
        { record_id: 'inv-1' },
        { record_id: 'inv-2' },
      ]);
    });
  });

  it('lists no record as unknown that was unknown before it succeeded', async () => {
    await inWorld({ faults: 'lost-request=1' }, async (world) => {
      const env = { GATEWAY_KEY_LIFETIME: '1h' };
      const path = world.write('may.csv', csvOf(payouts(2)));
      await world.run(path, ['--wait', '1s'], env);
      expect(await list(world, 'unknowns')).toHaveLength(2);
      await world.replaceSandbox({});
      expect((await world.run(path, [], env)).code).toBe(0);
      expect(await list(world, 'unknowns')).toEqual([]);
      expect(await list(world, 'records')).toEqual([]);
      expect((await world.command(['records', '--exit-status'])).code).toBe(0);
      expect((await list(world, 'records', '--status', 'succeeded')).map(({ record_id: id }) => id).toSorted()).toEqual(['p-1', 'p-2']);
      // The events still say that they were unknown once.
      expect((await world.command(['tail', '--status', 'unknown'])).stdout).not.toBe('');
    });
  });
});

describe('status', () => {
  it('lists the newest batches first, with open, unknown and failed rows and the money', async () => {
    await inWorld({}, async (world) => {
      for (const name of ['a', 'b', 'c']) await world.run(world.write(`${name}.csv`, csvOf(payouts(1, name))));
      const files = (stdout: string): string[] => stdout.match(/\b[abc]\.csv/g) ?? [];
      const all = await world.command(['status']);
      expect(files(all.stdout)).toEqual(['c.csv', 'b.csv', 'a.csv']);
      expect(all.stdout).toMatch(/^batch +file +state +rows +open +unknown +failed +succeeded +amount +balanced +started\n/);
      expect(all.stdout).toMatch(/c\.csv +finished +1 +0 +0 +0 +1 +EUR [\d.]+ +yes +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\n/);
      const two = await world.command(['status', '--limit', '2']);
      expect(files(two.stdout)).toEqual(['c.csv', 'b.csv']);
      expect(two.stderr).toContain('--limit all');
      expect(files((await world.command(['status', '--limit', 'all'])).stdout)).toEqual(['c.csv', 'b.csv', 'a.csv']);
      expect((await world.command(['status', '--limit', 'some'])).code).toBe(1);
    });
  });

  it('finds a batch by its file, and lists several that fit with exit code 2', async () => {
    await inWorld({}, async (world) => {
      const first = await world.run(world.write('may.csv', csvOf(payouts(1))));
      expect(JSON.parse((await world.command(['status', 'may.csv', '--json'])).stdout)).toMatchObject({ batch_id: first.summary.batch_id });
      const second = await world.run(world.write('may.csv', csvOf(payouts(1, 'q'))));
      const both = await world.command(['status', 'may.csv', '--json']);
      expect(both).toMatchObject({ code: 2, stdout: '' });
      for (const { batch_id: id } of [first.summary, second.summary]) expect(both.stderr).toContain(id);
      const short = await world.command(['status', first.summary.batch_id.slice(0, 5)]);
      expect(short.code).toBe(1);
      expect(short.stderr).toContain('at least 6 characters');
    });
  });
});
