/** From a form to an operator's request, and what became of it into the journal. */
import { maskQuoted } from '../../../batches/instruction/masks.ts';
import type { OperationAnswer, OperationRequest } from '../../../batches/operations/request.ts';
import { messageOf } from '../../../batches/pipeline/notice.ts';
import { Refusal } from '../access/guard.ts';
import type { Person } from '../access/person.ts';
import type { ConsoleDeps } from '../reading.ts';
import type { Doing, Form } from '../routes.ts';
import type { Journal } from './journal.ts';

export interface ActDeps extends ConsoleDeps {
  readonly journal: Journal;
}

/** Who asks, why and from where, as requests have it. */
export interface Asked {
  readonly by: string;
  readonly from: string;
  readonly reason: string;
}

/** Masked: a person may paste an account. @throws {Refusal} without a reason where one is needed */
export function askedBy({ person, form }: Pick<Doing, 'person' | 'form'>, reason: 'needed' | 'optional'): Asked {
  const why = maskQuoted((form['reason'] ?? '').trim());
  if (why === '' && reason === 'needed')
    throw new Refusal(422, 'no_reason', 'Nothing was done: give a reason. It is kept in the audit trail.');
  if (why.length > 2_000) throw new Refusal(422, 'long_reason', 'Nothing was done: a reason has at most 2,000 characters.');
  return { by: person.name, from: person.from, reason: why };
}

/** @throws {Refusal} */
export function neededField(form: Form, name: string, most = 2_000): string {
  const value = (form[name] ?? '').trim();
  if (value === '') throw new Refusal(422, 'field_missing', `Nothing was done: the field ${name} is empty.`);
  if (value.length > most) throw new Refusal(422, 'field_long', `Nothing was done: the field ${name} has more than ${most} characters.`);
  return value;
}

const aboutOf = (request: OperationRequest): string =>
  'recordId' in request ? request.recordId : 'batchId' in request ? (request.batchId ?? 'everything') : '';

/** Carries it out where the ledger is, and writes it into the journal. */
export const ask = (deps: ActDeps, asked: Asked, request: OperationRequest): Promise<OperationAnswer> =>
  journalled(deps, asked, { action: request.type, about: aboutOf(request), work: () => deps.ask(request) });

interface Journalled {
  readonly action: string;
  readonly about: string;
  readonly work: () => Promise<OperationAnswer>;
}

/** What failed is in the journal too: whether it was done may not be known then. */
export async function journalled(
  deps: Pick<ActDeps, 'journal' | 'now'>,
  { by, from, reason }: Asked,
  { action, about, work }: Journalled,
): Promise<OperationAnswer> {
  const write = (outcome: string, text: string): Promise<void> =>
    deps.journal.write({ at: new Date(deps.now()).toISOString(), by, from, action, about, reason, outcome, text });
  try {
    const answer = await work();
    await write(answer.outcome, answer.text);
    return answer;
  } catch (cause) {
    await write('error', messageOf(cause));
    throw cause;
  }
}

export const isAllowed = (person: Person): boolean => person.roles.has('operator');
