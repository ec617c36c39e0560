/** LEDGER_RETENTION in the stand-alone profile: what is dropped, and that everything goes on as before without it. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Summary } from '../../batches/record/summary.ts';
import { csvOf, payouts, row } from '../support/builders.ts';
import { countsOf, inWorld, until, type World } from './world.ts';
import { done } from './scripted-world.ts';

/** So long ago is long ago. */
const short = { LEDGER_RETENTION: '1s' };
const past = (): Promise<unknown> => sleep(1_100);

const initCalls = (world: World): number => world.sandbox.calls().filter(({ method }) => method.startsWith('session/init/')).length;

/** How many records the ledger holds, and how many of them with something of their story. */
function storiesIn(world: World): { readonly records: number; readonly told: number } {
  const db = new DatabaseSync(join(world.dataDir, 'ledger.sqlite'), { readOnly: true });
  try {
    return db
      .prepare(
        `SELECT count(*) AS records,
           coalesce(sum(coalesce(destination, metadata, reason_code, reason_description) IS NOT NULL OR length(digests) > 0), 0) AS told
         FROM record`,
      )
      .get() as { records: number; told: number };
  } finally {
    db.close();
  }
}

const numbersOf = ({ received, statuses, balanced }: Summary) => ({ received, statuses, balanced });

const good = payouts(12).map((one, index) => ({ ...one, 'metadata.order': `order-${index}` }));
const text = csvOf([...good, row('bad-1', { iban: 'BE68539007547035' })]);

describe('run', () => {
  it('purges the details of records that ended long ago after its own summary, and knows every record as before', async () => {
    await inWorld({ faults: 'refuse=0.4', seed: 4 }, async (world) => {
      const path = world.write('may.csv', text);
      const csv = join(world.folder, 'results.csv');
      const first = await world.run(path, ['--results', csv]);
      expect(first.code).toBe(2);
      expect(countsOf(first.summary)).toMatchObject({ succeeded: expect.any(Number), failed: expect.any(Number), rejected: 1 });
      expect(storiesIn(world)).toEqual({ records: 12, told: 12 });
      const calls = initCalls(world);
      const told = readFileSync(csv, 'utf8');
      const events = world.events();

      // Under the default nothing is old enough; under a short retention all of it is.
      await past();
      expect((await world.run(path)).code).toBe(2);
      expect(storiesIn(world)).toEqual({ records: 12, told: 12 });
      const dropping = await world.run(path, [], short);
      expect(storiesIn(world)).toEqual({ records: 12, told: 0 });
      const afterwards = await world.run(path, ['--results', csv], short);
      for (const again of [dropping, afterwards]) {
        expect(again.code).toBe(2);
        expect(again.stderr).not.toMatch(/"level":"(warn|error)"/);
        expect(numbersOf(again.summary)).toEqual(numbersOf(first.summary));
      }
      expect(initCalls(world)).toBe(calls);
      expect(readFileSync(csv, 'utf8')).toBe(told);
      expect(world.events()).toEqual(events);

      const asked = await world.command(['status', first.summary.batch_id, '--json']);
      expect(asked.code).toBe(0);
      expect(numbersOf(JSON.parse(asked.stdout) as Summary)).toEqual(numbersOf(first.summary));
      expect((await world.command(['status'])).stdout).toContain('may.csv');
    });
  });

  it('still finds a duplicate and a conflict of a record whose details are purged', async () => {
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', text));
      await past();
      const june = csvOf([{ ...good[0] }, row('p-2', { amount: '999.00' }), row('june-1', { amount: '3.00' })]);
      const path = world.write('june.csv', june);
      const early = await world.run(path, ['--no-wait'], { ...short, GATEWAY_CONFIRM: 'manual' });
      expect(countsOf(early.summary)).toEqual({ duplicate: 1, conflict: 1, in_progress: 1 });
      // That run dropped the stories only at its end: it could still tell the fields.
      expect(world.events().find(({ status }) => status === 'conflict')?.fields).toContain('amount_details.amount');
      expect(storiesIn(world)).toEqual({ records: 13, told: 1 });

      const calls = initCalls(world);
      const july = world.write('july.csv', `${june.replaceAll('june-1', 'p-3')}`);
      const late = await world.run(july, [], short);
      expect(late.code).toBe(2);
      expect(countsOf(late.summary)).toEqual({ duplicate: 1, conflict: 2 });
      expect(initCalls(world)).toBe(calls);
      const conflicts = world.events().filter(({ status, batch_id }) => status === 'conflict' && batch_id === late.summary.batch_id);
      expect(conflicts.map(({ fields, earlier }) => [fields, earlier?.status])).toEqual([
        [[], 'succeeded'],
        [[], 'succeeded'],
      ]);

      // What was open all the while kept its details, and reports them at its end.
      await past();
      await done(world, ['gates', 'loosen', '--confirm', 'match', '--reason', 'agreed']);
      const ended = await world.run(path, [], short);
      expect(countsOf(ended.summary)).toEqual({ duplicate: 1, conflict: 1, succeeded: 1 });
      const last = world.events().find(({ record_id, status }) => record_id === 'june-1' && status === 'succeeded');
      expect(last).toMatchObject({ destination: expect.any(String), amount_details: { amount: 300, currency: 'EUR' } });
    });
  });
});

describe('serve', () => {
  it('purges details while it works', async () => {
    await inWorld({}, async (world) => {
      const inbox = join(world.folder, 'inbox');
      mkdirSync(inbox);
      await world.run(world.write('may.csv', text));
      expect(storiesIn(world)).toEqual({ records: 12, told: 12 });
      await past();
      const serving = world.begin(['serve'], { ...short, HTTP_PORT: '0', INBOX_DIR: inbox });
      try {
        await until('the stories to be dropped', () => storiesIn(world).told === 0);
      } finally {
        serving.kill('SIGTERM');
      }
      const ended = await serving.ended;
      expect(ended.code, ended.stderr).toBe(0);
      expect(ended.stderr).not.toMatch(/"level":"(warn|error)"/);
      expect(countsOf((await world.run(join(world.folder, 'may.csv'), [], short)).summary)).toEqual({ succeeded: 12, rejected: 1 });
    });
  });
});
