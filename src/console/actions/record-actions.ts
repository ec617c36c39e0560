/** What an operator decides about one record: retry, resolve, cancel, capture, acknowledge its alerts. */
import type { Hono } from 'hono';
import { maskQuoted } from '../../../batches/instruction/masks.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { isFinal } from '../../../batches/record/status.ts';
import { mayDecide } from '../../views/chosen-records.ts';
import { Refusal, type ConsoleEnv } from '../access/guard.ts';
import type { Person } from '../access/person.ts';
import { at, markup, type Markup } from '../markup.ts';
import type { Notes } from '../notes.ts';
import { actionForm, actions, choiceField, textField } from '../pieces/forms.ts';
import { action } from '../routes.ts';
import { ask, askedBy, isAllowed, neededField, type ActDeps } from './act.ts';
import { checkConfirmation, confirmationOf } from './confirmation.ts';

export const outcomes = ['succeeded', 'failed', 'cancelled'] as const;

export function addRecordActions(app: Hono<ConsoleEnv>, notes: Notes, deps: ActDeps): void {
  const confirmed = async (recordId: string, form: Parameters<typeof checkConfirmation>[0]): Promise<void> => {
    const record = await deps.reader.read(({ ledger }) => ledger.record(recordId));
    if (record === undefined) throw new Refusal(404, 'no_record', `There is no record ${recordId} in this ledger.`);
    checkConfirmation(form, confirmationOf(record));
  };
  action(app, notes, {
    path: '/records/:id/resolve',
    role: 'operator',
    run: async (doing) => {
      const asked = askedBy(doing, 'needed');
      const as = outcomes.find((outcome) => outcome === doing.form['as']);
      if (as === undefined) throw new Refusal(422, 'field_missing', `Nothing was done: the field as must be ${outcomes.join(', ')}.`);
      const evidence = maskQuoted(neededField(doing.form, 'evidence'));
      const recordId = doing.param('id');
      await confirmed(recordId, doing.form);
      return { answer: await ask(deps, asked, { type: 'resolve', recordId, as, evidence, ...asked }), back: at('records', recordId) };
    },
  });
  action(app, notes, {
    path: '/records/:id/retry',
    role: 'operator',
    run: async (doing) => {
      const asked = askedBy(doing, 'needed');
      const recordId = doing.param('id');
      await confirmed(recordId, doing.form);
      return { answer: await ask(deps, asked, { type: 'retry', recordId, ...asked }), back: at('records', recordId) };
    },
  });
  for (const [name, type] of [
    ['cancel', 'cancel_record'],
    ['capture', 'capture'],
  ] as const)
    action(app, notes, {
      path: `/records/:id/${name}`,
      role: 'operator',
      run: async (doing) => {
        const asked = askedBy(doing, 'needed');
        const recordId = doing.param('id');
        return { answer: await ask(deps, asked, { type, recordId, ...asked }), back: at('records', recordId) };
      },
    });
  action(app, notes, {
    path: '/alerts/:record/acknowledge',
    role: 'operator',
    run: async (doing) => {
      const asked = askedBy(doing, 'needed');
      const recordId = doing.param('record');
      return { answer: await ask(deps, asked, { type: 'acknowledge', recordId, ...asked }), back: '/alerts' };
    },
  });
}

/** Only what the state allows; the ledger decides again when the form comes. */
export function recordForms(person: Person, record: LedgerRecord, now: number): Markup {
  if (!isAllowed(person)) return markup``;
  const path = (name: string): string => at('records', record.recordId, name);
  const confirm = textField(`Type ${confirmationOf(record)} to confirm`, 'confirm', {
    hint: 'The number of records, the currency and the sum.',
  });
  const isOpen = !isFinal[record.status] && record.status !== 'queued';
  return actions('Decide', [
    mayDecide('resolve', record, now)
      ? actionForm({
          person,
          action: path('resolve'),
          title: 'Resolve by your word',
          button: 'Resolve',
          reason: 'needed',
          danger: true,
          about: 'Ends the record. Look at the gateway or at the bank first: what contradicts later is an alert.',
          fields: [choiceField('What became of it', 'as', outcomes), textField('What shows it', 'evidence'), confirm],
        })
      : null,
    mayDecide('retry', record, now)
      ? actionForm({
          person,
          action: path('retry'),
          title: 'Pay again',
          button: 'Pay again',
          reason: 'needed',
          danger: true,
          about: `Sends the same content as attempt ${record.attempt + 1}, under a key of its own.`,
          fields: [confirm],
        })
      : null,
    record.status === 'queued'
      ? actionForm({
          person,
          action: path('cancel'),
          title: 'Cancel',
          button: 'Cancel the record',
          reason: 'needed',
          danger: true,
          about: 'Ends it before it is sent.',
        })
      : null,
    record.kind === 'payment' && isOpen
      ? actionForm({
          person,
          action: path('capture'),
          title: 'Capture',
          button: 'Capture',
          reason: 'needed',
          about: 'Takes the money, if the payment waits for its capture.',
        })
      : null,
    acknowledgeForm(person, record),
  ]);
}

const acknowledgeForm = (person: Person, { recordId, alerts }: LedgerRecord): Markup | null =>
  alerts.every(({ acknowledged }) => acknowledged) ? null : alertForm(person, recordId);

export const alertForm = (person: Person, recordId: string): Markup | null =>
  isAllowed(person)
    ? actionForm({
        person,
        action: at('alerts', recordId, 'acknowledge'),
        title: 'Acknowledge the alerts of this record',
        button: 'Acknowledge',
        reason: 'needed',
        about: 'Says that you have looked into it.',
      })
    : null;
