/** Makes result events. Their format: `result-event.ts`, which reads them. */
import { publishedHash, type AuditHead } from '../audit/audit-entry.ts';
import type { ValidInstruction, Occurrence, Problem, InvalidInstruction } from '../instruction/instruction.ts';
import type { KeyDerivation } from './idempotency-key.ts';
import type { LedgerRecord } from './record.ts';
import type { ResultEvent } from './result-event.ts';
import { isFinal } from './status.ts';

/** Where an event's parts come from: the place it speaks of, its number, its time. */
interface Frame {
  readonly occurrence: Occurrence;
  readonly batchId: string;
  readonly sequence: number;
  readonly at: number;
}

const frame = (keys: KeyDerivation, { occurrence, batchId, sequence, at }: Frame, attempt: number, status: ResultEvent['status']) => ({
  event_id: keys.eventId({ place: `${occurrence.stream}:${occurrence.position}`, attempt, status, sequence }),
  sequence,
  status,
  final: isFinal[status],
  batch_id: batchId,
  source: occurrence.source,
  occurred_at: new Date(at).toISOString(),
  version: 1 as const,
});

const told = (problem: Problem) => ({
  code: problem.code,
  description: problem.message,
  ...(problem.column === null ? {} : { field: problem.column }),
});

const amountDetails = (amountMinor: bigint, currency: string) => ({ amount: Number(amountMinor), currency });

/** An occurrence that broke a rule, or fell with its batch. */
export function rejectedEvent(
  keys: KeyDerivation,
  params: Frame & { readonly refusal: InvalidInstruction; readonly head?: AuditHead | null },
): ResultEvent {
  const { refusal } = params;
  const [first, ...others] = refusal.problems;
  return {
    ...frame(keys, params, 1, 'rejected'),
    ...(refusal.recordId === undefined ? {} : { record_id: refusal.recordId }),
    ...(refusal.kind === undefined ? {} : { kind: refusal.kind }),
    ...(refusal.amountMinor === undefined || refusal.currency === undefined
      ? {}
      : { amount_details: amountDetails(refusal.amountMinor, refusal.currency) }),
    ...(refusal.metadata === undefined ? {} : { metadata: refusal.metadata as never }),
    error: told(first),
    ...(others.length === 0 ? {} : { errors: refusal.problems.map(told) }),
    ...auditMembers(params.head),
  };
}

interface Seen extends Frame {
  readonly draft: ValidInstruction;
  readonly earlier: LedgerRecord;
  /** The head of the trail of `earlier`, with this occurrence in it. */
  readonly head: AuditHead;
}

const seenAgain = (keys: KeyDerivation, params: Seen, status: 'duplicate' | 'conflict'): ResultEvent => ({
  ...frame(keys, params, 1, status),
  record_id: params.draft.recordId,
  kind: params.draft.kind,
  amount_details: amountDetails(params.draft.amountMinor, params.draft.currency),
  ...(params.draft.destination === undefined ? {} : { destination: params.draft.destination }),
  ...(params.draft.metadata === undefined ? {} : { metadata: params.draft.metadata as never }),
  earlier: { status: params.earlier.status, batch_id: params.earlier.batchId, source: params.earlier.occurrence.source },
  ...auditMembers(params.head),
});

const auditMembers = (head: AuditHead | null = null) =>
  head === null ? {} : { audit_number: head.number, audit_head: publishedHash(head) };

/** The same content under the same record id, asked for at another place. */
export const duplicateEvent = (keys: KeyDerivation, params: Seen): ResultEvent => seenAgain(keys, params, 'duplicate');

/** Other content under a record id that is taken. `fields` are the paths that differ, never the values. */
export const conflictEvent = (keys: KeyDerivation, params: Seen & { readonly fields: readonly string[] }): ResultEvent => ({
  ...seenAgain(keys, params, 'conflict'),
  fields: [...params.fields],
  error: {
    code: 'record_id_conflict',
    description: `The record id ${params.draft.recordId} was used before with other content, so nothing was sent. Give this instruction a record id of its own, or correct it.`,
  },
});

/** Where the money of the attempt goes, masked. */
const destinationOf = ({ destination, amendments }: LedgerRecord): string | undefined => amendments.at(-1)?.destination ?? destination;

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/** What a rebuild needs of a record that was sent. */
function addSent(event: Writable<ResultEvent>, { idempotencyKey, attempt, keyLifetimeMs, idempotencyHeader }: LedgerRecord): void {
  event.idempotency_key = idempotencyKey;
  event.attempt = attempt;
  if (keyLifetimeMs !== null) event.key_lifetime_ms = keyLifetimeMs;
  if (idempotencyHeader !== null) event.idempotency_header = idempotencyHeader;
}

/**
 * The event of a record's own status change. `sequence` and audit head are the record's, already raised.
 *
 * @param more members that the record does not keep
 */
export function recordEvent(
  keys: KeyDerivation,
  record: LedgerRecord,
  at: number,
  more: Pick<ResultEvent, 'next_action'> = {},
): ResultEvent {
  const status = record.status;
  if (status === 'submitting' || (status === 'queued' && record.reason === null)) throw new TypeError(`${status} has no event`);
  const event: Writable<ResultEvent> = frame(
    keys,
    { occurrence: record.occurrence, batchId: record.batchId, sequence: record.sequence, at },
    record.attempt,
    status,
  );
  event.record_id = record.recordId;
  event.kind = record.kind;
  if (record.sends > 0 || record.attempt > 1) addSent(event, record);
  event.amount_details = amountDetails(record.amountMinor, record.currency);
  if (record.sessionId !== null) event.session_id = record.sessionId;
  if (record.entryId !== null) event.entry_id = record.entryId;
  const destination = destinationOf(record);
  if (destination !== undefined) event.destination = destination;
  if (record.metadata !== undefined) event.metadata = record.metadata as never;
  event.fingerprint = record.fingerprint;
  if (record.reason !== null) event.error = record.reason;
  if (record.resolvedBy !== null) event.resolved_by = record.resolvedBy;
  if (more.next_action !== undefined) event.next_action = more.next_action;
  if (record.audit !== null) {
    event.audit_number = record.audit.number;
    event.audit_head = publishedHash(record.audit);
  }
  return event;
}
