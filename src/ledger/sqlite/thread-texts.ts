/**
 * Steps and records as text, in which they go from one thread to the other. JSON of arrays of values costs less than half of
 * what a structured clone of the same objects does; what is long and is bytes or JSON already goes beside it.
 */
import type { AuditEntry } from '../../../batches/audit/audit-entry.ts';
import type { Change, IntentCheck } from '../../../batches/record/change.ts';
import { checkChange } from '../../../batches/record/check-change.ts';
import type { Admission, LedgerRecord, Verdict } from '../../../batches/record/record.ts';
import { textOf, type EventText } from './outbox.ts';

type Values = readonly unknown[];

const valuesOf = (record: LedgerRecord): Values => [
  record.recordId,
  record.kind,
  record.batchId,
  record.occurrence,
  String(record.amountMinor),
  record.currency,
  record.destination,
  record.metadata,
  record.hasCardNumber,
  record.fingerprint,
  record.attempt,
  record.idempotencyKey,
  record.status,
  record.sequence,
  record.version,
  record.firstSentAt,
  record.sentClocks,
  record.keyLifetimeMs,
  record.idempotencyHeader,
  record.sends,
  record.alreadyReceived,
  record.sessionId,
  record.isSessionProven,
  record.entryId,
  record.confirmSession,
  record.cancelSession,
  record.reason,
  record.resend,
  record.dueAt,
  record.checks,
  record.audit,
  record.alerts,
  record.resolvedBy,
  record.awaitsConfirmationSince,
  record.previousSession,
  record.amendments,
  record.leaseOwner,
  record.leaseUntil,
];

/** JSON has null for what is absent in an array. */
const orAbsent = (value: unknown): never => (value === null ? undefined : value) as never;

/** In the order of `valuesOf`. */
const recordOf = (values: Values): LedgerRecord => ({
  recordId: values[0] as never,
  kind: values[1] as never,
  batchId: values[2] as never,
  occurrence: values[3] as never,
  amountMinor: BigInt(values[4] as string),
  currency: values[5] as never,
  destination: orAbsent(values[6]),
  metadata: orAbsent(values[7]),
  hasCardNumber: values[8] as never,
  fingerprint: values[9] as never,
  attempt: values[10] as never,
  idempotencyKey: values[11] as never,
  status: values[12] as never,
  sequence: values[13] as never,
  version: values[14] as never,
  firstSentAt: values[15] as never,
  sentClocks: values[16] as never,
  keyLifetimeMs: values[17] as never,
  idempotencyHeader: values[18] as never,
  sends: values[19] as never,
  alreadyReceived: values[20] as never,
  sessionId: values[21] as never,
  isSessionProven: values[22] as never,
  entryId: values[23] as never,
  confirmSession: values[24] as never,
  cancelSession: values[25] as never,
  reason: values[26] as never,
  resend: values[27] as never,
  dueAt: values[28] as never,
  checks: values[29] as never,
  audit: values[30] as never,
  alerts: values[31] as never,
  resolvedBy: values[32] as never,
  awaitsConfirmationSince: values[33] as never,
  previousSession: values[34] as never,
  amendments: values[35] as never,
  leaseOwner: values[36] as never,
  leaseUntil: values[37] as never,
});

const bytesText = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

/** @property keep the body, a character for each byte */
export interface ChangeText {
  readonly type: 'advance';
  readonly text: string;
  readonly event: EventText | undefined;
  readonly keep: string | undefined;
}

/** @throws TypeError for a step that no rule can have decided */
export function changeText(change: Change): ChangeText {
  checkChange(change);
  const { expected, after, event, body, audit, intent } = change;
  return {
    type: 'advance',
    text: JSON.stringify([expected, valuesOf(after), audit, body !== undefined && 'eraseAt' in body ? body.eraseAt : null, intent]),
    event: event === undefined ? undefined : textOf(event),
    keep: body !== undefined && 'keep' in body ? bytesText(body.keep) : undefined,
  };
}

type ChangeValues = [number, Values, readonly AuditEntry[] | null, number | null, IntentCheck | null];

/** The change without its event. */
export function readChange({ text, keep }: ChangeText): Change {
  const [expected, after, audit, eraseAt, intent] = JSON.parse(text) as ChangeValues;
  const body = keep !== undefined ? { keep: Buffer.from(keep, 'latin1') } : eraseAt !== null ? { eraseAt } : undefined;
  return {
    expected,
    after: recordOf(after),
    ...(audit === null ? {} : { audit }),
    ...(body === undefined ? {} : { body }),
    ...(intent === null ? {} : { intent }),
  };
}

/** @property paths and digests those of the fields; absent for a refused instruction */
export interface AdmissionText {
  readonly type: 'admit';
  readonly text: string;
  readonly paths: string | undefined;
  readonly digests: string | undefined;
}

/** The body stays behind: a ledger is given it with the intent. */
export function admissionText({ occurrence, batchId, at, content }: Admission): AdmissionText {
  if (content.type === 'refused') {
    const { amountMinor, ...refusal } = content.refusal;
    const text = JSON.stringify([occurrence, batchId, at, refusal, amountMinor === undefined ? null : String(amountMinor)]);
    return { type: 'admit', text, paths: undefined, digests: undefined };
  }
  const { draft, fingerprint, fields } = content;
  const { recordId, kind, amountMinor, currency, metadata, destination, hasCardNumber } = draft;
  const kept = { recordId, kind, currency, metadata, destination, hasCardNumber, batchId: draft.batchId };
  return {
    type: 'admit',
    text: JSON.stringify([occurrence, batchId, at, kept, String(amountMinor), fingerprint]),
    paths: fields.paths,
    digests: bytesText(fields.digests),
  };
}

type AdmissionValues = [Admission['occurrence'], string, number, object, string | null, string];

export function readAdmission({ text, paths, digests }: AdmissionText): Admission {
  const [occurrence, batchId, at, kept, amount, fingerprint] = JSON.parse(text) as AdmissionValues;
  const amountMinor = amount === null ? undefined : BigInt(amount);
  if (paths === undefined || digests === undefined) {
    const absent = { recordId: undefined, kind: undefined, currency: undefined };
    return { occurrence, batchId, at, content: { type: 'refused', refusal: { ...absent, ...kept, amountMinor } as never } };
  }
  const draft = { metadata: undefined, destination: undefined, ...kept, amountMinor, body: {} } as never;
  const fields = { paths, digests: Buffer.from(digests, 'latin1') };
  return { occurrence, batchId, at, content: { type: 'valid', draft, fingerprint, fields } };
}

/** A verdict with its record. */
export const verdictText = (type: 'admitted' | 'open', record: LedgerRecord): string => JSON.stringify([type, valuesOf(record)]);

export function readVerdict(text: string): Verdict {
  const [type, values] = JSON.parse(text) as ['admitted' | 'open', Values];
  return { type, record: recordOf(values) };
}
