/** Many records at once: by the filter of a list or by what is ticked in it, in the console and as a command. */
import { describe, expect, it } from 'vitest';
import { csvOf, payouts } from '../../support/builders.ts';
import { inScriptedWorld, shows } from '../../e2e/scripted-world.ts';
import type { World } from '../../e2e/world.ts';
import type { ScriptedAnswer, ScriptedCall } from '../../support/scripted-gateway.ts';
import { shownText, unescaped, type Browser } from './browser.ts';
import { withConsole, type OpenedConsole } from './world.ts';

const json = { accept: 'application/json' };
const refused = { status: 400, body: { status: 'error', error: { code: 'account_not_found', description: 'no such account' } } };
const script = (call: ScriptedCall): ScriptedAnswer => {
  const id = String(call.body.metadata?.record_id);
  return ['p-1', 'p-4'].includes(id) ? 'lost' : ['p-2', 'p-5'].includes(id) ? refused : shows(call, 'accepted', 'succeeded');
};

/** p-1 and p-4 are unknown, p-2 and p-5 failed, p-3 succeeded. */
const inOpenWorld = (work: (world: World) => Promise<void>): Promise<void> =>
  inScriptedWorld(script, async (world: World) => {
    await world.run(world.write('may.csv', csvOf(payouts(5))), ['--wait', '1s'], { GATEWAY_KEY_LIFETIME: '' });
    await work(world);
  });
const inConsole = (work: (opened: OpenedConsole) => Promise<void>, env: Readonly<Record<string, string>> = {}): Promise<void> =>
  inOpenWorld((world) => withConsole(world, work, env));

const statusesOf = async (browser: Browser): Promise<Readonly<Record<string, string>>> => {
  const { items } = (await browser.json('/records?status=queued,unknown,failed,succeeded,cancelled')) as {
    items: { record_id: string; status: string }[];
  };
  return Object.fromEntries(items.map(({ record_id: id, status }) => [id, status]));
};
const before = { 'p-1': 'unknown', 'p-2': 'failed', 'p-3': 'succeeded', 'p-4': 'unknown', 'p-5': 'failed' };

/** The fields of a form of a page that a person does not fill in. */
function hiddenOf(html: string, action: string): Record<string, string> {
  const form = new RegExp(`<form[^>]*action="${action}"[^]*?</form>`).exec(html)?.[0] ?? '';
  return Object.fromEntries(
    [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
      .map(([, name = '', value = '']) => [name, unescaped(value)] as const)
      .filter(([name]) => name !== 'csrf'),
  );
}

const filled = { as: 'succeeded', evidence: 'statement 118', reason: 'answers lost' };

describe('records that are ticked in the list', () => {
  it('are resolved together when number and sum are typed, each with who, why and from where in its trail', async () => {
    await inConsole(async ({ browser }) => {
      const list = (await browser.get('/records')).text;
      const ticks = [...list.matchAll(/form="decide" name="(record\.\d+)" value="([^"]+)"/g)].map(([, name = '', id = '']) => [name, id]);
      expect(ticks.map(([, id]) => id).toSorted()).toEqual(['p-1', 'p-4']);
      const page = await browser.post('/decide', { ...hiddenOf(list, '/decide'), ...(Object.fromEntries(ticks) as object) });
      expect(page.status).toBe(200);
      expect(shownText(page.text)).toMatch(
        /Decide about 2 records EUR 5\.14 .*Resolve 2 records by your word.*Type 2 EUR 5\.14 to confirm/,
      );
      const fields = { ...hiddenOf(page.text, '/decide/resolve'), ...filled };
      const done = await browser.submit('/decide/resolve', { ...fields, confirm: '2 eur 5.14' });
      expect(shownText(done.text)).toContain('2 records are resolved.');
      expect(await statusesOf(browser)).toEqual({ ...before, 'p-1': 'succeeded', 'p-4': 'succeeded' });
      for (const id of ['p-1', 'p-4']) {
        const { trail } = (await browser.json(`/records/${id}`)) as { trail: { event: string; by?: string; detail: object }[] };
        expect(trail.find(({ event }) => event === 'resolved')).toMatchObject({
          by: 'alice',
          detail: { reason: 'answers lost', from: 'console, 127.0.0.1' },
        });
      }
      expect(await browser.json('/')).toMatchObject({ balanced: true });
      // Sent again, as by a person who went back: nothing changes.
      const again = await browser.post('/decide/resolve', { ...fields, confirm: '2 EUR 5.14' }, json);
      expect((again.json() as { records: unknown[] }).records).toHaveLength(2);
      expect(await statusesOf(browser)).toEqual({ ...before, 'p-1': 'succeeded', 'p-4': 'succeeded' });
    });
  });

  it('of several states offer each decision for those that it can be taken about, and leave the others', async () => {
    await inConsole(async ({ browser }) => {
      const chosen = { 'record.0': 'p-1', 'record.1': 'p-2', 'record.2': 'p-3' };
      expect((await browser.post('/decide', chosen, json)).json()).toEqual({
        count: 3,
        resolve: { records: ['p-1'], confirm: '1 EUR 1.07' },
        retry: { records: ['p-2'], confirm: '1 EUR 2.07' },
      });
      const page = shownText((await browser.post('/decide', chosen)).text);
      expect(page).toContain('The other 2 of 3 stay as they are.');
      expect(shownText((await browser.post('/decide', { 'record.0': 'p-3' })).text)).toContain(
        'None of them can be resolved or paid again',
      );
    });
  });
});

describe('records that match a filter', () => {
  it('are paid again together, once however often the form is sent', async () => {
    await inConsole(async ({ browser }) => {
      const page = await browser.post('/decide', { filter: 'status=failed&code=account_not_found', all: 'yes' });
      expect(shownText(page.text)).toMatch(/Pay 2 records again.*Type 2 EUR 7\.14 to confirm/);
      const fields = { ...hiddenOf(page.text, '/decide/retry'), reason: 'accounts are open', confirm: '2 EUR 7.14' };
      const got = await browser.post('/decide/retry', fields, json);
      const { outcome, records } = got.json() as { outcome: string; records: { record_id: string; attempt: number }[] };
      // They are in the order of their first sends, which several calls at once decide.
      const attempts = records.map(({ record_id: id, attempt }) => [id, attempt] as const).toSorted();
      expect([got.status, outcome, attempts]).toEqual([
        200,
        'done',
        [
          ['p-2', 2],
          ['p-5', 2],
        ],
      ]);
      expect(await statusesOf(browser)).toEqual({ ...before, 'p-2': 'queued', 'p-5': 'queued' });
      expect((await browser.post('/decide/retry', fields, json)).json()).toMatchObject({
        records: [{ outcome: 'unchanged' }, { outcome: 'unchanged' }],
      });
      expect((await browser.post('/decide/retry', fields)).headers['location']).toMatch(
        /^\/records\?status=failed&code=account_not_found&note=/,
      );
    });
  });

  it('of which one has ended meanwhile: the others are done, and that one is named with its reason', async () => {
    await inConsole(async ({ browser }) => {
      const { resolve } = (await browser.post('/decide', { filter: 'status=unknown', all: 'yes' }, json)).json() as {
        resolve: { records: string[]; confirm: string };
      };
      await browser.post('/records/p-1/resolve', { ...filled, as: 'failed', confirm: '1 EUR 1.07' });
      const got = await browser.post('/decide/resolve', { ...filled, records: resolve.records.join(' '), confirm: resolve.confirm }, json);
      expect([got.status, (got.json() as { text: string }).text]).toEqual([
        409,
        expect.stringMatching(/^1 record is resolved, 1 not: .*p-1/),
      ]);
      expect(await statusesOf(browser)).toEqual({ ...before, 'p-1': 'failed', 'p-4': 'succeeded' });
    });
  });
});

describe('a decision about many records', () => {
  it('changes nothing without reason, evidence, outcome, the right number and sum, or about a record that there is not', async () => {
    await inConsole(async ({ browser }) => {
      const whole = { ...filled, records: 'p-1 p-4', confirm: '2 EUR 5.14' };
      const wrong: readonly (readonly [Readonly<Record<string, string>>, number, string])[] = [
        [{ confirm: '2 EUR 5.15' }, 422, 'not_confirmed'],
        [{ confirm: '1 EUR 5.14' }, 422, 'not_confirmed'],
        [{ confirm: '' }, 422, 'not_confirmed'],
        [{ reason: ' ' }, 422, 'no_reason'],
        [{ evidence: '' }, 422, 'field_missing'],
        [{ as: 'paid' }, 422, 'field_missing'],
        [{ records: '' }, 422, 'field_missing'],
        [{ records: 'p-1 p-4 p-9' }, 404, 'no_record'],
        // The same record twice is one record.
        [{ records: 'p-1 p-1' }, 422, 'not_confirmed'],
        [{ records: Array.from({ length: 501 }, (_, index) => `q-${index}`).join(' ') }, 422, 'too_many'],
      ];
      for (const [changes, status, code] of wrong) {
        const got = await browser.post('/decide/resolve', { ...whole, ...changes }, json);
        expect([got.status, (got.json() as { error: string }).error], JSON.stringify(changes).slice(0, 60)).toEqual([status, code]);
      }
      expect((await browser.post('/decide/resolve', { ...whole, csrf: 'x' }, json)).status).toBe(403);
      expect(((await browser.post('/decide', {}, json)).json() as { error: string }).error).toBe('none_chosen');
      expect(((await browser.post('/decide', { filter: 'status=cancelled', all: 'yes' }, json)).json() as { error: string }).error).toBe(
        'none_chosen',
      );
      expect(await statusesOf(browser)).toEqual(before);
    });
  });

  it('takes an operator: a viewer can tick nothing and is refused', async () => {
    await inConsole(
      async ({ browser }) => {
        expect((await browser.get('/records')).text).not.toContain('/decide');
        for (const path of ['/decide', '/decide/resolve', '/decide/retry'])
          expect(
            (await browser.post(path, { ...filled, records: 'p-1', 'record.0': 'p-1', confirm: '1 EUR 1.07' }, json)).status,
            path,
          ).toBe(403);
        expect(await statusesOf(browser)).toEqual(before);
      },
      { CONSOLE_ROLES: 'alice=viewer' },
    );
  });
});

describe('the commands', () => {
  it('resolve and retry take all records that match, once their totals are given', async () => {
    await inOpenWorld(async (world) => {
      const word = ['--as', 'failed', '--evidence', 'ticket 4711', '--reason', 'answers lost'];
      const unsure = await world.command(['resolve', '--status', 'unknown', ...word]);
      expect([unsure.code, unsure.stderr.replace(/\s+/g, ' ')]).toEqual([1, expect.stringContaining('add --expect EUR=5.14/2')]);
      const wrong = await world.command(['resolve', '--status', 'unknown', '--expect', 'EUR=5.14/3', ...word]);
      expect([wrong.code, wrong.stderr.replace(/\s+/g, ' ')]).toEqual([
        2,
        expect.stringContaining('nothing was done: --expect is EUR=5.14/3'),
      ]);
      expect((await world.command(['resolve', 'p-1', '--expect', 'EUR=1.08/1', ...word])).code).toBe(2);
      const done = await world.command(['resolve', '--status', 'unknown', '--expect', 'EUR=5.14/2', '--json', ...word]);
      expect([done.code, JSON.parse(done.stdout)]).toMatchObject([0, { records: [{ outcome: 'done' }, { outcome: 'done' }] }]);
      const none = await world.command(['resolve', '--status', 'unknown', '--expect', 'EUR=5.14/2', ...word]);
      expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('no record matches')]);

      const retried = await world.command([
        'retry',
        '--code',
        'account_not_found',
        '--batch',
        'may.csv',
        '--expect',
        'EUR=7.14/2',
        '--reason',
        'open',
        '--json',
      ]);
      expect([retried.code, JSON.parse(retried.stdout)]).toMatchObject([
        0,
        {
          records: [
            { outcome: 'done', status: 'queued' },
            { outcome: 'done', status: 'queued' },
          ],
        },
      ]);
      for (const args of [['retry'], ['retry', 'p-2', '--status', 'failed'], ['resolve', ...word.slice(0, 4)]])
        expect((await world.command([...args, '--reason', 'x'])).code, args.join(' ')).toBe(1);
    });
  });

  it('resolve takes several records by their ids, and reports each', async () => {
    await inOpenWorld(async (world) => {
      const word = ['--as', 'succeeded', '--evidence', 'statement 118', '--reason', 'answers lost', '--json'];
      const got = await world.command(['resolve', 'p-1', 'p-4', 'p-3', ...word]);
      expect([got.code, JSON.parse(got.stdout)]).toMatchObject([
        2,
        { records: [{ record_id: 'p-1', outcome: 'done' }, { record_id: 'p-4', outcome: 'done' }, { record_id: 'p-3' }] },
      ]);
    });
  });
});
