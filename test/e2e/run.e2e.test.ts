/** Paying a file: the summary, the results, the names that anybody can compute again, and what a second file meets. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { v5 as uuidV5 } from 'uuid';
import { statuses } from '../../batches/record/status.ts';
import { csvOf, payouts, row } from '../support/builders.ts';
import { countsOf, inWorld, linesOf, project, sha256Of, type World } from './world.ts';

const namespace = uuidV5(`urn:disburse:v1:${project}`, uuidV5.URL);
const keyOf = (kind: string, recordId: string): string => uuidV5(`${kind}:${recordId}:1`, namespace);

const initCalls = (world: World): number => world.sandbox.calls().filter(({ method }) => method.startsWith('session/init/')).length;

describe('a file with valid, invalid and repeated rows', () => {
  const same = row('same', { amount: '4.00' });
  const rows = [
    row('good-1', { amount: '10.50' }),
    row('shop-1', { amount: '20.00' }, 'payment', 'card'),
    row('bad-1', { iban: 'BE68539007547035' }),
    same,
    same,
    row('twice', { amount: '1.00' }),
    row('twice', { amount: '2.00' }),
    row('twin-1', { amount: '7.77' }),
    row('twin-2', { amount: '7.77' }),
    row('yen-1', { amount: '500', currency: 'JPY' }),
    row('bad-2', { amount: 'ten' }),
  ];
  const text = csvOf(rows);
  const batchId = sha256Of(text);

  it('is paid so that summary, results and gateway agree', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('mixed.csv', text);
      const ran = await world.run(path, ['--results', join(world.folder, 'results.csv')]);
      expect(ran.code).toBe(2);

      const none = { count: 0, amounts: {} };
      expect(ran.summary).toEqual({
        batch_id: batchId,
        file: 'mixed.csv',
        state: 'finished',
        received: { count: 11, amounts: { EUR: expect.stringMatching(/^\d+\.\d\d$/), JPY: '500', USD: '20.00' } },
        statuses: {
          ...Object.fromEntries(statuses.map((status) => [status, none])),
          succeeded: { count: 6, amounts: { EUR: '30.04', JPY: '500', USD: '20.00' } },
          duplicate: { count: 1, amounts: { EUR: '4.00' } },
          // 12.30 of the bad IBAN, 1.00 and 2.00 of the ambiguous id, and one whose amount cannot be read.
          rejected: { count: 4, amounts: { EUR: '15.30' } },
        },
        open: { count: 0, oldest_seconds: null },
        alerts: 0,
        balanced: true,
        started_at: expect.any(String),
        finished_at: expect.any(String),
        sent_per_second: expect.any(Number),
      });
      expect(ran.summary.received.amounts['EUR']).toBe('49.34');

      const events = world.events();
      const finals = events.filter((event) => event.final);
      const lineOf = (event: (typeof events)[number]): number => ('line' in event.source ? event.source.line : 0);
      expect(finals.map(lineOf).sort((a, b) => a - b)).toEqual(rows.map((_row, index) => index + 2));
      expect(new Set(events.map((event) => event.event_id)).size).toBe(events.length);
      for (const event of events) {
        expect(event.event_id).toBe(
          uuidV5(`result:file:${batchId}:${lineOf(event)}:1:${event.status}${event.final ? '' : `:${event.sequence}`}`, namespace),
        );
        if (event.status === 'succeeded' || event.status === 'in_progress') {
          expect(event.idempotency_key).toBe(keyOf(event.kind ?? '', event.record_id ?? ''));
          expect(event.session_id).toBeTypeOf('string');
        } else {
          expect(event.idempotency_key).toBeUndefined();
        }
      }
      for (const id of new Set(events.map((event) => event.record_id))) {
        const told = events.filter((event) => event.record_id === id).map((event) => event.sequence);
        expect(told, id).toEqual(told.map((_sequence, index) => index + 1));
      }
      const codes = Object.fromEntries(
        finals.filter(({ error }) => error !== undefined).map((event) => [lineOf(event), event.error?.code]),
      );
      expect(codes).toEqual({ 4: 'iban_check_digits', 7: 'record_id_ambiguous', 8: 'record_id_ambiguous', 12: expect.any(String) });
      expect(finals.find(({ status }) => status === 'duplicate')).toMatchObject({
        record_id: 'same',
        earlier: { batch_id: batchId, source: { file: 'mixed.csv', line: 5 } },
      });

      // The witness lists what we say was paid, and nothing else.
      const paid = finals.filter(({ status }) => status === 'succeeded');
      const told = paid.map((event) => [event.session_id, event.record_id, event.idempotency_key, event.amount_details?.amount]);
      const witnessed = world.sandbox.payments().map((one) => [one.session_id, one.record_id, one.idempotency_key, one.amount]);
      expect(told.sort()).toEqual(witnessed.sort());
      expect(world.sandbox.payments().every((one) => one.entry_status === 'succeeded')).toBe(true);

      const results = linesOf(join(world.folder, 'results.csv'));
      expect(results).toHaveLength(rows.length + 1);
      // The record that the duplicate met has ended meanwhile.
      expect(results.find((line) => line.startsWith('6,same,'))).toContain(',succeeded,20');
      const fixFile = linesOf(join(world.dataDir, `${batchId}.errors.csv`));
      expect(fixFile).toHaveLength(5);
      expect(fixFile[0]).toBe(`\uFEFF${text.split('\n')[0]},error`);

      // The same bytes again: nothing is sent, nothing is reported again, and the end is the same.
      const calls = initCalls(world);
      const again = await world.run(path);
      expect(again.code).toBe(2);
      expect({ ...again.summary, finished_at: ran.summary.finished_at }).toEqual(ran.summary);
      expect(initCalls(world)).toBe(calls);
      expect(world.events()).toEqual(events);
    });
  });
});

describe('a valid file', () => {
  it('ends with 0, and a copy with its columns in another order yields duplicates only', async () => {
    await inWorld({}, async (world) => {
      const rows = payouts(5);
      const first = await world.run(world.write('may.csv', csvOf(rows)));
      expect(first.code).toBe(0);
      expect(countsOf(first.summary)).toEqual({ succeeded: 5 });

      const columns = Object.keys(rows[0] ?? {}).toReversed();
      const shuffled = csvOf(
        rows.toReversed().map((one) => ({ ...one, currency: 'eur', amount: `${one['amount']}` })),
        ';',
        columns,
      );
      const copy = await world.run(world.write('copy.csv', `\uFEFF${shuffled.replaceAll('\n', '\r\n')}`));
      expect(copy.code).toBe(0);
      expect(countsOf(copy.summary)).toEqual({ duplicate: 5 });
      expect(copy.summary.received).toEqual(first.summary.received);
      expect(world.sandbox.payments()).toHaveLength(5);
      expect(initCalls(world)).toBe(5);
    });
  });

  it('pays a record once, and reports another amount under its id as a conflict', async () => {
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(2))));
      const changed = [row('p-1', { amount: '99.00', description: 'other' }), row('p-2', { amount: '2.07' }), row('p-3')];
      const ran = await world.run(world.write('june.csv', csvOf(changed)));
      expect(ran.code).toBe(2);
      expect(countsOf(ran.summary)).toEqual({ conflict: 1, duplicate: 1, succeeded: 1 });
      const conflict = world.events().find(({ status }) => status === 'conflict');
      expect(conflict).toMatchObject({
        record_id: 'p-1',
        fields: ['amount_details.amount', 'payment_method.bank_account.global.description'],
        earlier: { status: 'succeeded', source: { file: 'may.csv', line: 2 } },
        error: { code: 'record_id_conflict' },
      });
      const kinds = csvOf([row('p-2', {}, 'payment', 'card')]);
      const otherKind = await world.run(world.write('july.csv', kinds));
      expect(countsOf(otherKind.summary)).toEqual({ conflict: 1 });
      expect(world.events().at(-1)?.fields).toContain('kind');
      expect(world.sandbox.payments()).toHaveLength(3);
    });
  });

  it('pays only the formerly invalid rows when its corrected fix-file is run', async () => {
    await inWorld({}, async (world) => {
      const text = csvOf([...payouts(2), row('bad', { iban: 'BE68539007547035', amount: '9.99' })]);
      expect((await world.run(world.write('may.csv', text))).code).toBe(2);
      const fixFile = readFileSync(join(world.dataDir, `${sha256Of(text)}.errors.csv`), 'utf8');
      const corrected = world.write('corrected.csv', fixFile.replace('BE68539007547035', 'BE68539007547034'));
      const ran = await world.run(corrected);
      expect(ran.code).toBe(0);
      expect(countsOf(ran.summary)).toEqual({ succeeded: 1 });
      expect(world.sandbox.payments().map((one) => [one.record_id, one.amount])).toContainEqual(['bad', 999]);
      expect(world.sandbox.payments()).toHaveLength(3);
      // Its sequence continues from what was reported of the rejected row.
      const told = world.events().filter(({ record_id }) => record_id === 'bad');
      expect(told.map(({ sequence }) => sequence)).toEqual(told.map((_event, index) => index + 1));
    });
  });

  it('with a header only has nothing to pay and exits with 0', async () => {
    await inWorld({}, async (world) => {
      const ran = await world.run(world.write('empty.csv', csvOf([], ',', ['record_id', 'currency', 'amount', 'iban'])));
      expect(ran.code).toBe(0);
      expect(ran.summary.received).toEqual({ count: 0, amounts: {} });
      expect(ran.summary.state).toBe('finished');
    });
  });
});

describe('before anything is sent', () => {
  it('a structurally broken file is reported with its reasons, and no batch is created', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('broken.csv', 'record_id,amount\nx,1.00\n');
      const ended = await world.command(['run', path, '--json']);
      expect(ended.code).toBe(1);
      const report = JSON.parse(ended.stdout) as { structural: boolean; errors: { code: string }[] };
      expect(report.structural).toBe(true);
      expect(ended.stderr).toContain('has errors that block the whole file');
      expect(linesOf(join(world.dataDir, 'results.jsonl'))).toEqual([]);
      expect((await world.command(['status', '--json'])).stdout).toBe('');
      expect(initCalls(world)).toBe(0);
    });
  });

  it.each([
    { name: 'totals that differ', args: ['--expect', 'EUR=1.00/1'], says: 'expected 1.00 in 1 row' },
    { name: 'totals that cannot be read', args: ['--expect', 'EUR'], says: '--expect' },
    { name: 'a folder for the results that is not there', args: ['--results', '/no/such/folder/r.csv'], says: 'there is no such folder' },
    { name: 'detach without the distributed profile', args: ['--detach'], says: 'distributed profile' },
    { name: 'an unknown policy', args: ['--policy', 'some'], says: 'skip, all-or-nothing' },
    { name: 'a wait without a unit', args: ['--wait', '15'], says: 'such as 15m' },
  ])('$name end the run with 1', async ({ args, says }) => {
    await inWorld({}, async (world) => {
      const ended = await world.command(['run', world.write('may.csv', csvOf(payouts(2))), ...args]);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain(says);
      expect(ended.stderr).not.toContain('unexpected error');
      expect(initCalls(world)).toBe(0);
    });
  });

  it('a pipe is refused because it cannot be read twice', async () => {
    await inWorld({}, async (world) => {
      const ended = await world.command(['run', '/dev/stdin']);
      expect(ended.code).toBe(1);
      expect(initCalls(world)).toBe(0);
    });
  });

  it('the same bytes under another policy or delimiter are refused, and the difference is named', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(1)));
      await world.run(path);
      const ended = await world.command(['run', path, '--policy', 'all-or-nothing']);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain('first run with policy "skip"');
    });
  });

  it('a row above the limit of an amount is rejected', async () => {
    await inWorld({}, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(3))), [], { MAX_AMOUNT: 'EUR=2.07' });
      expect(ran.code).toBe(2);
      expect(countsOf(ran.summary)).toEqual({ succeeded: 2, rejected: 1 });
    });
  });
});
