/** Operators' commands on a stand-alone ledger: alone, beside a process that pays, and at the same time as each other. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, payouts, row } from '../support/builders.ts';
import type { ScriptedAnswer, ScriptedCall } from '../support/scripted-gateway.ts';
import { because, done, inScriptedWorld, shows } from './scripted-world.ts';
import { inWorld, until } from './world.ts';

describe('resolve', () => {
  it("ends an unknown record by a person's word, publishes it, and is unchanged when it is asked again", async () => {
    await inScriptedWorld(
      () => 'lost',
      async (world) => {
        const ran = await world.run(world.write('may.csv', csvOf(payouts(1))), ['--wait', '1s'], { GATEWAY_KEY_LIFETIME: '' });
        expect(ran.code).toBe(2);
        const evidence = ['--as', 'succeeded', '--evidence', 'bank statement 118', '--by', 'alice'];
        expect(await done(world, ['resolve', 'p-1', ...evidence, ...because])).toMatchObject({ outcome: 'done', status: 'succeeded' });
        expect(world.events().at(-1)).toMatchObject({ record_id: 'p-1', status: 'succeeded', final: true, resolved_by: 'alice' });
        expect(await done(world, ['resolve', 'p-1', ...evidence, ...because])).toMatchObject({ outcome: 'unchanged' });
        const other = await world.command(['resolve', 'p-1', '--as', 'failed', '--evidence', 'x', ...because]);
        expect(other).toMatchObject({ code: 2, stdout: '' });
        expect(other.stderr).toMatch(/has ended as succeeded, resolved by alice: what has ended is not changed/);
        const retried = await world.command(['retry', 'p-1', ...because]);
        expect(retried).toMatchObject({ code: 2, stderr: expect.stringContaining('it is succeeded') as string });
        expect((await world.command(['status', 'may.csv'])).stdout).toContain('finished');
      },
    );
  });

  it('is refused without evidence or reason, for an unknown record and for one that was never sent', async () => {
    await inWorld({ faults: 'refuse=1' }, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      const asked = ['resolve', 'p-1', '--as', 'succeeded'];
      expect(await world.command([...asked, ...because])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('--evidence') as string,
      });
      expect(await world.command([...asked, '--evidence', 'e'])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('--reason') as string,
      });
      expect(await world.command(['resolve', 'p-1', '--evidence', 'e', ...because])).toMatchObject({ code: 1 });
      const missing = await world.command(['resolve', 'inv-99', '--as', 'failed', '--evidence', 'e', ...because]);
      expect(missing).toMatchObject({ code: 2, stderr: 'disburse: There is no record inv-99 in this ledger.\n' });
    });
  });
});

describe('retry', () => {
  const refusedOnce = (call: ScriptedCall): ScriptedAnswer =>
    call.body.metadata?.attempt === 1
      ? { status: 400, body: { status: 'error', error: { code: 'account_not_found', description: 'no such account' } } }
      : shows(call, 'accepted', 'succeeded');

  it('queues a refused record for attempt 2, and the next run of any file sends it under the key of that attempt', async () => {
    await inScriptedWorld(refusedOnce, async (world, calls) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(1))));
      expect(ran.summary.statuses.failed.count).toBe(1);
      expect(await done(world, ['retry', 'p-1', ...because, '--by', 'alice'])).toMatchObject({
        outcome: 'done',
        status: 'queued',
        attempt: 2,
      });
      expect(world.events().at(-1)).toMatchObject({ status: 'queued', final: false, attempt: 2, error: { code: 'retried' } });
      expect(await done(world, ['retry', 'p-1', ...because])).toMatchObject({ outcome: 'unchanged' });
      expect((await world.command(['status', 'may.csv', '--json'])).stdout).toContain('"state":"waiting"');
      await world.run(world.write('june.csv', csvOf([row('q-1', { amount: '1.00' })])));
      const sent = calls.filter(({ body }) => body.metadata?.record_id === 'p-1' && body.session_id === undefined);
      expect(sent.map(({ body }) => body.metadata?.attempt)).toEqual([1, 2]);
      expect(new Set(sent.map(({ key }) => key)).size).toBe(2);
      expect(world.events().findLast(({ record_id: id }) => id === 'p-1')).toMatchObject({ status: 'succeeded', attempt: 2 });
      const ids = world.events().map(({ event_id: id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
    });
  });

  it('reports each record, and ends with exit code 2 when one of them cannot be retried', async () => {
    await inScriptedWorld(refusedOnce, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      const ended = await world.command(['retry', 'inv-99', 'p-1', ...because, '--json']);
      expect(ended.code).toBe(2);
      expect(JSON.parse(ended.stdout)).toMatchObject({ records: [{ outcome: 'missing' }, { outcome: 'done', attempt: 2 }] });
    });
  });

  it('takes the row from a file, and refuses one with other content', async () => {
    await inScriptedWorld(refusedOnce, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(2)));
      await world.run(path);
      const changed = world.write('changed.csv', csvOf([row('p-1', { amount: '9.99' })]));
      const refused = await world.command(['retry', 'p-1', '--file', changed, ...because]);
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('is not the one that was sent') as string });
      expect(await done(world, ['retry', 'p-1', '--file', path, ...because])).toMatchObject({ status: 'queued' });
    });
  });

  it('takes the row from a file whose columns have other names, with the mapping of --map', async () => {
    await inScriptedWorld(refusedOnce, async (world) => {
      const text = csvOf(payouts(2));
      await world.run(world.write('may.csv', text));
      const [header = '', ...rest] = text.split('\n');
      const file = world.write('bank.csv', [header.replace('record_id', 'Reference'), ...rest].join('\n'));
      const proposed = await world.command(['map', file]);
      const mapping = JSON.parse(proposed.stdout) as { columns: Record<string, unknown> };
      const map = world.write('bank.json', JSON.stringify({ ...mapping, columns: { ...mapping.columns, record_id: 'Reference' } }));
      expect(await world.command(['retry', 'p-1', '--file', file, ...because])).toMatchObject({ code: 1 });
      expect(await done(world, ['retry', 'p-1', '--file', file, '--map', map, ...because])).toMatchObject({ status: 'queued', attempt: 2 });
    });
  });

  it('takes the row from a file in another encoding, with another delimiter and decimal sign, as run reads it', async () => {
    await inScriptedWorld(refusedOnce, async (world) => {
      const text = csvOf([row('p-1', { amount: '10,50', recipient_first_name: 'José' })], ';');
      const path = world.write('may.csv', Buffer.from(text, 'latin1'));
      const reading = ['--encoding', 'windows-1252', '--delimiter', ';', '--decimal', 'comma'];
      expect((await world.run(path, reading)).summary.statuses.failed.count).toBe(1);
      const retry = ['retry', 'p-1', '--file', path, ...because];
      expect(await world.command([...retry, ...reading.slice(0, 2)])).toMatchObject({ code: 1 });
      expect(await done(world, [...retry, ...reading])).toMatchObject({ status: 'queued', attempt: 2 });
      const alone = await world.command(['retry', 'p-1', '--decimal', 'comma', ...because]);
      expect(alone).toMatchObject({ code: 1, stderr: expect.stringContaining('--decimal needs --file') as string });
    });
  });

  it('refuses --sheet for a file that is no workbook, and without a file', async () => {
    await inScriptedWorld(refusedOnce, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(1)));
      await world.run(path);
      const refused = await world.command(['retry', 'p-1', '--file', path, '--sheet', 'May', ...because]);
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be read') as string });
      const alone = await world.command(['retry', 'p-1', '--sheet', 'May', ...because]);
      expect(alone).toMatchObject({ code: 1, stderr: expect.stringContaining('--sheet needs --file') as string });
    });
  });
});

describe('retry --amend', () => {
  it('sends a changed row of the same amount as the next attempt; either content is a duplicate afterwards', async () => {
    const answer = (call: ScriptedCall): ScriptedAnswer =>
      call.body.metadata?.attempt === 1
        ? { status: 400, body: { status: 'error', error: { code: 'account_not_found', description: 'no such account' } } }
        : shows(call, 'accepted', 'succeeded');
    await inScriptedWorld(answer, async (world, calls) => {
      const first = row('p-1', { amount: '1.07' });
      await world.run(world.write('may.csv', csvOf([first])));
      const other = row('p-1', { amount: '1.07', description: 'to the new account' });
      const changed = world.write('changed.csv', csvOf([other]));
      const amend = ['retry', 'p-1', '--amend', ...because];
      expect(await world.command(amend)).toMatchObject({ code: 1, stderr: expect.stringContaining('--file') as string });
      const dearer = world.write('dearer.csv', csvOf([row('p-1', { amount: '1.08' })]));
      const refused = await world.command([...amend, '--file', dearer]);
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('another amount, currency or kind') as string });
      expect((await world.command(['retry', 'p-1', '--file', changed, ...because])).code).toBe(2);
      expect(await done(world, [...amend, '--file', changed])).toMatchObject({ outcome: 'done', attempt: 2 });
      await world.run(world.write('june.csv', csvOf(payouts(1, 'j'))));
      const sent = calls.filter(({ body }) => body.metadata?.record_id === 'p-1' && body.metadata.attempt === 2);
      expect(sent).toHaveLength(1);
      expect(JSON.stringify(sent[0]?.body)).toContain('to the new account');
      const again = await world.run(world.write('again.csv', csvOf([other])));
      expect(again.summary.statuses.duplicate.count).toBe(1);
      expect((await world.run(world.write('once-more.csv', `${csvOf([first])}\n`))).summary.statuses.duplicate.count).toBe(1);
      expect((await world.command(['explain', 'p-1', '--verify'])).code).toBe(0);
    });
  });
});

describe('commands beside a process that pays', () => {
  it('reach it through the ledger, and are answered by it', async () => {
    await inScriptedWorld(
      (call) => shows(call, 'in_progress', 'in_progress'),
      async (world) => {
        const path = world.write('may.csv', csvOf(payouts(2)));
        const running = world.begin(['run', path, '--json', '--wait', '45s']);
        try {
          await until('two records in progress', () => world.events().filter(({ status }) => status === 'in_progress').length === 2);
          const evidence = ['--evidence', 'e', '--by', 'alice', ...because];
          const [one, two] = await Promise.all([
            done(world, ['resolve', 'p-1', '--as', 'succeeded', ...evidence]),
            done(world, ['resolve', 'p-2', '--as', 'cancelled', ...evidence]),
          ]);
          expect([one?.['outcome'], two?.['outcome']]).toEqual(['done', 'done']);
          const ended = await running.ended;
          expect(ended.code, ended.stderr).toBe(2);
          expect(JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
            state: 'finished',
            statuses: { succeeded: { count: 1 }, cancelled: { count: 1 } },
            balanced: true,
          });
        } finally {
          running.kill('SIGKILL');
        }
      },
    );
  });

  it('asked by two persons at once have one outcome, and both get an answer', async () => {
    await inScriptedWorld(
      () => 'lost',
      async (world) => {
        await world.run(world.write('may.csv', csvOf(payouts(1))), ['--wait', '1s'], { GATEWAY_KEY_LIFETIME: '' });
        const answers = await Promise.all(
          (['succeeded', 'failed'] as const).map((as) => world.command(['resolve', 'p-1', '--as', as, '--evidence', 'e', ...because])),
        );
        expect(answers.map(({ code }) => code).toSorted()).toEqual([0, 2]);
        expect(world.events().filter(({ final }) => final)).toHaveLength(1);
      },
    );
  });
});

describe('cancel', () => {
  it('of a batch whose rows wait ends them, frees their record ids, and keeps it cancelled when the file is run again', async () => {
    await inScriptedWorld(
      () => ({ status: 429, body: {}, headers: { 'retry-after': '60' } }),
      async (world, calls) => {
        const path = world.write('may.csv', csvOf(payouts(3)));
        expect((await world.run(path, ['--wait', '1s'])).code).toBe(3);
        expect(await done(world, ['cancel', 'may.csv', ...because])).toMatchObject({ outcome: 'done', cancelled: 3, gone: 0 });
        const before = calls.length;
        const again = await world.run(path, ['--wait', '1s']);
        expect(again.summary).toMatchObject({ state: 'cancelled', statuses: { cancelled: { count: 3 } }, balanced: true });
        expect(calls.filter(({ method }) => method.startsWith('session/init')).length).toBeLessThanOrEqual(before);
        expect(world.events().filter(({ status }) => status === 'cancelled')).toMatchObject(
          ['p-1', 'p-2', 'p-3'].map((id) => ({ record_id: id, error: { code: 'cancelled_by_operator' } })),
        );
        expect(await done(world, ['cancel', 'may.csv', ...because])).toMatchObject({ outcome: 'unchanged' });
      },
    );
  });

  it('of one record that was sent is refused, and says where it is', async () => {
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      const ended = await world.command(['cancel', '--record', 'p-1', ...because]);
      expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('has ended as succeeded') as string });
    });
  });

  it('needs a batch or a record, and a reason', async () => {
    await inWorld({}, async (world) => {
      expect(await world.command(['cancel', ...because])).toMatchObject({ code: 1 });
      expect(await world.command(['cancel', 'may.csv', '--record', 'p-1', ...because])).toMatchObject({ code: 1 });
      expect(await world.command(['cancel', 'may.csv'])).toMatchObject({ code: 1, stderr: expect.stringContaining('--reason') as string });
    });
  });
});

describe('pause', () => {
  const answers = (call: ScriptedCall): ScriptedAnswer => shows(call, 'accepted', 'succeeded');

  it('of everything parks the rows of a run, and resume sends them from the body that is kept', async () => {
    await inScriptedWorld(answers, async (world, calls) => {
      await world.run(world.write('april.csv', csvOf(payouts(1, 'a'))));
      expect(await done(world, ['pause', '--all', '--by', 'alice', '--reason', 'wrong file?'])).toMatchObject({
        outcome: 'done',
        paused: true,
      });
      expect(await done(world, ['pause', '--all', '--reason', 'card 4111 1111 1111 1111'])).toMatchObject({ outcome: 'unchanged' });
      const kept = readdirSync(world.dataDir).map((name) => readFileSync(join(world.dataDir, name)).toString('latin1'));
      expect(kept.join('\n')).not.toMatch(/4111/);
      const path = world.write('may.csv', csvOf(payouts(3)));
      const paused = await world.run(path, ['--wait', '1s']);
      expect(paused).toMatchObject({ code: 3, summary: { state: 'paused', statuses: { queued: { count: 3 } }, balanced: true } });
      expect(paused.stderr).toContain('alice paused everything (wrong file?)');
      expect(calls.filter(({ body }) => body.metadata?.record_id.startsWith('p-'))).toEqual([]);
      const parked = world.events().filter(({ status }) => status === 'queued');
      expect(parked.map(({ record_id: id, error, final }) => [id, error?.code, final])).toEqual(
        ['p-1', 'p-2', 'p-3'].map((id) => [id, 'paused', false]),
      );
      // Nothing more is published for a record that is parked already.
      expect((await world.run(path, ['--wait', '1s'])).code).toBe(3);
      expect(world.events().filter(({ status }) => status === 'queued')).toHaveLength(3);
      expect(await done(world, ['resume', '--all'])).toMatchObject({ outcome: 'done', resumed: 3, paused: false });
      expect(await done(world, ['resume', '--all'])).toMatchObject({ outcome: 'unchanged' });
      // Any run sends what is due, whatever its file.
      await world.run(world.write('june.csv', csvOf(payouts(1, 'j'))));
      const last = await world.run(path);
      expect(last).toMatchObject({ code: 0, summary: { state: 'finished', statuses: { succeeded: { count: 3 } } } });
      const inits = calls.filter(({ method }) => method.startsWith('session/init')).map(({ body }) => body.metadata?.record_id);
      expect(inits.filter((id) => id?.startsWith('p-')).toSorted()).toEqual(['p-1', 'p-2', 'p-3']);
    });
  });

  it('of one batch lets a run of another file pay', async () => {
    let isBusy = true;
    const busy: ScriptedAnswer = { status: 429, body: {}, headers: { 'retry-after': '60' } };
    await inScriptedWorld(
      (call) => (isBusy ? busy : answers(call)),
      async (world) => {
        expect((await world.run(world.write('may.csv', csvOf(payouts(2))), ['--wait', '1s'])).code).toBe(3);
        isBusy = false;
        expect(await done(world, ['pause', 'may.csv'])).toMatchObject({ outcome: 'done' });
        expect((await world.run(world.write('june.csv', csvOf(payouts(1, 'j'))))).code).toBe(0);
        expect((await world.command(['status', 'may.csv', '--json'])).stdout).toContain('"state":"paused"');
      },
    );
  });

  it('beside a run that pays is answered by it, and no init comes after the answer', async () => {
    await inScriptedWorld(answers, async (world, calls) => {
      const path = world.write('may.csv', csvOf(payouts(200)));
      const running = world.begin(['run', path, '--json', '--wait', '40s'], { DISPATCH_RATE: '20' });
      try {
        await until('ten sends', () => calls.filter(({ method }) => method.startsWith('session/init')).length >= 10);
        await done(world, ['pause', 'may.csv']);
        // What had its intent before the answer may still be on its way.
        const atAnswer = calls.length;
        await until('the rows are parked', () => world.events().filter(({ status }) => status === 'queued').length > 100);
        expect(calls.filter(({ method }) => method.startsWith('session/init')).length).toBeLessThanOrEqual(atAnswer + 3);
        await done(world, ['resume', 'may.csv']);
        const ended = await running.ended;
        expect(ended.code, ended.stderr).toBe(0);
        const ids = calls.filter(({ method }) => method.startsWith('session/init')).map(({ body }) => body.metadata?.record_id);
        expect(new Set(ids).size).toBe(200);
        expect(ids).toHaveLength(200);
      } finally {
        running.kill('SIGKILL');
      }
    });
  });
});
