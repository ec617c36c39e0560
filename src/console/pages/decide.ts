/** `/decide`: records that were chosen on `/records`, looked at once more before a person decides about all of them. */
import { formatMinor } from '../../../batches/fields/money.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { counted, grouped } from '../../terminal/format.ts';
import { mayDecide, sumOf, type Decision } from '../../views/chosen-records.ts';
import type { Person } from '../access/person.ts';
import { confirmationOf } from '../actions/confirmation.ts';
import type { Shown } from '../answers.ts';
import { markup, type Markup } from '../markup.ts';
import { actionForm, actions, choiceField, textField } from '../pieces/forms.ts';
import { dataTable } from '../pieces/table.ts';
import { badge, recordLink } from '../pieces/values.ts';

export interface Choice {
  readonly records: readonly LedgerRecord[];
  /** The query of the list that they were chosen from. */
  readonly filter: string;
  readonly outcomes: readonly string[];
  readonly now: number;
}

const money = ({ currency, amountMinor }: Pick<LedgerRecord, 'currency' | 'amountMinor'>): string =>
  currency === '' ? '' : `${currency} ${grouped(formatMinor(amountMinor, currency))}`;

export function decidePage(person: Person, choice: Choice): Shown {
  const { records, now } = choice;
  const can = (decision: Decision): readonly LedgerRecord[] => records.filter((record) => mayDecide(decision, record, now));
  const [resolvable, payable] = [can('resolve'), can('retry')];
  const part = (some: readonly LedgerRecord[]) => ({ records: some.map(({ recordId }) => recordId), confirm: confirmationOf(...some) });
  const sums = [...sumOf(records)].map(([currency, { amountMinor }]) => money({ currency, amountMinor }));
  return {
    title: 'Decide about records',
    json: { count: records.length, resolve: part(resolvable), retry: part(payable) },
    body: markup`<h1>Decide about ${counted(records.length, 'record', 'records')}</h1>
<p class="sums"><strong>${sums.filter((sum) => sum !== '').join(', ')}</strong></p>
${resolvable.length + payable.length === 0 ? markup`<p class="note warn">None of them can be resolved or paid again as it is.</p>` : null}
${actions('Decide', [resolvable.length === 0 ? null : resolveForm(person, choice, resolvable), payable.length === 0 ? null : retryForm(person, choice, payable)])}
${dataTable({
  label: 'Chosen records',
  columns: ['record', 'status', 'amount', 'destination'],
  rows: records.map((record) => [recordLink(record.recordId), badge(record.status), money(record), record.destination]),
  right: new Set([2]),
})}`,
  };
}

const resolveForm = (person: Person, choice: Choice, records: readonly LedgerRecord[]): Markup =>
  actionForm({
    person,
    action: '/decide/resolve',
    title: `Resolve ${counted(records.length, 'record', 'records')} by your word`,
    button: 'Resolve all of them',
    reason: 'needed',
    danger: true,
    about: `Ends each of them. Look at the gateway or at the bank first: what contradicts later is an alert.${others(choice, records)}`,
    fields: [
      choiceField('What became of all of them', 'as', choice.outcomes),
      textField('What shows it', 'evidence'),
      ...common(choice, records),
    ],
  });

const retryForm = (person: Person, choice: Choice, records: readonly LedgerRecord[]): Markup =>
  actionForm({
    person,
    action: '/decide/retry',
    title: `Pay ${counted(records.length, 'record', 'records')} again`,
    button: 'Pay all of them again',
    reason: 'needed',
    danger: true,
    about: `Sends the same content of each as its next attempt, under a key of its own.${others(choice, records)}`,
    fields: common(choice, records),
  });

/** That the rest of what was chosen stays as it is. */
const others = ({ records: all }: Choice, records: readonly LedgerRecord[]): string =>
  all.length === records.length ? '' : ` The other ${all.length - records.length} of ${all.length} stay as they are.`;

const common = ({ filter }: Choice, records: readonly LedgerRecord[]): readonly Markup[] => [
  markup`<input type="hidden" name="records" value="${records.map(({ recordId }) => recordId).join(' ')}"><input type="hidden" name="filter" value="${filter}">`,
  textField(`Type ${confirmationOf(...records)} to confirm`, 'confirm', { hint: 'The number of records, the currency and the sum.' }),
];
