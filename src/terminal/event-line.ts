/** A result event as one line: time, status, record, amount, destination, source, reason. */
import { formatMinor } from '../../batches/fields/money.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { printable, type Paint, type Style } from './format.ts';

const colours: Partial<Record<ResultEvent['status'], Style>> = {
  succeeded: 'green',
  failed: 'red',
  rejected: 'red',
  conflict: 'red',
  cancelled: 'yellow',
  unknown: 'yellow',
};

export function eventLine(event: ResultEvent, paint: Paint): string {
  const cells = [
    printable(event.occurred_at.slice(0, 19).replace('T', ' ')),
    paint(colours[event.status] ?? 'dim', printable(event.status).padEnd(11)),
    printable(event.record_id ?? '(no id)').padEnd(20),
    printable(amountText(event)).padStart(16),
    printable(event.destination ?? '').padEnd(14),
    paint('dim', printable(sourceText(event))),
  ];
  const reason = event.error === undefined ? '' : `  ${event.error.code}: ${event.error.description}`;
  return `${cells.join('  ')}${printable(reason)}`.trimEnd();
}

function amountText({ amount_details: details }: ResultEvent): string {
  return details === undefined ? '' : `${formatMinor(BigInt(details.amount), details.currency)} ${details.currency}`;
}

const sourceText = ({ source }: ResultEvent): string =>
  'file' in source ? `${source.file}:${source.line}` : `${source.topic}/${source.partition}:${source.offset}`;
