/** `/approvals`: files that wait for a second person. Printed, it is the sheet that is signed. */
import type { Hono } from 'hono';
import { parseControlTotals } from '../../../batches/preflight/control-totals.ts';
import type { Summary } from '../../../batches/record/summary.ts';
import { summariesOf } from '../../ledger/summary-of.ts';
import { grouped } from '../../terminal/format.ts';
import { chooseBatch } from '../../views/find-batch.ts';
import { Refusal, type ConsoleEnv } from '../access/guard.ts';
import type { Person } from '../access/person.ts';
import { ask, askedBy, type ActDeps } from '../actions/act.ts';
import type { Shown } from '../answers.ts';
import { at, markup, type Markup } from '../markup.ts';
import type { Notes } from '../notes.ts';
import { actionForm, textField } from '../pieces/forms.ts';
import { dataTable } from '../pieces/table.ts';
import { batchLink, facts, live, time } from '../pieces/values.ts';
import type { ConsoleDeps } from '../reading.ts';
import { action, type Form } from '../routes.ts';

/** Batches that are looked through. */
const newestBatches = 500;

export async function approvalsPage({ reader, now }: ConsoleDeps, person: Person): Promise<Shown> {
  const items = await reader.read(async ({ ledger }) => {
    const batches = await ledger.batches({ newest: newestBatches });
    const open = batches.filter(({ state }) => state !== 'finished' && state !== 'cancelled');
    return (await summariesOf(ledger, open, now())).filter(({ state }) => state === 'awaiting_approval');
  });
  return {
    title: 'Approvals',
    json: { items },
    body: markup`<h1>Approvals</h1>
<p>Files that wait for a second person. Nothing of them is sent before that.</p>
${live('approvals', items.length === 0 ? markup`<p class="empty">No file waits for an approval.</p>` : markup`<ul class="cards">${items.map((summary) => card(person, summary))}</ul>`)}`,
  };
}

function card(person: Person, summary: Summary): Markup {
  const { batch_id: id, file, approval, started_at: started, received } = summary;
  return markup`<li><h2>${batchLink(id, file)}</h2>
${facts([
  ['Submitted', markup`${approval?.submitted_by ?? 'by a person who is not known'}, ${time(started)}`],
  ['Rows', grouped(received.count)],
  ['SHA-256', markup`<code class="long">${id}</code>`],
])}
${totalsOf(summary)}${approvalForms(person, summary)}</li>`;
}

const totalsOf = ({ approval, file }: Summary): Markup =>
  dataTable({
    label: `Totals of ${file}`,
    columns: ['currency', 'rows', 'sum'],
    rows: Object.entries(approval?.totals ?? {}).map(([currency, { count, amount }]) => [currency, grouped(count), grouped(amount)]),
    right: new Set([1, 2]),
    empty: 'The totals are not known.',
  });

/** Also on the page of the batch. The ledger decides who may: the one who submitted it may not. */
export function approvalForms(person: Person, { batch_id: id, state, approval }: Summary): Markup {
  if (state !== 'awaiting_approval' || !person.roles.has('approver')) return markup``;
  const isOwn = approval?.submitted_by === person.name;
  return markup`<div class="actions">${isOwn ? markup`<p class="note warn">You submitted this file: another person approves it.</p>` : approveForm(person, id)}
${actionForm({ person, action: at('batches', id, 'refuse'), title: 'Refuse', button: 'Refuse the file', reason: 'needed', danger: true, about: 'For good: its rows end cancelled, and nothing of it is sent.' })}</div>`;
}

const approveForm = (person: Person, id: string): Markup =>
  actionForm({
    person,
    action: at('batches', id, 'approve'),
    title: 'Approve',
    button: 'Approve',
    reason: 'needed',
    about: 'Its rows are sent as soon as you approve it.',
    fields: [
      textField('Type the totals to confirm', 'expect', {
        hint: 'Currency, sum and number of rows of each currency, such as EUR=12.30/3,USD=5/1.',
      }),
    ],
  });

export function addApprovals(app: Hono<ConsoleEnv>, notes: Notes, deps: ActDeps): void {
  for (const type of ['approve', 'refuse'] as const)
    action(app, notes, {
      path: `/batches/:id/${type}`,
      role: 'approver',
      run: async (doing) => {
        const asked = askedBy(doing, 'needed');
        const { batchId } = await deps.reader.read(({ ledger }) => chooseBatch(ledger, doing.param('id')));
        const request =
          type === 'refuse' ? ({ type, batchId, ...asked } as const) : ({ type, batchId, expect: expectOf(doing.form), ...asked } as const);
        return { answer: await ask(deps, asked, request), back: at('batches', batchId) };
      },
    });
}

/** @throws {Refusal} */
function expectOf(form: Form) {
  const totals = parseControlTotals((form['expect'] ?? '').trim());
  if (typeof totals === 'string') throw new Refusal(422, 'wrong_totals', `Nothing was done: the totals cannot be read: ${totals}.`);
  return [...totals].map(([currency, { count, amountMinor }]) => ({ currency, count, amountMinor: String(amountMinor) }));
}
