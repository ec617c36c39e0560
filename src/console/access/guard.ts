/** What is refused before a page or an action is reached: foreign hosts, origins and peers, and those who have not logged in. */
import { BlockList, isIP } from 'node:net';
import type { HttpBindings } from '@hono/node-server';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Settings } from '../../config/variables.ts';
import { rolesOf, type Person } from './person.ts';
import type { Logins } from './logins.ts';
import type { Signed } from './signed.ts';

export interface ConsoleEnv {
  Bindings: HttpBindings;
  Variables: { person: Person };
}
export type ConsoleContext = Context<ConsoleEnv>;

/** Why a request is refused; the message says what to do. */
export class Refusal extends Error {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 422 | 503;
  readonly code: string;
  constructor(status: Refusal['status'], code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface GuardParams {
  readonly settings: Settings;
  readonly signed: Signed;
  readonly logins: Logins;
  readonly cookieName: string;
  /** `host:port` under which the console is reached without a proxy. */
  readonly hosts: ReadonlySet<string>;
}

/** Paths that need no login. */
const isOpen = (path: string): boolean => path === '/login' || path.startsWith('/assets/');

export function createGuard(params: GuardParams): MiddlewareHandler<ConsoleEnv> {
  const isTrusted = trustOf(params.settings.CONSOLE_TRUSTED_PROXY ?? []);
  const { CONSOLE_USER_HEADER: userHeader } = params.settings;
  return async (c, next) => {
    const peer = peerOf(c);
    const trusted = isTrusted(peer);
    if (userHeader !== undefined && c.req.header(userHeader) !== undefined && !trusted)
      throw new Refusal(
        403,
        'untrusted_peer',
        `The header ${userHeader} is believed only of CONSOLE_TRUSTED_PROXY, and ${peer} is none of it.`,
      );
    const host = hostOf(c, trusted);
    if (!trusted && !params.hosts.has(host))
      throw new Refusal(403, 'foreign_host', `This console is not ${host}. It is reached as ${[...params.hosts].join(' or ')}.`);
    checkOrigin(c, host);
    if (!isOpen(c.req.path)) {
      const person = trusted && userHeader !== undefined ? personOfProxy(c, params, peer) : personOfCookie(c, params, peer);
      if (person.roles.size === 0)
        throw new Refusal(403, 'no_role', `${person.name} has no role in this console: CONSOLE_ROLES says who may do what.`);
      c.set('person', person);
    }
    await next();
  };
}

function trustOf(proxies: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address = '', bits] = proxy.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** An IPv4 peer of an IPv6 socket by its IPv4 address. */
const peerOf = (c: ConsoleContext): string => (c.env.incoming.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '');

const hostOf = (c: ConsoleContext, trusted: boolean): string =>
  ((trusted ? c.req.header('x-forwarded-host')?.split(',')[0]?.trim() : undefined) ?? c.req.header('host') ?? '').toLowerCase();

/** Browsers say where a form comes from; programs that are no browsers say nothing, and need the field `csrf` all the same. */
function checkOrigin(c: ConsoleContext, host: string): void {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return;
  if (c.req.method !== 'POST') throw new Refusal(405, 'method_not_allowed', 'Use GET or POST here.');
  const origin = c.req.header('origin');
  if (origin !== undefined && !(URL.canParse(origin) && new URL(origin).host.toLowerCase() === withoutDefaultPort(origin, host)))
    throw new Refusal(403, 'foreign_origin', `A form of ${origin} is not accepted: use the forms of this console.`);
  const site = c.req.header('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new Refusal(403, 'foreign_origin', 'A form of another site is not accepted: use the forms of this console.');
}

const withoutDefaultPort = (origin: string, host: string): string => host.replace(origin.startsWith('https:') ? /:443$/ : /:80$/, '');

function personOfProxy(c: ConsoleContext, { settings, signed }: GuardParams, peer: string): Person {
  const name = c.req.header(settings.CONSOLE_USER_HEADER ?? '')?.trim() ?? '';
  if (name === '' || name.length > 200 || /[\u0000-\u001f\u007f]/.test(name))
    throw new Refusal(401, 'no_user', `The proxy names no user in ${settings.CONSOLE_USER_HEADER ?? ''}.`);
  const groups = settings.CONSOLE_GROUPS_HEADER === undefined ? '' : (c.req.header(settings.CONSOLE_GROUPS_HEADER) ?? '');
  const listed = groups.split(',').map((group) => group.trim());
  // The proxy appends the peer that it saw; anybody may have written what is before it.
  const client = c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim();
  const from = client !== undefined && isIP(client) !== 0 ? `${client} by proxy ${peer}` : `proxy ${peer}`;
  const roles = rolesOf(
    settings.CONSOLE_ROLES,
    name,
    listed.filter((group) => group !== ''),
  );
  return { name, roles, from: `console, ${from}`, form: signed.mark('form', `proxy\0${name}`) };
}

function personOfCookie(c: ConsoleContext, { settings, signed, logins, cookieName }: GuardParams, peer: string): Person {
  const session = logins.find(getCookie(c, cookieName) ?? '');
  if (session === undefined)
    throw new Refusal(401, 'not_logged_in', 'Log in with a link that "disburse console login NAME" prints on the machine of the console.');
  const { name, id } = session;
  return { name, roles: rolesOf(settings.CONSOLE_ROLES, name), from: `console, ${peer}`, form: signed.mark('form', id) };
}

/** @throws {Refusal} for a form that was not made for this person */
export function checkForm(person: Person, given: unknown): void {
  if (typeof given === 'string' && given === person.form) return;
  throw new Refusal(403, 'foreign_form', 'This form is out of date or was not made for you. Load the page again, and repeat what you did.');
}
