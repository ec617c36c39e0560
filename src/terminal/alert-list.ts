/** Alerts that wait for a person. */
import { formatMinor } from '../../batches/fields/money.ts';
import type { AlertEvent } from '../../batches/record/alert-event.ts';
import { counted, grouped, printable } from './format.ts';
import { wrapText } from './width.ts';

/** @param count how many there are; `alerts` may be fewer @param width undefined where there is no terminal */
export function alertListText(alerts: readonly Omit<AlertEvent, 'seen'>[], count: number, width: number | undefined): string {
  if (count === 0) return 'No alerts that wait for a person.';
  const lines = alerts.flatMap(({ alert, record_id, session_id, expected, description, occurred_at }) => {
    const { amount, currency } = expected?.amount_details ?? { amount: 0, currency: '' };
    const money = currency === '' ? '' : `  ${currency} ${grouped(formatMinor(BigInt(amount), currency))}`;
    const session = session_id === undefined ? '' : `  ${printable(session_id)}`;
    return [`${occurred_at}  ${alert}  ${printable(record_id ?? '')}${money}${session}`, wrapText(`  ${printable(description)}`, width)];
  });
  const more = count > alerts.length ? [`and ${grouped(count - alerts.length)} more; --json lists all`] : [];
  const next = 'When you have looked into it: disburse alerts acknowledge RECORD --reason TEXT';
  return [...lines, ...more, counted(count, 'alert', 'alerts'), wrapText(next, width)].join('\n');
}
