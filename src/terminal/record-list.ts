/** Records as a table, with the sum of each currency below it. */
import { formatMinor } from '../../batches/fields/money.ts';
import { ageMs, recordView, type NextStep, type TimedRecord } from '../../batches/record/record-view.ts';
import type { SetPause } from '../../batches/record/pause.ts';
import type { SelectedRecords } from '../../batches/record/record-selection.ts';
import { formatDuration } from '../duration.ts';
import { counted, grouped, printable, table, type Paint } from './format.ts';
import { timeText } from './point-in-time.ts';

const header = ['record', 'status', 'amount', '', 'age', 'source', 'next', 'reason'];

/** @property pauses what is paused now */
interface Shown {
  readonly now: number;
  readonly pauses: readonly SetPause[];
  readonly paint: Paint;
}

export function recordListText({ records, count, totals }: SelectedRecords, shown: Shown): string {
  const { paint } = shown;
  if (count === 0) return 'No records.';
  const rows = records.map((timed) => cellsOf(timed, shown));
  const sums = [...totals].map(([currency, total]) => {
    const amount = grouped(formatMinor(total.amountMinor, currency));
    return `  ${currency} ${amount} in ${counted(total.count, 'record', 'records')}`;
  });
  const more = count > records.length ? [`… and ${grouped(count - records.length)} more (--limit)`] : [];
  return [table([header, ...rows], new Set([2])), ...more, paint('bold', counted(count, 'record', 'records')), ...sums].join('\n');
}

function cellsOf(timed: TimedRecord, { now, pauses }: Shown): string[] {
  const { record } = timed;
  const { source, reason, next, alerts = [] } = recordView(timed, now, pauses);
  return [
    printable(record.recordId),
    record.status,
    grouped(formatMinor(record.amountMinor, record.currency)),
    record.currency,
    formatDuration(ageMs(timed, now)),
    printable('file' in source ? `${source.file}:${source.line}` : `${source.topic}/${source.partition}:${source.offset}`),
    nextText(next),
    printable(
      [...alerts.map(({ alert }) => `alert ${alert}`), ...(reason === undefined ? [] : [`${reason.code}: ${reason.description}`])].join(
        '; ',
      ),
    ),
  ];
}

export function nextText(next: NextStep | undefined): string {
  if (next === undefined) return '';
  const at = next.at === undefined ? '' : ` at ${timeText(next.at)}`;
  const until = next.until === undefined ? '' : ` until ${timeText(next.until)}`;
  return `${next.action.replace('_', ' ')}${at}${until}`;
}
