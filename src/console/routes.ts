/** How pages and actions are added: a page only reads, and an action is a form of this console by a person who may. */
import type { Hono } from 'hono';
import type { ConsoleRole } from '../config/console-values.ts';
import type { OperationAnswer } from '../../batches/operations/request.ts';
import { checkForm, Refusal, type ConsoleContext, type ConsoleEnv } from './access/guard.ts';
import type { Person } from './access/person.ts';
import { answer, wantsJson, type Shown } from './answers.ts';
import { idOf } from './markup.ts';
import type { Notes } from './notes.ts';

export type Query = Readonly<Record<string, string>>;

/** What a page is made of. @property url with its query, as it was asked for */
export interface Visit {
  readonly person: Person;
  readonly query: Query;
  readonly url: URL;
  /** An id of the path, as `at` wrote it. */
  readonly param: (name: string) => string;
}

export type Form = Readonly<Record<string, string>>;

export interface Doing extends Pick<Visit, 'person' | 'param'> {
  readonly form: Form;
}

/** @property back where the person is led afterwards */
export interface Done {
  readonly answer: OperationAnswer;
  readonly back: string;
}

/** An id of the path, as `at` wrote it. */
export const paramOf = (c: Pick<ConsoleContext, 'req'>, name: string): string => idOf(c.req.param(name) ?? '');

const visitOf = (c: ConsoleContext): Visit => ({
  person: c.get('person'),
  query: c.req.query(),
  url: new URL(c.req.url),
  param: (name) => paramOf(c, name),
});

export const page = (app: Hono<ConsoleEnv>, notes: Notes, path: string, show: (visit: Visit) => Promise<Shown>): void =>
  void app.get(path, async (c) => answer(c, await show(visitOf(c)), notes));

const longestForm = 64 * 1024;

/** @param role that the person must have */
export function action(
  app: Hono<ConsoleEnv>,
  notes: Notes,
  { path, role, run }: { readonly path: string; readonly role: ConsoleRole; readonly run: (doing: Doing) => Promise<Done> },
): void {
  app.post(path, async (c) => {
    const { person, param } = visitOf(c);
    const form = await readForm(c);
    checkForm(person, form['csrf']);
    checkRole(person, role);
    const { answer: done, back } = await run({ person, param, form });
    const isDone = done.outcome === 'done' || done.outcome === 'unchanged';
    if (wantsJson(c)) {
      const { outcome, text, data } = done;
      return c.json({ outcome, text, ...data }, isDone ? 200 : outcome === 'missing' ? 404 : 409);
    }
    return c.redirect(notes.leave(back, person.name, isDone ? 'good' : 'bad', done.text), 303);
  });
}

/** @throws {Refusal} */
export function checkRole(person: Person, role: ConsoleRole): void {
  if (person.roles.has(role)) return;
  const article = role === 'viewer' ? 'a' : 'an';
  throw new Refusal(403, 'not_allowed', `${person.name} may not do this: it takes ${article} ${role} (CONSOLE_ROLES).`);
}

/** @throws {Refusal} for what is no form of bounded size */
export async function readForm(c: ConsoleContext): Promise<Form> {
  const type = c.req.header('content-type') ?? '';
  if (!/^application\/x-www-form-urlencoded\b/i.test(type))
    throw new Refusal(400, 'no_form', 'Expected a form (application/x-www-form-urlencoded).');
  const text = await readText(c);
  const fields = new URLSearchParams(text);
  const form: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of fields) {
    if (name in form) throw new Refusal(400, 'field_twice', 'A field is in the form twice.');
    form[name] = value;
  }
  return form;
}

async function readText(c: ConsoleContext): Promise<string> {
  const tooLarge = new Refusal(413, 'form_too_large', `A form has at most ${longestForm} bytes.`);
  if (Number(c.req.header('content-length') ?? 0) > longestForm) throw tooLarge;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of (c.req.raw.body as AsyncIterable<Uint8Array> | null) ?? []) {
    bytes += chunk.length;
    if (bytes > longestForm) throw tooLarge;
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks).toString('utf8');
}
