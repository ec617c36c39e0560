/** Compares the ledger with the witness record by record, and counts what ended each record. */
import { readAuditEntry, type AuditEntry } from '../../../batches/audit/audit-entry.ts';
import { isFinal, type Status } from '../../../batches/record/status.ts';
import type { WitnessLine } from '../../../sandbox/server.ts';
import { cardRecord, type Told } from './story.ts';

/** A line of `records --json`, as far as it is compared. */
export interface Listed {
  readonly record_id: string;
  readonly status: Status;
  readonly final: boolean;
  readonly reason?: { readonly code: string };
  readonly amount_details: { readonly amount: number; readonly currency: string };
  readonly session_id?: string;
  readonly sends: number;
}

export type Endings = Readonly<Record<string, number>>;

export const isPaid = ({ entry_status: entry }: WitnessLine): boolean => entry === 'succeeded';

/** What does not hold; empty when all does. @param contradicted records with an alert of contradicting evidence */
export function compare(
  listed: readonly Listed[],
  witness: readonly WitnessLine[],
  expected: readonly string[],
  contradicted: ReadonlySet<string>,
): string[] {
  const problems: string[] = [];
  const sessions = Map.groupBy(witness, ({ record_id: id }) => id ?? '');
  const inLedger = Map.groupBy(listed, ({ record_id: id }) => id);
  for (const id of expected)
    if (inLedger.get(id)?.length !== 1) problems.push(`${id} is in the ledger ${inLedger.get(id)?.length ?? 0} times`);
  for (const one of listed)
    for (const problem of problemsOf(one, sessions.get(one.record_id) ?? [], contradicted)) problems.push(`${one.record_id} ${problem}`);
  return problems;
}

function problemsOf(one: Listed, sessions: readonly WitnessLine[], contradicted: ReadonlySet<string>): string[] {
  const paid = sessions.filter(isPaid);
  const keys = new Set(sessions.map(({ idempotency_key: key }) => key));
  const problems: string[] = [];
  if (paid.length > 1) problems.push(`was paid ${paid.length} times`);
  if (keys.size > 1) problems.push(`was sent under ${keys.size} keys`);
  const [payment] = paid;
  if (one.status === 'succeeded') {
    if (payment === undefined) problems.push('is succeeded, and was not paid');
    else if (payment.session_id !== one.session_id && one.session_id !== undefined)
      problems.push(`follows ${one.session_id}, and was paid by ${payment.session_id}`);
    else if (payment.amount !== one.amount_details.amount)
      problems.push(`shows ${one.amount_details.amount}, and ${payment.amount} was paid`);
  } else if (one.final && payment !== undefined) problems.push(`is ${one.status}, and was paid by ${payment.session_id}`);
  else if (!one.final && !contradicted.has(one.record_id))
    problems.push(`is ${one.status} (${one.reason?.code ?? 'no reason'}) in the end`);
  return problems;
}

export type WhyPerson = 'card not sent' | 'session not known' | 'capture not known';

/**
 * What nothing but a person ends, or the gateway's own time limit: a body with a card number is never kept, so a send that
 * did not arrive is not repeated; a session of which neither an answer nor a webhook spoke cannot be asked for; and a
 * capture is repeated only when a status check shows that it is still asked for.
 */
export function needsPerson(told: Told, one: Listed, sessions: readonly WitnessLine[]): WhyPerson | undefined {
  if (sessions.length === 0) return cardRecord(one.record_id) ? 'card not sent' : undefined;
  if (told === 'webhooks') return sessions.every(isUncaptured) ? 'capture not known' : undefined;
  return one.session_id === undefined ? 'session not known' : undefined;
}

const isUncaptured = ({ kind, entry_status: entry }: WitnessLine): boolean => kind === 'payment' && entry === 'pending';

const names: Readonly<Record<string, string>> = { status_check: 'status check', resolved: 'person' };

/** What made the record final, from its trail; undefined while it is open. */
export function endingOf(entries: readonly AuditEntry[]): string | undefined {
  const trail = entries.map(({ text }) => readAuditEntry(text)).filter((entry) => entry !== undefined);
  const last = trail.findLastIndex(({ detail }) => typeof detail['status'] === 'string' && isFinal[detail['status'] as Status]);
  const entry = trail[last];
  if (entry === undefined) return undefined;
  const sends = trail.slice(0, last).filter(({ event }) => event === 'intent' || event === 'resend').length;
  if (entry.event === 'answer' && sends > 1) return 'resend';
  return names[entry.event] ?? entry.event;
}

export const countOf = (values: Iterable<string | undefined>): Endings => {
  const counts: Record<string, number> = {};
  for (const value of values) if (value !== undefined) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};
