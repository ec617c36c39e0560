/** A page or an object, as the client asks for it. */
import { CommandError } from '../exit.ts';
import type { Logger } from '../logger.ts';
import { maskTyped } from '../../batches/instruction/masks.ts';
import { messageOf } from '../../batches/pipeline/notice.ts';
import { Refusal, type ConsoleContext } from './access/guard.ts';
import type { Person } from './access/person.ts';
import { document, type Page } from './layout.ts';
import { markup, type Markup } from './markup.ts';
import type { Notes } from './notes.ts';

export const wantsJson = (c: ConsoleContext): boolean => {
  const accept = c.req.header('accept') ?? '';
  return /\bapplication\/json\b/i.test(accept) && !/\btext\/html\b/i.test(accept);
};

/** A page, and the object that it shows. */
export interface Shown extends Page {
  readonly json: unknown;
}

export const answer = (c: ConsoleContext, shown: Shown, notes: Notes, status: 200 | 422 = 200): Response =>
  wantsJson(c) ? c.json(shown.json, status) : c.html(inDocument(c, shown, notes.take(c)), status);

export const inDocument = (c: ConsoleContext, page: Page, notes: readonly Markup[] = []): string => {
  // Before the login there is none.
  const person = c.get('person') as Person | undefined;
  return document(page, { path: c.req.path, ...(person === undefined ? {} : { person }), notes }).toString();
};

const titles: Readonly<Record<number, string>> = {
  401: 'Not logged in',
  403: 'Refused',
  404: 'Not found',
  409: 'Not done',
  503: 'Not available',
};

/** Every failure as a page or an object; what is unexpected is logged, and shows nothing of itself. */
export function refuse(c: ConsoleContext, cause: unknown, logger: Pick<Logger, 'error' | 'warn'>): Response {
  const { status, code, message: whole } = refusalOf(cause);
  // Both may have what a person typed into an address.
  const [message, path] = [maskTyped(whole), maskTyped(c.req.path)];
  if (status === 503) logger.error({ err: cause, path }, 'a page of the console failed');
  else if (status === 401 || status === 403) logger.warn({ path, code }, 'a request to the console was refused');
  const allow = status === 405 ? { allow: 'GET, POST' } : {};
  if (wantsJson(c)) return c.json({ error: code, message }, status, allow);
  const title = titles[status] ?? 'Not possible';
  const body = markup`<h1>${title}</h1><p>${message}</p>`;
  return c.html(inDocument(c, { title, body }), status, allow);
}

function refusalOf(cause: unknown): Pick<Refusal, 'status' | 'code' | 'message'> {
  if (cause instanceof Refusal) return cause;
  if (cause instanceof CommandError) {
    const isUsage = cause.exitCode === 1;
    return { status: isUsage ? 422 : 503, code: isUsage ? 'not_possible' : 'not_available', message: cause.message };
  }
  const known =
    cause instanceof Error && 'code' in cause ? messageOf(cause) : 'Something failed that was not expected. The log of disburse says what.';
  return { status: 503, code: 'failed', message: known };
}
