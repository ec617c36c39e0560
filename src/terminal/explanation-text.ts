/** A record with its audit trail as text. */
import type { AuditDetail, AuditEventName } from '../../batches/audit/audit-entry.ts';
import type { PublishedHead, TrailVerification } from '../../batches/audit/hash-chain.ts';
import { formatMinor } from '../../batches/fields/money.ts';
import type { RecordView } from '../../batches/record/record-view.ts';
import { formatDuration } from '../duration.ts';
import { sourceText } from './event-line.ts';
import { counted, grouped, printable, type Paint } from './format.ts';
import { timeText } from './point-in-time.ts';
import { nextText } from './record-list.ts';
import { wrapText } from './width.ts';

export interface ExplainedEntry {
  readonly number: number;
  readonly at?: string;
  readonly event: AuditEventName | 'unreadable';
  readonly by?: string;
  readonly detail: AuditDetail;
  readonly hash: string;
}

/**
 * @property head the hash that the trail ends with; null for a record of a version that kept no trail
 * @property verified with `--verify` only
 * @property verified_from the first entry that was verified
 * @property broken the first entry that is not as it was written
 */
export interface Explanation {
  readonly record: RecordView;
  readonly trail: readonly ExplainedEntry[];
  readonly head: string | null;
  readonly verified?: boolean;
  readonly verified_from?: number;
  readonly broken?: { readonly number: number; readonly problem: string };
}

export function explanationText({ record, trail, head }: Explanation, paint: Paint, width = Number.POSITIVE_INFINITY): string {
  const entries = trail.map((entry) => wrapText(`  ${entryText(entry)}`, width));
  const none = head === null ? 'No audit trail: an older version of disburse wrote this record.' : 'The audit trail is missing.';
  return [
    paint('bold', wrapText(titleText(record), width)),
    ...factsOf(record).map((fact) => wrapText(`  ${fact}`, width)),
    '',
    ...(entries.length === 0 ? [none] : ['Audit trail (UTC):', ...entries]),
    '',
    `Next: ${record.next === undefined ? 'nothing, it has ended' : nextText(record.next)}`,
    ...record.commands.map((command) => `  ${command}`),
  ].join('\n');
}

function titleText({ record_id: id, status, amount_details: { amount, currency }, destination }: RecordView): string {
  const to = destination === undefined ? '' : ` to ${printable(destination)}`;
  return `${printable(id)}: ${status}, ${currency} ${grouped(formatMinor(BigInt(amount), currency))}${to}`;
}

function factsOf(record: RecordView): string[] {
  const { kind, batch_id: batch, source, attempt, sends, session_id: session, entry_id: entry, reason, resend, alerts = [] } = record;
  const ids = [...(session === undefined ? [] : [`session ${session}`]), ...(entry === undefined ? [] : [`entry ${entry}`])];
  return [
    `${kind} of ${printable(sourceText(source))}, batch ${printable(batch)}, ${formatDuration(record.age_seconds * 1000)} old`,
    [`attempt ${attempt}`, sends === 0 ? 'not sent' : `sent ${counted(sends, 'time', 'times')}`, ...ids.map(printable)].join(', '),
    ...(reason === undefined ? [] : [printable(`${reason.code}: ${reason.description}`)]),
    ...(resend === undefined ? [] : [printable(`newest resend: ${resend.code}: ${resend.description}`)]),
    ...(record.details_dropped === undefined ? [] : [detailsDropped]),
    ...alerts.map(({ alert, at }) => printable(`alert ${alert} since ${timeText(at)}`)),
  ];
}

const detailsDropped = 'Its details were dropped at the end of LEDGER_RETENTION: what is shown here is kept permanently.';

/** Number, time, event, who, and what it changed: the new status first. */
function entryText({ number, at, event, by, detail }: ExplainedEntry): string {
  const { status, code, description, ...others } = detail;
  const reason = [code, description].filter((part) => part !== undefined).join(': ');
  const parts = [
    ...(status === undefined ? [] : [`now ${status}`]),
    ...(reason === '' ? [] : [reason]),
    ...Object.entries(others).map(([name, value]) => `${name} ${value}`),
  ];
  const when = at === undefined ? 'unknown time' : `${at.slice(0, 10)} ${at.slice(11, 23)}`;
  const who = by === undefined ? '' : ` by ${by}`;
  return printable(`${number}  ${when}  ${event}${who}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`);
}

type Verified<Type> = Extract<TrailVerification, { readonly type: Type }>;

export const brokenText = (recordId: string, { number, problem }: Verified<'broken'>): string =>
  `the audit trail of ${printable(recordId)} was changed: entry ${number} ${problem}. Keep the ledger as it is, and find out who can write to it.`;

/** How far the trail is proven. */
export function verifiedText({ from }: Verified<'whole'>, published: readonly PublishedHead[]): string {
  const newest = Math.max(0, ...published.map(({ number }) => number));
  const since = from === 1 ? 'from its first entry' : `from entry ${from}: what was before it was dropped or restored`;
  const heads =
    newest === 0
      ? 'No result of it was published yet, so an end that was cut cannot be seen.'
      : `It has every head that ${counted(published.length, 'result', 'results')} published; an end that was cut is seen up to entry ${newest}, which was published last.`;
  return `The audit trail is as it was written, ${since}. ${heads}`;
}
