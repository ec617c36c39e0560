/** The summary of a batch as text. */
import type { Summary } from '../../batches/record/summary.ts';
import { statuses } from '../../batches/record/status.ts';
import { formatDuration } from '../duration.ts';
import { counted, grouped, printable, table, type Paint } from './format.ts';
import { timeText } from './point-in-time.ts';
import { widthOf, wrapText } from './width.ts';

export const notBalanced =
  'NOT BALANCED: rows received and rows accounted for differ. Do not pay again; keep the data folder and report this.';

/**
 * A row for each status that occurs and a column for each currency; where that is wider than the terminal, a row for each
 * currency.
 *
 * @param width columns of the terminal; without a terminal every width is fine
 */
export function summaryText(summary: Summary, paint: Paint, width = Number.POSITIVE_INFINITY): string {
  const currencies = [
    ...new Set([summary.received, ...Object.values(summary.statuses)].flatMap((total) => Object.keys(total.amounts))),
  ].sort();
  const totals = [
    { name: 'received', ...summary.received },
    ...statuses.map((status) => ({ name: status, ...summary.statuses[status] })).filter(({ count }) => count > 0),
  ];
  const amount = (total: Summary['received'], currency: string): string => grouped(total.amounts[currency] ?? '');
  const wide = [
    ['', 'rows', ...currencies],
    ...totals.map((total) => [`  ${total.name}`, grouped(total.count), ...currencies.map((currency) => amount(total, currency))]),
  ];
  const columnsOf = (rows: readonly (readonly string[])[]): string =>
    table(rows, new Set(Array.from({ length: rows[0]?.length ?? 0 }, (_, column) => column).slice(1)));
  const wideText = columnsOf(wide);
  const fits = wideText.split('\n').every((line) => widthOf(line) <= width);
  const lines = fits ? wideText : turned(totals, currencies, amount);
  const balance = summary.balanced
    ? paint('green', 'Balanced: every row received is accounted for, by count and amount.')
    : paint('red', notBalanced);
  return [
    `${paint('bold', printable(summary.file))}: ${summary.state}${summary.sent_per_second > 0 ? `, ${summary.sent_per_second} sent per second` : ''}`,
    `  batch ${summary.batch_id}`,
    wrapText(`  started ${summary.started_at}${summary.finished_at === null ? '' : `, finished ${summary.finished_at}`}`, width),
    lines,
    ...openLines(summary).map((line) => wrapText(`  ${line}`, width)),
    wrapText(`  ${balance}`, width),
  ].join('\n');
}

function openLines({ open, alerts, approval, not_before: goesAt, statuses: totals, batch_id: id }: Summary): string[] {
  const age = open.oldest_seconds === null ? '' : `, the oldest for ${formatDuration(open.oldest_seconds * 1000)}`;
  return [
    ...(open.count === 0
      ? []
      : [`Open: ${counted(open.count, 'record', 'records')}${age}. disburse records --batch ${id.slice(0, 12)} lists them.`]),
    ...(approval?.state === 'awaiting'
      ? [`Waits for an approval${approval.submitted_by === undefined ? '' : `; ${printable(approval.submitted_by)} submitted it`}.`]
      : []),
    ...(approval?.decided_by === undefined
      ? []
      : [
          `${approval.state === 'approved' ? 'Approved' : 'Refused'} by ${printable(approval.decided_by)}: ${printable(approval.reason ?? '')}`,
        ]),
    ...(goesAt === undefined || totals.queued.count === 0 ? [] : [`Waits: it goes at ${timeText(goesAt)}.`]),
    ...(alerts === 0 ? [] : [`Alerts: ${counted(alerts, 'record has', 'records have')} an alert that no person has acknowledged.`]),
  ];
}

/** For each status its rows, and below it a line for each currency that it has. */
function turned(
  totals: readonly ({ readonly name: string } & Summary['received'])[],
  currencies: readonly string[],
  amount: (total: Summary['received'], currency: string) => string,
): string {
  const rows = totals.flatMap((total) => [
    [`  ${total.name}`, grouped(total.count)],
    ...currencies
      .filter((currency) => total.amounts[currency] !== undefined)
      .map((currency) => [`    ${currency}`, amount(total, currency)]),
  ]);
  return table(rows, new Set([1]));
}

/** One line for each batch, in their order. */
export function batchListText(summaries: readonly Summary[]): string {
  if (summaries.length === 0) return 'No batches yet.';
  const rows = summaries.map((summary) => {
    const { batch_id: id, file, state, received, statuses: totals, balanced } = summary;
    return [
      /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : printable(id),
      printable(file),
      state,
      grouped(received.count),
      ...[summary.open.count, totals.unknown.count, totals.failed.count, totals.succeeded.count].map(grouped),
      moneyText(received.amounts),
      balanced ? 'yes' : 'NO',
      timeText(summary.started_at),
    ];
  });
  const header = ['batch', 'file', 'state', 'rows', 'open', 'unknown', 'failed', 'succeeded', 'amount', 'balanced', 'started'];
  return table([header, ...rows], new Set([3, 4, 5, 6, 7]));
}

const moneyText = (amounts: Readonly<Record<string, string>>): string =>
  Object.entries(amounts)
    .map(([currency, amount]) => `${currency} ${grouped(amount)}`)
    .join(', ');
