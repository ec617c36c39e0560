/** Result events: what is reported to the world about an occurrence. Source of the format: docs/results.md. */
import { publishedHash, type AuditHead } from '../audit/audit-entry.ts';
import { parseStrictJson, withNumbers } from '../fields/strict-json.ts';
import { z } from 'zod';
import type { ValidInstruction, Occurrence, Problem, InvalidInstruction } from '../instruction/instruction.ts';
import type { KeyDerivation } from './idempotency-key.ts';
import type { LedgerRecord } from './record.ts';
import { isFinal, statuses } from './status.ts';

/** The trace of the instruction, as W3C Trace Context writes it. */
export const traceparentPattern = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const trace = { traceparent: z.string().regex(traceparentPattern).optional() };
const fileSource = { file: z.string(), line: z.number().int().min(1), ...trace };
const topicSource = { topic: z.string(), partition: z.number().int().min(0), offset: z.string().regex(/^\d+$/), ...trace };
const source = z.union([z.strictObject(fileSource), z.strictObject(topicSource)]);
const problemMembers = { code: z.string(), description: z.string(), field: z.string().optional() };
const problem = z.strictObject(problemMembers);
const amountMembers = { amount: z.number().int().positive(), currency: z.string().length(3) };
const earlierMembers = { status: z.enum(statuses), batch_id: z.string() };

/** What writers hold to: one line of `results.jsonl`, one value on the results topic. Amounts are minor units. */
export const resultSchema = z
  .strictObject({
    event_id: z.uuid(),
    sequence: z.number().int().min(1),
    record_id: z.string().optional(),
    kind: z.enum(['payout', 'payment']).optional(),
    status: z.enum(statuses).exclude(['submitting']),
    final: z.boolean(),
    batch_id: z.string(),
    source,
    idempotency_key: z.uuid().optional(),
    attempt: z.number().int().min(1).optional(),
    amount_details: z.strictObject(amountMembers).optional(),
    key_lifetime_ms: z.number().positive().optional(),
    idempotency_header: z.string().optional(),
    session_id: z.string().optional(),
    entry_id: z.string().optional(),
    destination: z.string().optional(),
    metadata: z.union([z.string(), z.number(), z.record(z.string(), z.json())]).optional(),
    fingerprint: z.string().optional(),
    /** Number and hash of the entry in the record's audit trail that this event reports. */
    audit_number: z.number().int().min(1).optional(),
    audit_head: z.string().optional(),
    /** Who ended the record by a person's word. */
    resolved_by: z.string().optional(),
    /** What the payer has to do, as the gateway shows it. */
    next_action: z.record(z.string(), z.json()).optional(),
    ledger_mark: z.string().optional(),
    error: problem.optional(),
    errors: z.array(problem).optional(),
    earlier: z.strictObject({ ...earlierMembers, source }).optional(),
    fields: z.array(z.string()).optional(),
    occurred_at: z.iso.datetime(),
    /** Absent in events that are older than this member. */
    version: z.literal(1).optional(),
  })
  .meta({ title: 'disburse result event' });

/** A trace in another form is no reason to lose a result. */
const anyTrace = { traceparent: z.string().optional() };
const anySource = z.union([z.looseObject({ ...fileSource, ...anyTrace }), z.looseObject({ ...topicSource, ...anyTrace })]);
const anyProblem = z.looseObject(problemMembers);

/** What readers hold to: members may be added under the same version, so a reader ignores those that it does not know. */
export const resultReaderSchema = z
  .looseObject({
    ...resultSchema.shape,
    source: anySource,
    amount_details: z.looseObject(amountMembers).optional(),
    error: anyProblem.optional(),
    errors: z.array(anyProblem).optional(),
    earlier: z.looseObject({ ...earlierMembers, source: anySource }).optional(),
  })
  .meta({ title: 'disburse result event' });

export type ResultEvent = z.infer<typeof resultSchema>;

/** Undefined for any other text, an event with a member twice, and one of a version that this reader does not know. */
export function readResultEvent(text: string): ResultEvent | undefined {
  try {
    return resultReaderSchema.safeParse(withNumbers(parseStrictJson(text))).data;
  } catch {
    return undefined;
  }
}

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
