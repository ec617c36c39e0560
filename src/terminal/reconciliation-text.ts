/** What `reconcile` answers, for people: counts, lists, and what to do. */
import { formatMinor } from '../../batches/fields/money.ts';
import {
  listNames,
  type ListName,
  type ReconciliationAnswer,
  type ReconciliationItem,
} from '../../batches/reconciliation/reconciliation-answer.ts';
import type { CountAndAmounts } from '../../batches/record/tally.ts';
import { counted, grouped, printable, table, type Paint } from './format.ts';
import { wrapText } from './width.ts';

export interface ReconciliationTextOptions {
  readonly file: string;
  readonly isDryRun: boolean;
  readonly paint: Paint;
  /** Columns of the terminal; undefined where there is none. */
  readonly width: number | undefined;
}

/** Of each list; `--json` shows more. */
const shownOf = 20;

const names: Readonly<Record<ListName, string>> = {
  only_here: 'only in the ledger',
  only_there: 'only in the report',
  different: 'different',
  refunds: 'refunds',
  candidates: 'candidates',
  unreadable: 'cannot be read',
};

const whatToDo: Readonly<Record<ListName, string>> = {
  only_here:
    'The ledger says that these succeeded, and the report does not show them. Look in the report of the day before, then ask the gateway.',
  only_there: 'No record of this ledger. Were they paid by other means, or with another ledger?',
  different: 'Each is an alert, and its record stays as it is. Look at the session at the gateway before you pay the recipient again.',
  refunds: 'Money came back. The records stay succeeded; to pay again, use a new record id.',
  candidates: 'The report cut the metadata, so these end nothing. Compare them by hand, then: disburse resolve RECORD.',
  unreadable: 'Nothing is concluded from these rows.',
};

export function reconciliationText(answer: ReconciliationAnswer, options: ReconciliationTextOptions): string {
  const { file, isDryRun, paint, width } = options;
  const { days, totals } = answer;
  const covered = days === null ? 'its days are not known' : days.from === days.to ? days.from : `${days.from} to ${days.to}`;
  const counts = [
    totalRow('rows', totals.rows),
    totalRow('matched', totals.matched),
    totalRow(isDryRun ? 'would be ended' : 'ended', totals.ended),
    ...(totals.repeated.count === 0 ? [] : [totalRow('repeated', totals.repeated)]),
    ...listNames.filter((name) => totals[name].count > 0).map((name) => totalRow(names[name], totals[name])),
  ];
  const lists = listNames.filter((name) => answer[name].length > 0).map((name) => listText(name, answer, options));
  return [
    `${paint('bold', printable(file))} (${covered}${days === null ? '' : ', UTC'})`,
    table(counts, new Set([1])),
    ...(days === null ? [wrapText('The days of the report are not known, so what only the ledger has is not listed.', width)] : []),
    ...lists,
    ...(isDryRun ? ['Nothing is changed (--dry-run).'] : []),
  ].join('\n');
}

const totalRow = (name: string, { count, amounts }: CountAndAmounts): string[] => [
  `  ${name}`,
  grouped(count),
  Object.entries(amounts)
    .map(([currency, amount]) => `${currency} ${grouped(amount)}`)
    .join(', '),
];

function listText(name: ListName, answer: ReconciliationAnswer, { paint, width }: ReconciliationTextOptions): string {
  const items = answer[name];
  const rest = answer.totals[name].count - Math.min(items.length, shownOf);
  return [
    '',
    paint('bold', `${names[name]}: ${grouped(answer.totals[name].count)}`),
    ...items.slice(0, shownOf).map((item) => wrapText(`  ${itemText(item)}`, width)),
    ...(rest > 0 ? [`  and ${counted(rest, 'more', 'more')}; --json lists up to 1,000`] : []),
    wrapText(`  ${whatToDo[name]}`, width),
  ].join('\n');
}

function itemText({ line, record_id, session_id, code, description, expected, seen }: ReconciliationItem): string {
  const parts = [
    ...(line === undefined ? [] : [`line ${line}`]),
    ...(record_id === undefined ? [] : [printable(record_id)]),
    ...(session_id === null ? [] : [printable(session_id)]),
    ...(expected === undefined ? [] : [`ledger: ${expected.status} ${amountText(expected.amount_details)}`]),
    ...(seen === undefined ? [] : [`report: ${printable(seen.type)} ${amountText(seen.amount_details)}`]),
  ];
  return `${parts.join('  ')}${code === undefined ? '' : `\n    ${printable(code)}: ${printable(description ?? '')}`}`;
}

const amountText = ({ amount, currency }: { readonly amount: number; readonly currency: string }): string =>
  `${currency} ${formatMinor(BigInt(amount), currency)}`;
