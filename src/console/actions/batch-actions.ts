/** What an operator does with a batch, or with everything: pause, resume, cancel. */
import type { Hono } from 'hono';
import type { SetPause } from '../../../batches/record/pause.ts';
import type { Summary } from '../../../batches/record/summary.ts';
import { counted } from '../../terminal/format.ts';
import { chooseBatch } from '../../views/find-batch.ts';
import type { ConsoleEnv } from '../access/guard.ts';
import type { Person } from '../access/person.ts';
import { at, markup, type Markup } from '../markup.ts';
import type { Notes } from '../notes.ts';
import { actionForm, actions } from '../pieces/forms.ts';
import { amounts } from '../pieces/values.ts';
import { action } from '../routes.ts';
import { ask, askedBy, isAllowed, type ActDeps } from './act.ts';

/** In place of a batch: all of them, as the flag of the commands has it. The address of a batch of this name is another one. */
const everything = '/batches/--all';

export function addBatchActions(app: Hono<ConsoleEnv>, notes: Notes, deps: ActDeps): void {
  for (const type of ['pause', 'resume'] as const) {
    action(app, notes, {
      path: `${everything}/${type}`,
      role: 'operator',
      run: async (doing) => {
        const asked = askedBy(doing, 'optional');
        return { answer: await ask(deps, asked, { type, batchId: null, ...asked }), back: '/' };
      },
    });
    action(app, notes, {
      path: `/batches/:id/${type}`,
      role: 'operator',
      run: async (doing) => {
        const asked = askedBy(doing, 'optional');
        const { batchId } = await deps.reader.read(({ ledger }) => chooseBatch(ledger, doing.param('id')));
        return { answer: await ask(deps, asked, { type, batchId, ...asked }), back: at('batches', batchId) };
      },
    });
  }
  action(app, notes, {
    path: '/batches/:id/cancel',
    role: 'operator',
    run: async (doing) => {
      const asked = askedBy(doing, 'needed');
      const { batchId } = await deps.reader.read(({ ledger }) => chooseBatch(ledger, doing.param('id')));
      return { answer: await ask(deps, asked, { type: 'cancel', batchId, ...asked }), back: at('batches', batchId) };
    },
  });
}

/** Only what the state allows. */
export function batchForms(person: Person, summary: Summary, pause: SetPause | undefined): Markup {
  const { batch_id: id, state, statuses } = summary;
  const path = (name: string): string => at('batches', id, name);
  const isOver = state === 'finished' || state === 'cancelled';
  if (!isAllowed(person) || pause?.code === 'cancelled') return markup``;
  const isPaused = pause?.batchId === id;
  const waiting = statuses.queued;
  return actions('Decide', [
    isPaused
      ? actionForm({ person, action: path('resume'), title: 'Resume', button: 'Resume', reason: 'optional', about: 'Lets it go on.' })
      : null,
    isPaused || isOver
      ? null
      : actionForm({
          person,
          action: path('pause'),
          title: 'Pause',
          button: 'Pause',
          reason: 'optional',
          about: 'No new record is sent. What is at the gateway is followed to its end.',
        }),
    isOver
      ? null
      : actionForm({
          person,
          action: path('cancel'),
          title: 'Cancel what was not sent',
          button: `Cancel ${counted(waiting.count, 'record', 'records')}`,
          reason: 'needed',
          danger: true,
          about: `Ends what was not sent, now and later, for good: ${counted(waiting.count, 'record', 'records')} so far${waiting.count === 0 ? '' : `, ${amounts(waiting.amounts)}`}. What is at the gateway is followed to its end.`,
        }),
  ]);
}

/** On the overview: for all batches. */
export function everythingForms(person: Person, pauses: readonly SetPause[]): Markup {
  if (!isAllowed(person)) return markup``;
  const isPaused = pauses.some(({ batchId }) => batchId === null);
  const type = isPaused ? 'resume' : 'pause';
  const [title, about] = isPaused
    ? ['Resume everything', 'Lets everything go on.']
    : ['Pause everything', 'No new record of any batch is sent, by any instance. What is at the gateway is followed to its end.'];
  return actions('Decide', [
    actionForm({ person, action: `${everything}/${type}`, title, button: title, reason: 'optional', about, danger: !isPaused }),
  ]);
}
