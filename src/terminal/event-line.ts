/** Events as one line each. */
import { formatMinor } from '../../batches/fields/money.ts';
import type { AlertEvent } from '../../batches/record/alert-event.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { printable, type Paint, type Style } from './format.ts';
import { timeText } from './point-in-time.ts';

const colours: Partial<Record<ResultEvent['status'], Style>> = {
  succeeded: 'green',
  failed: 'red',
  rejected: 'red',
  conflict: 'red',
  cancelled: 'yellow',
  unknown: 'yellow',
};

/** Time, kind, record, description. */
export const alertLine = (alert: AlertEvent, paint: Paint): string =>
  [
    printable(timeText(alert.occurred_at)),
    paint('red', printable(alert.alert).padEnd(22)),
    printable(alert.record_id ?? '(no record)').padEnd(20),
    printable(alert.description),
  ].join('  ');

/** Time, status, record, amount, destination, source, reason. */
export function eventLine(event: ResultEvent, paint: Paint): string {
  const cells = [
    printable(timeText(event.occurred_at)),
    paint(colours[event.status] ?? 'dim', printable(event.status).padEnd(11)),
    printable(event.record_id ?? '(no id)').padEnd(20),
    printable(amountText(event)).padStart(16),
    printable(event.destination ?? '').padEnd(14),
    paint('dim', printable(sourceText(event.source))),
  ];
  const reasons = [errorText(event), fieldsText(event), earlierText(event)].filter((text) => text !== '');
  return `${cells.join('  ')}${reasons.length === 0 ? '' : printable(`  ${reasons.join('; ')}`)}`.trimEnd();
}

function amountText({ amount_details: details }: ResultEvent): string {
  return details === undefined ? '' : `${formatMinor(BigInt(details.amount), details.currency)} ${details.currency}`;
}

export const sourceText = (source: ResultEvent['source']): string =>
  'file' in source ? `${source.file}:${source.line}` : `${source.topic}/${source.partition}:${source.offset}`;

const errorText = ({ error }: ResultEvent): string => (error === undefined ? '' : `${error.code}: ${error.description}`);

const fieldsText = ({ fields }: ResultEvent): string =>
  fields === undefined || fields.length === 0 ? '' : `differs in ${fields.join(', ')}`;

/** The record that a duplicate or conflict met, with its status at that time. */
const earlierText = ({ earlier }: ResultEvent): string =>
  earlier === undefined ? '' : `first at ${sourceText(earlier.source)}, then ${earlier.status}`;
