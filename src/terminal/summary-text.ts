/** The summary of a batch as text. */
import type { Summary } from '../../batches/record/summary.ts';
import { statuses } from '../../batches/record/status.ts';
import { grouped, printable, table, type Paint } from './format.ts';
import { timeText } from './point-in-time.ts';

/** A row for each status that occurs, a column for each currency. */
export function summaryText(summary: Summary, paint: Paint): string {
  const currencies = [
    ...new Set([summary.received, ...Object.values(summary.statuses)].flatMap((total) => Object.keys(total.amounts))),
  ].sort();
  const row = (name: string, total: Summary['received']): string[] => [
    `  ${name}`,
    grouped(total.count),
    ...currencies.map((currency) => (total.amounts[currency] === undefined ? '' : grouped(total.amounts[currency]))),
  ];
  const accounted = statuses.flatMap((status) => {
    const total = summary.statuses[status];
    return total === undefined || total.count === 0 ? [] : [row(status, total)];
  });
  const lines = table(
    [['', 'rows', ...currencies], row('received', summary.received), ...accounted],
    new Set([1, ...currencies.map((_code, index) => index + 2)]),
  );
  const balance = summary.balanced
    ? paint('green', 'Balanced: every row received is accounted for, in count and in amount.')
    : paint('red', 'NOT BALANCED: rows received and rows accounted for differ. Do not pay again; keep the data folder and report this.');
  return [
    `${paint('bold', printable(summary.file))}: ${summary.state}${summary.sent_per_second > 0 ? `, ${summary.sent_per_second} sent per second` : ''}`,
    `  batch ${summary.batch_id}`,
    `  started ${summary.started_at}${summary.finished_at === null ? '' : `, finished ${summary.finished_at}`}`,
    lines,
    `  ${balance}`,
  ].join('\n');
}

const openStatuses = ['queued', 'submitting', 'in_progress', 'unknown'] as const;

/** One line for each batch, in their order. */
export function batchListText(summaries: readonly Summary[]): string {
  if (summaries.length === 0) return 'No batches yet.';
  const rows = summaries.map((summary) => {
    const { batch_id: id, file, state, received, statuses: totals, balanced } = summary;
    const open = openStatuses.reduce((sum, status) => sum + totals[status].count, 0);
    return [
      /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : printable(id),
      printable(file),
      state,
      grouped(received.count),
      ...[open, totals.unknown.count, totals.failed.count, totals.succeeded.count].map(grouped),
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
