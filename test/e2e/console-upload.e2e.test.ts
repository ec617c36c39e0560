/** A payout file in the console without a script: checked, corrected, handed over, approved by another person, paid. */
import { existsSync, mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { csvOf, payouts, row } from '../support/builders.ts';
import type { Summary } from '../../batches/record/summary.ts';
import { zipOf } from '../consumers/gateway-report/reports.ts';
import { inlineRow, parts } from '../consumers/workbook/workbooks.ts';
import { freePort } from '../support/free-port.ts';
import { logIn, shownText, type Answered, type Browser } from '../src/console/browser.ts';
import { beginConsole, linkFor } from './console-world.ts';
import { inWorld, sha256Of, until, type World } from './world.ts';

const json = { accept: 'application/json' };
const whole = csvOf(payouts(3));
const book = zipOf(
  parts(
    whole
      .trim()
      .split('\n')
      .map((line, index) => inlineRow(index + 1, ...line.split(',')))
      .join(''),
  ),
);
const totals = 'EUR=6.21/3';
const batch = (content: string): string => `/batches/${sha256Of(content)}`;
const idOf = (answered: Answered): string => (answered.json() as { upload: string }).upload;
const codeOf = (answered: Answered): string => (answered.json() as { error: string }).error;

const isFinished = async (browser: Browser, content: string): Promise<boolean> =>
  ((await browser.json(batch(content))) as { state?: string }).state === 'finished';

const uploaded = async (browser: Browser, content = whole): Promise<string> =>
  idOf(await browser.upload({ name: 'may.csv', content }, {}, json));

const filesIn = (world: World): string[] => (existsSync(join(world.dataDir, 'uploads')) ? readdirSync(join(world.dataDir, 'uploads')) : []);

describe('an uploaded file', () => {
  it('is checked first, shows each cell to correct in its row with accounts masked, and is paid when its totals are typed', async () => {
    await inWorld({}, async (world) => {
      const console = await beginConsole(world);
      const { browser } = console;
      const content = csvOf([...payouts(2), row('bad-1', { iban: 'DE00370400440532013000', amount: '12.345' })]);
      const done = await browser.upload({ name: 'may.csv', content });
      expect(done.status).toBe(303);
      const page = await browser.get(String(done.headers['location']));
      expect(shownText(page.text)).toMatch(/1 row cannot be paid.*EUR 2 3\.14.*Rows to correct/);
      expect(page.text.match(/<td class="bad">/g)).toHaveLength(2);
      expect(page.text).not.toContain('DE00370400440532013000');
      expect(world.sandbox.payments()).toEqual([]);
      const id = String(done.headers['location']).split('/').at(-1) ?? '';
      const fix = await browser.get(`/upload/${id}/errors.csv`);
      expect([fix.headers['content-disposition'], fix.text]).toEqual([
        expect.stringContaining('may.errors.csv'),
        expect.stringContaining('bad-1'),
      ]);
      for (const wrong of ['EUR=3.14/3', 'EUR=3.41/2', 'USD=3.14/2'])
        expect(codeOf(await browser.post(`/upload/${id}/submit`, { expect: wrong }, json)), wrong).toBe('totals_differ');
      expect(world.sandbox.payments()).toEqual([]);
      expect(shownText((await browser.submit(`/upload/${id}/submit`, { expect: 'EUR=3.14/2' })).text)).toContain('may.csv is handed over.');
      await until('the end of the batch', () => isFinished(browser, content));
      expect(world.sandbox.payments().map(({ entry_status: status }) => status)).toEqual(['succeeded', 'succeeded']);
      expect((await browser.get(`${batch(content)}/results.csv`)).text.trim().split('\n')).toHaveLength(4);
      expect((await browser.get(`${batch(content)}/errors.csv`)).text).toContain('bad-1');
      // Its file is not kept any longer.
      await until('the file to be gone', () => filesIn(world).length === 0);
      expect(await console.stop()).toBe(0);
    });
  });

  it('that has errors as a whole, other totals than expected, or no form field is refused, and nothing of it is kept', async () => {
    await inWorld({}, async (world) => {
      const console = await beginConsole(world);
      const { browser } = console;
      const broken = await browser.upload({ name: 'may.csv', content: 'record_id,amount\n1,"2\n' }, {}, json);
      expect([broken.status, (broken.json() as { structural: boolean }).structural]).toEqual([422, true]);
      expect((await browser.upload({ name: 'may.csv', content: whole }, { expect: 'EUR=6.21/4' }, json)).json()).toMatchObject({
        errors: [{ code: 'totals_differ' }],
      });
      expect(codeOf(await browser.upload({ name: 'may.csv', content: whole }, { csrf: 'x' }, json))).toBe('foreign_form');
      expect(codeOf(await browser.upload({ name: 'may.csv', content: '' }, {}, json))).toBe('no_file');
      expect(codeOf(await browser.upload({ name: 'may.csv', content: whole }, { decimal: 'dot' }, json))).toBe('wrong_parameter');
      expect((await browser.upload({ name: '../../../x.csv', content: whole }, {}, json)).json()).toMatchObject({ file: 'x.csv' });
      expect(filesIn(world)).toHaveLength(1);
      const { items } = (await browser.json('/upload')) as { items: { id: string }[] };
      expect((await browser.post(`/upload/${items[0]?.id ?? ''}/discard`, {}, json)).json()).toMatchObject({ outcome: 'done' });
      expect(filesIn(world)).toEqual([]);
      expect(world.sandbox.payments()).toEqual([]);
      await console.stop();
    });
  });

  it('of which a kill left a folder without a note is removed when a console that pays starts', async () => {
    await inWorld({}, async (world) => {
      const first = await beginConsole(world);
      const id = await uploaded(first.browser);
      expect(await first.stop()).toBe(0);
      const folder = join(world.dataDir, 'uploads', '0a0b0c0d-0000-4000-8000-000000000001');
      mkdirSync(folder);
      utimesSync(folder, 0, 0);
      const second = await beginConsole(world);
      expect(filesIn(world)).toEqual([id]);
      expect(await second.stop()).toBe(0);
    });
  });

  it.each(['may.csv', 'may.csv.gz', 'may.xlsx'])(
    'that is sealed as %s is named by run and validate, which pay nothing from it',
    async (name) => {
      await inWorld({}, async (world) => {
        const console = await beginConsole(world);
        const content = { 'may.csv': whole, 'may.csv.gz': gzipSync(whole), 'may.xlsx': book }[name] ?? whole;
        const id = idOf(await console.browser.upload({ name, content }, {}, json));
        expect(await console.stop()).toBe(0);
        const sealed = join(world.dataDir, 'uploads', id, 'file', name);
        const said = /a sealed upload of the console: hand it over on \/upload there, or use the file that was uploaded/;
        const ran = await world.command(['run', sealed]);
        expect([ran.code, ran.stdout + ran.stderr]).toEqual([1, expect.stringMatching(said)]);
        const validated = await world.command(['validate', sealed]);
        expect([validated.code, validated.stdout + validated.stderr]).toEqual([1, expect.stringMatching(said)]);
        expect(world.sandbox.payments()).toEqual([]);
      });
    },
  );

  it('that was handed over is paid to its end by the next console when this one is killed, each record once', async () => {
    await inWorld({ faults: 'lost-answer=0.1,slow=0.1', seed: 5 }, async (world) => {
      const content = csvOf(payouts(40));
      const env = { DISPATCH_RATE: '20' };
      const first = await beginConsole(world, env);
      const id = await uploaded(first.browser, content);
      await first.browser.post(`/upload/${id}/submit`, { expect: 'EUR=822.80/40' });
      await until('some payments', () => world.sandbox.payments().length > 5);
      first.running.kill('SIGKILL');
      await first.running.ended;
      const second = await beginConsole(world, env);
      // What was at the gateway in the moment of the kill may stay unknown: the gateway only says that it has the key.
      await until('every row to be sent', async () => {
        const { received, statuses } = (await second.browser.json(batch(content))) as Summary;
        return received.count === 40 && [statuses.queued, statuses.submitting, statuses.in_progress].every(({ count }) => count === 0);
      });
      const ids = world.sandbox.payments().map(({ record_id: record }) => record);
      expect([ids.length, new Set(ids).size]).toEqual([40, 40]);
      expect(await second.browser.json('/')).toMatchObject({ balanced: true });
      expect(await second.stop()).toBe(0);
    });
  });

  it('is handed over once by two who submit it at the same time', async () => {
    await inWorld({}, async (world) => {
      const console = await beginConsole(world);
      const id = await uploaded(console.browser);
      const both = await Promise.all([1, 2].map(() => console.browser.post(`/upload/${id}/submit`, { expect: totals }, json)));
      expect(both.map((one) => (one.json() as { outcome: string }).outcome).sort()).toEqual(['done', 'unchanged']);
      await until('the end of the batch', () => isFinished(console.browser, whole));
      expect(world.sandbox.payments()).toHaveLength(3);
      await console.stop();
    });
  });

  it('is only checked by a console beside another process that pays; its page says where it is paid, and the console there hands it over', async () => {
    await inWorld({}, async (world) => {
      const port = String(await freePort());
      const serving = world.begin(['serve', '--http-port', '0', '--console-port', port]);
      await until('the service', () => serving.stderr().includes('serving the console'));
      const there = await logIn(await linkFor(world, 'bob'));
      const console = await beginConsole(world);
      const id = await uploaded(console.browser);
      const got = await console.browser.post(`/upload/${id}/submit`, { expect: totals }, json);
      expect([got.status, codeOf(got)]).toEqual([409, 'pays_elsewhere']);
      const shown = shownText((await console.browser.get(`/upload/${id}`)).text);
      expect(shown).toContain(`Another process pays from this ledger (process ${serving.child.pid} on `);
      expect(shown).toContain('hand it over in the console of that process');
      expect(shownText((await there.submit(`/upload/${id}/submit`, { expect: totals })).text)).toContain('is handed over.');
      await until('the payments', () => world.sandbox.payments().length === 3);
      expect(await console.stop()).toBe(0);
      serving.kill('SIGTERM');
      await serving.ended;
    });
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'approved in a console whose neighbour that paid ended by %s is kept: the page says that no process pays, and the next one does',
    async (signal) => {
      await inWorld({}, async (world) => {
        const required = { APPROVAL: 'required' };
        const serving = world.begin(['serve', '--http-port', '0'], required);
        await until('the service', () => serving.stderr().includes('serving'));
        const console = await beginConsole(world, required);
        const file = world.write('may.csv', whole);
        serving.kill(signal);
        await serving.ended;
        expect((await world.run(file, ['--by', 'alice'], required)).code).toBe(2);
        expect(shownText((await console.browser.get('/')).text)).toContain('No process pays from this ledger now');
        const bob = await console.as('bob');
        const done = await bob.submit(`${batch(whole)}/approve`, { expect: totals, reason: 'seen' });
        expect(shownText(done.text)).toMatch(/is approved: .* No process pays from this ledger now: what is decided here is kept in it/);
        expect(world.sandbox.payments()).toEqual([]);
        expect(await console.stop()).toBe(0);
        const next = await beginConsole(world, required);
        await until('the payments', () => world.sandbox.payments().length === 3);
        expect(await next.stop()).toBe(0);
      });
    },
  );
});

describe('under APPROVAL=required', () => {
  const required = { APPROVAL: 'required' };

  it('a file is sent only after another person than its submitter has typed its totals', async () => {
    await inWorld({}, async (world) => {
      const console = await beginConsole(world, required);
      const alice = console.browser;
      const me = await alice.get('/system');
      const id = await uploaded(alice);
      expect(shownText((await alice.get(`/upload/${id}`)).text)).toContain('Nothing is sent before another person approves it.');
      await alice.post(`/upload/${id}/submit`, { expect: totals });
      await until('the batch to wait', async () => ((await alice.json(batch(whole))) as { state?: string }).state === 'awaiting_approval');
      expect(await alice.json('/')).toMatchObject({ needs_you: [{ what: 'approvals', count: 1, amounts: { EUR: '6.21' } }] });
      expect(await alice.json('/approvals')).toMatchObject({ items: [{ approval: { totals: { EUR: { count: 3, amount: '6.21' } } } }] });
      expect(shownText((await alice.get('/approvals')).text)).toContain('You submitted this file');
      const own = await alice.post(`${batch(whole)}/approve`, { expect: totals, reason: 'mine' }, json);
      expect([own.status, (own.json() as { outcome: string }).outcome]).toEqual([409, 'refused']);
      const bob = await console.as('bob');
      const wrong = await bob.post(`${batch(whole)}/approve`, { expect: 'EUR=6.22/3', reason: 'seen' }, json);
      expect((wrong.json() as { outcome: string }).outcome).toBe('refused');
      expect(world.sandbox.payments()).toEqual([]);
      expect(shownText((await bob.submit(`${batch(whole)}/approve`, { expect: totals, reason: 'seen' })).text)).toContain('is approved');
      await until('the end of the batch', () => isFinished(bob, whole));
      expect(world.sandbox.payments()).toHaveLength(3);
      expect(me.status).toBe(200);
      await console.stop();
    });
  });

  it('a file that is refused is never sent, and its record ids are free', async () => {
    await inWorld({}, async (world) => {
      const console = await beginConsole(world, required);
      await console.browser.post(`/upload/${await uploaded(console.browser)}/submit`, { expect: totals });
      await until(
        'the batch to wait',
        async () => ((await console.browser.json(batch(whole))) as { state?: string }).state === 'awaiting_approval',
      );
      const bob = await console.as('bob');
      expect((await bob.post(`${batch(whole)}/refuse`, { reason: 'wrong month' }, json)).json()).toMatchObject({
        outcome: 'done',
        cancelled: 3,
      });
      expect((await bob.post(`${batch(whole)}/approve`, { expect: totals, reason: 'oh' }, json)).status).toBe(409);
      expect(await bob.json(batch(whole))).toMatchObject({ state: 'cancelled' });
      expect(world.sandbox.payments()).toEqual([]);
      await console.stop();
    });
  });

  it('only an approver approves', async () => {
    await inWorld({}, async (world) => {
      const user = (await import('node:os')).userInfo().username;
      const console = await beginConsole(world, { ...required, CONSOLE_ROLES: `${user}=operator,bob=operator,carol=approver` });
      await console.browser.post(`/upload/${await uploaded(console.browser)}/submit`, { expect: totals });
      const [bob, carol] = [await console.as('bob'), await console.as('carol')];
      expect(codeOf(await bob.post(`${batch(whole)}/approve`, { expect: totals, reason: 'x' }, json))).toBe('not_allowed');
      expect(codeOf(await carol.upload({ name: 'may.csv', content: whole }, {}, json))).toBe('not_allowed');
      await until('the batch to wait', async () => ((await carol.json(batch(whole))) as { state?: string }).state === 'awaiting_approval');
      expect((await carol.post(`${batch(whole)}/approve`, { expect: totals, reason: 'seen' }, json)).json()).toMatchObject({
        outcome: 'done',
      });
      await until('the end of the batch', () => isFinished(carol, whole));
      await console.stop();
    });
  });
});
