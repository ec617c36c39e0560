/** What a person decides in the console is the same as a command: once, with who, why and from where. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, payouts } from '../../support/builders.ts';
import { inScriptedWorld, shows } from '../../e2e/scripted-world.ts';
import type { World } from '../../e2e/world.ts';
import type { ScriptedAnswer, ScriptedCall } from '../../support/scripted-gateway.ts';
import { shownText } from './browser.ts';
import { withConsole } from './world.ts';

const json = { accept: 'application/json' };
const refused = { status: 400, body: { status: 'error', error: { code: 'account_not_found', description: 'no such account' } } };
const lostFirst = (call: ScriptedCall): ScriptedAnswer =>
  call.body.metadata?.record_id === 'p-1'
    ? 'lost'
    : call.body.metadata?.record_id === 'p-2'
      ? refused
      : shows(call, 'accepted', 'succeeded');

/** p-1 is unknown, p-2 failed, p-3 succeeded. */
const inOpenWorld = (work: Parameters<typeof withConsole>[1], env: Readonly<Record<string, string>> = {}): Promise<void> =>
  inScriptedWorld(lostFirst, async (world: World) => {
    await world.run(world.write('may.csv', csvOf(payouts(3))), ['--wait', '1s'], { GATEWAY_KEY_LIFETIME: '' });
    await withConsole(world, work, env);
  });

interface Explained {
  readonly record: { readonly status: string; readonly attempt: number };
  readonly trail: readonly { readonly event: string; readonly by?: string; readonly detail: Readonly<Record<string, unknown>> }[];
}

describe('resolve', () => {
  const filled = { as: 'succeeded', evidence: 'statement 118 of DE89370400440532013000', reason: 'answer lost' };

  it('ends an unknown record with count and sum typed, and the trail says who, why and from where', async () => {
    await inOpenWorld(async ({ browser }) => {
      expect(shownText((await browser.get('/records/p-1')).text)).toContain('Type 1 EUR 1.07 to confirm');
      const done = await browser.submit('/records/p-1/resolve', { ...filled, confirm: ' 1  eur 1.07' });
      expect(shownText(done.text)).toContain('The record p-1 is succeeded.');
      const { record, trail } = (await browser.json('/records/p-1')) as Explained;
      expect(record.status).toBe('succeeded');
      expect(trail.find(({ event }) => event === 'resolved')).toMatchObject({
        by: 'alice',
        detail: { reason: 'answer lost', from: 'console, 127.0.0.1' },
      });
      expect(JSON.stringify(trail)).not.toContain('DE89370400440532013000');
      expect(await browser.json('/')).toMatchObject({ balanced: true });
      // The note is shown once.
      expect(shownText((await browser.get('/records/p-1')).text)).not.toContain('The record p-1 is succeeded.');
    });
  });

  it.each([
    ['another sum', { ...filled, confirm: '1 EUR 1.70' }, 422, 'not_confirmed'],
    ['nothing typed', filled, 422, 'not_confirmed'],
    ['no reason', { ...filled, confirm: '1 EUR 1.07', reason: ' ' }, 422, 'no_reason'],
    ['no evidence', { ...filled, confirm: '1 EUR 1.07', evidence: '' }, 422, 'field_missing'],
    ['an outcome that there is not', { ...filled, confirm: '1 EUR 1.07', as: 'paid' }, 422, 'field_missing'],
  ])('with %s changes nothing and says what is missing', async (_what, fields, status, code) => {
    await inOpenWorld(async ({ browser }) => {
      const got = await browser.post('/records/p-1/resolve', fields, json);
      expect([got.status, (got.json() as { error: string }).error]).toEqual([status, code]);
      expect(((await browser.json('/records/p-1')) as Explained).record.status).toBe('unknown');
    });
  });

  it('of what has ended is refused as on the command line, with 409', async () => {
    await inOpenWorld(async ({ browser }) => {
      const got = await browser.post('/records/p-3/resolve', { ...filled, confirm: '1 EUR 3.07' }, json);
      expect([got.status, got.json()]).toEqual([409, expect.objectContaining({ outcome: 'refused', record_id: 'p-3' })]);
      expect((await browser.post('/records/none/resolve', { ...filled, confirm: '1 EUR 3.07' }, json)).status).toBe(404);
    });
  });
});

describe('retry', () => {
  it('queues a failed record for its next attempt, and is unchanged when it is asked again', async () => {
    await inOpenWorld(async ({ browser }) => {
      const fields = { reason: 'account reopened', confirm: '1 EUR 2.07' };
      const got = await browser.post('/records/p-2/retry', fields, json);
      expect(got.json()).toMatchObject({ outcome: 'done', record_id: 'p-2', status: 'queued', attempt: 2 });
      expect((await browser.post('/records/p-2/retry', fields, json)).json()).toMatchObject({ outcome: 'unchanged' });
    });
  });
});

describe('pause, resume and cancel', () => {
  it('hold up a batch, let it go on, and end what was not sent', async () => {
    await inOpenWorld(async ({ browser }) => {
      await browser.post('/records/p-2/retry', { reason: 'again', confirm: '1 EUR 2.07' });
      const { items } = (await browser.json('/batches')) as { items: { batch_id: string; state: string }[] };
      const path = `/batches/${items[0]?.batch_id ?? ''}`;
      expect(shownText((await browser.submit(`${path}/pause`, { reason: 'wrong amounts?' })).text)).toContain(
        'alice paused the batch (wrong amounts?)',
      );
      expect(await browser.json(path)).toMatchObject({ state: 'paused' });
      expect((await browser.post(`${path}/resume`, {}, json)).json()).toMatchObject({ outcome: 'done' });
      expect((await browser.post(`${path}/cancel`, {}, json)).status).toBe(422);
      expect((await browser.post(`${path}/cancel`, { reason: 'wrong file' }, json)).json()).toMatchObject({
        outcome: 'done',
        cancelled: 1,
        gone: 1,
      });
      const { trail } = (await browser.json('/records/p-2')) as Explained;
      expect(trail.at(-1)).toMatchObject({ event: 'cancelled', by: 'alice', detail: { from: 'console, 127.0.0.1' } });
    });
  });

  it('of everything are on the overview', async () => {
    await inOpenWorld(async ({ browser }) => {
      expect(shownText((await browser.submit('/batches/--all/pause', {})).text)).toContain('Paused: alice paused everything.');
      expect(await browser.json('/')).toMatchObject({ paused: [{ batch_id: null, code: 'paused', by: 'alice' }] });
      expect((await browser.submit('/batches/--all/resume', {})).text).toContain('Everything goes on');
    });
  });
});

describe('an action', () => {
  it('takes its role: a viewer sees no form and is refused', async () => {
    await inOpenWorld(
      async ({ browser, as }) => {
        expect((await browser.get('/records/p-1')).text).not.toContain('/records/p-1/resolve');
        for (const path of [
          '/records/p-1/resolve',
          '/records/p-2/retry',
          '/batches/--all/pause',
          '/alerts/p-1/acknowledge',
          '/dead-letters/0%2F1/redrive',
        ]) {
          const got = await browser.post(path, { reason: 'x', confirm: 'x' }, json);
          expect([got.status, (got.json() as { error: string }).error], path).toEqual([403, 'not_allowed']);
        }
        expect((await (await as('bob')).get('/records/p-1')).text).toContain('/records/p-1/resolve');
      },
      { CONSOLE_ROLES: 'alice=viewer,bob=operator' },
    );
  });

  it('is refused without the field csrf, whatever else is right', async () => {
    await inOpenWorld(async ({ browser }) => {
      const got = await browser.post('/batches/--all/pause', { csrf: 'x' }, json);
      expect([got.status, (got.json() as { error: string }).error]).toEqual([403, 'foreign_form']);
      expect(await browser.json('/')).toMatchObject({ paused: [] });
    });
  });

  it('is in the journal, done or refused, and the journal is on /system', async () => {
    await inOpenWorld(async ({ browser, config }) => {
      await browser.post('/batches/--all/pause', { reason: 'look' });
      await browser.post('/records/p-3/retry', { reason: 'again', confirm: '1 EUR 3.07' });
      const lines = readFileSync(join(config.dataDir, 'console-actions.jsonl'), 'utf8').trim().split('\n');
      expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
        { by: 'alice', from: 'console, 127.0.0.1', action: 'pause', about: 'everything', reason: 'look', outcome: 'done' },
        { by: 'alice', action: 'retry', about: 'p-3', outcome: 'refused' },
      ]);
      expect(shownText((await browser.get('/system')).text)).toMatch(
        /alice console, 127\.0\.0\.1 retry p-3 again refused: The record p-3 cannot be retried/,
      );
    });
  });
});
