/** Who reaches the console, and who does not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/config/config.ts';
import { markup } from '../../../src/console/markup.ts';
import { page } from '../../../src/console/routes.ts';
import { checkAddress, startConsole, type ConsoleServer } from '../../../src/console/server.ts';
import { createLogger } from '../../../src/logger.ts';
import { logIn, openBrowser, send, shownText } from './browser.ts';

const folder = mkdtempSync(join(tmpdir(), 'disburse-test-'));
const logged: string[] = [];
const logger = createLogger('info', { write: (line) => void logged.push(line) });
const servers: ConsoleServer[] = [];
/** Access does not depend on what is shown. */
const nothing = { title: 'System', json: {}, body: markup`<h1>System</h1>` };
let now = Date.parse('2026-11-28T08:00:00Z');

async function serve(env: Readonly<Record<string, string>> = {}): Promise<ConsoleServer> {
  const layer = { DATA_DIR: folder, ...env };
  const config = readConfig([layer], 'data');
  const server = await startConsole({
    config,
    logger,
    now: () => now,
    port: 0,
    addPages: (app, notes) => page(app, notes, '/system', async () => nothing),
  });
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  logged.length = 0;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const code = (answered: { json(): unknown }): unknown => (answered.json() as { readonly error?: unknown }).error;
const json = { accept: 'application/json' };

describe('a login link', () => {
  it('answers a page with a link onwards, and begins a session of its name in a cookie that scripts and other sites do not have', async () => {
    const server = await serve();
    const got = await send(server.loginUrl('alice'), 'GET');
    expect(got.status).toBe(200);
    expect(got.text).toContain('href="/"');
    expect(got.headers['set-cookie']).toEqual([
      expect.stringMatching(/^disburse_console_\d+=[^;]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/),
    ]);
    const browser = await logIn(server.loginUrl('alice'));
    expect(shownText((await browser.get('/system')).text)).toContain('alice viewer, operator, approver');
  });

  it('is refused when it is used again', async () => {
    const server = await serve();
    const link = server.loginUrl('alice');
    await logIn(link);
    const again = await send(link, 'GET', json);
    expect([again.status, code(again), again.headers['set-cookie']]).toEqual([403, 'link_used', undefined]);
  });

  it('is refused after two minutes', async () => {
    const server = await serve();
    const link = server.loginUrl('alice');
    now += 2 * 60_000 + 1;
    expect(code(await send(link, 'GET', json))).toBe('link_used');
  });

  it.each([
    ['a prefetch', 'GET', { 'sec-purpose': 'prefetch;prerender' }],
    ['an older prefetch', 'GET', { purpose: 'prefetch' }],
    ['a request for the headers alone', 'HEAD', {}],
  ] as const)('is not used up by %s', async (_what, method, headers) => {
    const server = await serve();
    const link = server.loginUrl('alice');
    expect((await send(link, method, headers)).status).toBe(403);
    expect((await send(link, 'GET')).status).toBe(200);
  });

  it('of another console, or changed in one sign, is refused', async () => {
    const [one, other] = [await serve(), await serve()];
    const token = new URL(one.loginUrl('alice')).search;
    expect(code(await send(`${other.url}/login${token}`, 'GET', json))).toBe('link_used');
    const changed = token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    expect(code(await send(`${one.url}/login${changed}`, 'GET', json))).toBe('link_used');
    expect(code(await send(`${one.url}/login`, 'GET', json))).toBe('link_used');
  });
});

describe('a session', () => {
  it('goes on after the console was started again on its port', async () => {
    const first = await serve();
    const browser = await logIn(first.loginUrl('alice'));
    const { port } = new URL(first.url);
    await first.close();
    const layer = { DATA_DIR: folder };
    const config = readConfig([layer], 'data');
    servers.push(
      await startConsole({
        config,
        logger,
        now: () => now,
        port: Number(port),
        addPages: (app, notes) => page(app, notes, '/system', async () => nothing),
      }),
    );
    expect((await browser.get('/system')).status).toBe(200);
  });

  it('ends after twelve hours, and with the form to log out', async () => {
    const server = await serve();
    const browser = await logIn(server.loginUrl('alice'));
    const other = await logIn(server.loginUrl('alice'));
    const cookie = other.cookie();
    expect((await other.post('/logout')).status).toBe(200);
    expect((await openBrowser(server.url, cookie).get('/system')).status).toBe(401);
    expect((await browser.get('/system')).status).toBe(200);
    now += 12 * 3_600_000 + 1;
    expect((await browser.get('/system')).status).toBe(401);
  });
});

describe('a request to the console', () => {
  it.each([
    ['without a cookie', {}],
    ['with a cookie of its own making', { cookie: 'disburse_console_1=eyJuYW1lIjoiYWxpY2UifQ.AAAA' }],
  ])('%s is not logged in, and learns how to be', async (_what, headers) => {
    const server = await serve();
    for (const path of ['/', '/system', '/records', '/nothing']) {
      const got = await send(`${server.url}${path}`, 'GET', { ...json, ...headers });
      expect([got.status, code(got)]).toEqual([401, 'not_logged_in']);
    }
    expect((await send(`${server.url}/system`, 'GET', headers)).text).toContain('disburse console login NAME');
  });

  it('under a foreign host is refused, before anything of it is looked at', async () => {
    const server = await serve();
    const browser = await logIn(server.loginUrl('alice'));
    for (const host of ['evil.example', `evil.example:${new URL(server.url).port}`, '127.0.0.1:1'])
      expect((await browser.get('/system', { host })).status).toBe(403);
    expect(code(await send(server.loginUrl('alice'), 'GET', { ...json, host: 'evil.example' }))).toBe('foreign_host');
    expect((await browser.get('/system', { host: `localhost:${new URL(server.url).port}` })).status).toBe(200);
  });

  it.each([
    ['another origin', { origin: 'https://evil.example' }, 'foreign_origin'],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }, 'foreign_origin'],
    ['no origin at all', { origin: 'null' }, 'foreign_origin'],
    ['another site, as the browser says', { 'sec-fetch-site': 'cross-site' }, 'foreign_origin'],
    ['another origin of the same site', { 'sec-fetch-site': 'same-site' }, 'foreign_origin'],
  ])('that posts a form of %s is refused', async (_what, headers, expected) => {
    const server = await serve();
    const browser = await logIn(server.loginUrl('alice'));
    const got = await browser.post('/logout', {}, { ...json, ...headers });
    expect([got.status, code(got)]).toEqual([403, expected]);
    expect((await browser.get('/system')).status).toBe(200);
  });

  it.each([
    ['without the field csrf', { csrf: '' }],
    ['with the field of another person', { csrf: 'other' }],
  ])('that posts a form %s is refused', async (_what, fields) => {
    const server = await serve();
    const browser = await logIn(server.loginUrl('alice'));
    const other = /name="csrf" value="([^"]+)"/.exec((await (await logIn(server.loginUrl('bob'))).get('/system')).text)?.[1] ?? '';
    const got = await browser.post('/logout', fields.csrf === 'other' ? { csrf: other } : fields, json);
    expect([got.status, code(got)]).toEqual([403, 'foreign_form']);
  });

  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('by %s is refused', async (method) => {
    const got = await send(`${(await serve()).url}/system`, method);
    expect([got.status, got.headers['allow']]).toEqual([405, 'GET, POST']);
  });

  it('gets pages that run nothing of others, are in no frame of others and are not kept', async () => {
    const server = await serve();
    const { headers } = await (await logIn(server.loginUrl('alice'))).get('/system');
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'same-origin' });
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  it.each(['console.css', 'console.js', 'icon.svg'])('gets %s without a login, with its type', async (name) => {
    const { status, headers } = await send(`${(await serve()).url}/assets/${name}`, 'GET');
    expect([status, headers['content-type']]).toEqual([200, expect.stringMatching(/^(?:text\/(?:css|javascript)|image\/svg\+xml)/)]);
  });
});

describe('roles', () => {
  it('are those of CONSOLE_ROLES, and who is not in it sees nothing', async () => {
    const server = await serve({ CONSOLE_ROLES: 'alice=operator,bob=approver' });
    expect(shownText((await (await logIn(server.loginUrl('alice'))).get('/system')).text)).toContain('alice operator');
    const eve = await logIn(server.loginUrl('eve'));
    expect(await eve.json('/system')).toMatchObject({ error: 'no_role', message: expect.stringContaining('eve has no role') as string });
  });

  it('of a group are not those of a person with the same name', async () => {
    const server = await serve({ CONSOLE_ROLES: '@finance=operator' });
    expect((await (await logIn(server.loginUrl('@finance'))).get('/system')).status).toBe(403);
  });
});

describe('behind a proxy', () => {
  const proxied = { CONSOLE_TRUSTED_PROXY: '127.0.0.1', CONSOLE_USER_HEADER: 'X-Remote-User', CONSOLE_GROUPS_HEADER: 'X-Remote-Groups' };
  const shown = { host: 'pay.example', 'x-remote-user': 'carol', 'x-remote-groups': 'staff, finance' };

  it('the header of a trusted peer names the person and the groups', async () => {
    const server = await serve({ ...proxied, CONSOLE_ROLES: '@finance=viewer' });
    const got = await send(`${server.url}/system`, 'GET', shown);
    expect(shownText(got.text)).toContain('carol viewer');
  });

  it('a request that names no person is not logged in, whatever cookie it has', async () => {
    const server = await serve(proxied);
    const got = await send(`${server.url}/system`, 'GET', { ...json, host: 'pay.example' });
    expect([got.status, code(got)]).toEqual([401, 'no_user']);
  });

  it('the header of an untrusted peer is refused', async () => {
    const server = await serve({ ...proxied, CONSOLE_TRUSTED_PROXY: '10.0.0.7' });
    const { host } = new URL(server.url);
    const got = await send(`${server.url}/system`, 'GET', { ...json, ...shown, host });
    expect([got.status, code(got)]).toEqual([403, 'untrusted_peer']);
  });

  it('a form of the host that the proxy has is accepted, and of any other refused', async () => {
    const server = await serve(proxied);
    const page = await send(`${server.url}/system`, 'GET', shown);
    const form = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const post = (origin: string, more = {}) =>
      send(
        `${server.url}/logout`,
        'POST',
        { ...shown, 'content-type': 'application/x-www-form-urlencoded', origin, ...more },
        `csrf=${form}`,
      );
    expect((await post('https://evil.example')).status).toBe(403);
    expect((await post('https://pay.example')).status).toBe(200);
    expect((await post('https://pay.example', { 'x-remote-user': 'dave' })).status).toBe(403);
  });
});

describe('the address', () => {
  it('beyond loopback is refused without a proxy that authenticates', () => {
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'pay.example'])
      expect(() => checkAddress(readConfig([{ CONSOLE_HOST: host }], 'data'))).toThrow(/CONSOLE_TRUSTED_PROXY/);
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost'])
      expect(() => checkAddress(readConfig([{ CONSOLE_HOST: host }], 'data'))).not.toThrow();
  });
});
