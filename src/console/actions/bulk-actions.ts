/** What an operator decides about many records at once: those of a filter, or those that are ticked in its list. */
import type { Hono } from 'hono';
import { maskQuoted } from '../../../batches/instruction/masks.ts';
import type { OperationAnswer, OperationRequest } from '../../../batches/operations/request.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { counted } from '../../terminal/format.ts';
import type { Decision } from '../../views/chosen-records.ts';
import { selectionFrom } from '../../views/select-records.ts';
import { checkForm, Refusal, type ConsoleEnv } from '../access/guard.ts';
import { answer } from '../answers.ts';
import type { Notes } from '../notes.ts';
import { decidePage } from '../pages/decide.ts';
import { wantedOf } from '../pages/records.ts';
import { action, checkRole, readForm, type Doing, type Done, type Form } from '../routes.ts';
import { ask, askedBy, neededField, type ActDeps } from './act.ts';
import { checkConfirmation, confirmationOf } from './confirmation.ts';
import { outcomes } from './record-actions.ts';

/** Their ids fit into a form. */
const most = 500;

export function addBulkActions(app: Hono<ConsoleEnv>, notes: Notes, deps: ActDeps): void {
  app.post('/decide', async (c) => {
    const [person, form] = [c.get('person'), await readForm(c)];
    checkForm(person, form['csrf']);
    checkRole(person, 'operator');
    const records = form['all'] === undefined ? await named(deps, tickedIn(form)) : await matching(deps, filterOf(form));
    return answer(c, decidePage(person, { records, filter: filterOf(form), outcomes, now: deps.now() }), notes);
  });
  for (const decision of ['resolve', 'retry'] as const)
    action(app, notes, { path: `/decide/${decision}`, role: 'operator', run: (doing) => decide(deps, decision, doing) });
}

async function decide(deps: ActDeps, decision: Decision, doing: Doing): Promise<Done> {
  const { form } = doing;
  const asked = askedBy(doing, 'needed');
  const what = decision === 'retry' ? ({ type: 'retry' } as const) : resolution(form);
  const records = await named(deps, neededField(form, 'records', 64 * 1024).split(' '));
  checkConfirmation(form, confirmationOf(...records));
  const answers: (OperationAnswer & { readonly recordId: string })[] = [];
  for (const { recordId } of records)
    answers.push({ recordId, ...(await ask(deps, asked, { ...what, recordId, ...asked } satisfies OperationRequest)) });
  return { answer: together(answers, decision), back: `/records?${filterOf(form)}` };
}

/** @throws {Refusal} */
function resolution(form: Form) {
  const as = outcomes.find((outcome) => outcome === form['as']);
  if (as === undefined) throw new Refusal(422, 'field_missing', `Nothing was done: the field as must be ${outcomes.join(', ')}.`);
  return { type: 'resolve', as, evidence: maskQuoted(neededField(form, 'evidence')) } as const;
}

const shown = 10;

/** Done only when each is; what was not is named. */
function together(answers: readonly (OperationAnswer & { readonly recordId: string })[], decision: Decision): OperationAnswer {
  const undone = answers.filter(({ outcome }) => outcome !== 'done' && outcome !== 'unchanged');
  const verb = decision === 'retry' ? 'queued for the next attempt' : 'resolved';
  const done = answers.length - undone.length;
  const told = `${counted(done, 'record is', 'records are')} ${verb}`;
  const more = undone.length > shown ? ` … and ${undone.length - shown} more.` : '';
  return {
    outcome: undone.length === 0 ? 'done' : 'refused',
    text:
      undone.length === 0
        ? `${told}.`
        : `${told}, ${undone.length} not: ${undone
            .slice(0, shown)
            .map(({ text }) => text)
            .join(' ')}${more}`,
    data: { records: answers.map(({ outcome, text, data, recordId }) => ({ record_id: recordId, outcome, text, ...data })) },
  };
}

const filterOf = (form: Form): string => new URLSearchParams(form['filter'] ?? '').toString();

const tickedIn = (form: Form): string[] =>
  Object.entries(form)
    .filter(([name]) => /^record\.\d+$/.test(name))
    .map(([, recordId]) => recordId);

const tooMany = (count: string): Refusal =>
  new Refusal(
    422,
    'too_many',
    `${count} records are chosen, and at most ${most} are decided about at once here: narrow the filter, or use disburse resolve or disburse retry with the same options.`,
  );

/** @throws {Refusal} for an id that no record has: what is decided about is what was looked at */
async function named({ reader }: ActDeps, given: readonly string[]): Promise<readonly LedgerRecord[]> {
  const ids = [...new Set(given)].filter((id) => id !== '');
  if (ids.length === 0) throw new Refusal(422, 'none_chosen', 'Nothing was chosen: tick records in the list first.');
  if (ids.length > most) throw tooMany(String(ids.length));
  return reader.read(({ ledger }) =>
    Promise.all(
      ids.map(async (id) => {
        const record = await ledger.record(id);
        if (record === undefined) throw new Refusal(404, 'no_record', `There is no record ${id} in this ledger.`);
        return record;
      }),
    ),
  );
}

async function matching({ reader, now }: ActDeps, filter: string): Promise<readonly LedgerRecord[]> {
  const url = new URL(`http://records/?${filter}`);
  const wanted = { ...wantedOf(url, Object.fromEntries(url.searchParams)), from: 0, limit: most + 1 };
  const { records } = await reader.read(({ ledger }) => selectionFrom(ledger, wanted, now()));
  if (records.length > most) throw tooMany(`More than ${most}`);
  if (records.length === 0) throw new Refusal(422, 'none_chosen', 'No record matches any more. Load the list again.');
  return records.map(({ record }) => record);
}
