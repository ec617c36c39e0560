/** The console as one application: what every request passes, and where its pages and actions are. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hono } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Settings } from '../config/variables.ts';
import { checkForm, createGuard, Refusal, type ConsoleEnv } from './access/guard.ts';
import { sessionMs, type Logins } from './access/logins.ts';
import type { Signed } from './access/signed.ts';
import { inDocument, refuse, wantsJson } from './answers.ts';
import type { Logger } from '../logger.ts';
import { markup } from './markup.ts';
import { createNotes, type Notes } from './notes.ts';
import { readForm } from './routes.ts';

export interface AppParams {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly signed: Signed;
  readonly logins: Logins;
  readonly cookieName: string;
  readonly hosts: ReadonlySet<string>;
  /** Adds pages and actions, behind everything that is refused. */
  readonly addPages: (app: Hono<ConsoleEnv>, notes: Notes) => void;
}

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const headers = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  // With "no-referrer" browsers would hide the origin of forms.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
};

export function createApp(params: AppParams): Hono<ConsoleEnv> {
  const { logger } = params;
  const notes = createNotes();
  const app = new Hono<ConsoleEnv>();
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store');
  });
  app.use(createGuard(params));
  app.onError((cause, c) => refuse(c, cause, logger));
  app.notFound((c) => refuse(c, new Refusal(404, 'not_found', 'There is no such page.'), logger));
  addAssets(app);
  addLogin(app, params);
  params.addPages(app, notes);
  return app;
}

const assets = [
  ['console.css', 'text/css; charset=utf-8'],
  ['console.js', 'text/javascript; charset=utf-8'],
  ['icon.svg', 'image/svg+xml'],
] as const;

function addAssets(app: Hono<ConsoleEnv>): void {
  for (const [name, type] of assets) {
    const text = readFileSync(join(import.meta.dirname, 'assets', name), 'utf8');
    app.get(`/assets/${name}`, (c) => c.body(text, 200, { 'content-type': type, 'cache-control': 'no-cache' }));
  }
}

function addLogin(app: Hono<ConsoleEnv>, { logins, cookieName }: AppParams): void {
  app.get('/login', (c) => {
    const purpose = `${c.req.header('sec-purpose') ?? ''} ${c.req.header('purpose') ?? ''} ${c.req.header('x-moz') ?? ''}`;
    // A browser that looks ahead, or asks only for the headers, does not use the link up.
    if (c.req.method !== 'GET' || /prefetch|prerender|preview/i.test(purpose))
      throw new Refusal(403, 'prefetch', 'This link is good for one visit, and is not used up by looking ahead.');
    const cookie = logins.begin(c.req.query('token') ?? '');
    if (cookie === undefined)
      throw new Refusal(
        403,
        'link_used',
        'This link was used before, or is older than two minutes. "disburse console login NAME" prints another one.',
      );
    setCookie(c, cookieName, cookie, { httpOnly: true, sameSite: 'Strict', path: '/', maxAge: sessionMs / 1000 });
    if (wantsJson(c)) return c.json({ logged_in: true });
    // A page and no redirect: a browser that came from elsewhere sends the cookie only with a request of this page.
    const body = markup`<h1>Logged in</h1><p><a class="button" href="/" id="onwards">Go to the console</a></p>`;
    return c.html(inDocument(c, { title: 'Logged in', body }));
  });
  app.post('/logout', async (c) => {
    const form = await readForm(c);
    checkForm(c.get('person'), form['csrf']);
    const session = logins.find(getCookie(c, cookieName) ?? '');
    if (session !== undefined) logins.end(session);
    deleteCookie(c, cookieName, { path: '/' });
    const body = markup`<h1>Logged out</h1><p>Another login needs another link: <code>disburse console login NAME</code>.</p>`;
    return c.html(inDocument(c, { title: 'Logged out', body }));
  });
}
