/** The two forms of a change: with and without a result event. Both append to the audit trail what the step teaches. */
import type { AuditDetail, AuditEventName, AuditNote } from '../audit/audit-entry.ts';
import type { CustomerAction } from '../gateway/customer-action.ts';
import { failureClass, type FailureCode } from '../gateway/failure-codes.ts';
import type { LedgerRecord, Reason } from './record.ts';
import type { BodyChange, Change } from './change.ts';
import { whyNotResend, type ResendSettings, type TransitionSettings } from './resend-rules.ts';
import { recordEvent, type ResultEvent } from './result-event.ts';
import { isFinal, isPublished, mayFollow, type RecordStatus } from './status.ts';

const dayMs = 86_400_000;
/** A body is kept this long after a final answer that a person may want to look into. */
const keepAfterRefusalMs = 7 * dayMs;

/** Changes when and by whom a record is looked at next: nothing that its audit trail shows. */
export const schedule = (record: LedgerRecord, patch: Partial<LedgerRecord>): Change => ({
  expected: record.version,
  from: record.status,
  after: { ...record, ...patch, version: record.version + 1 },
});

/** Changes what is not published. @param at milliseconds since the epoch */
export function write(
  rules: Pick<TransitionSettings, 'audit'>,
  record: LedgerRecord,
  { patch, note, at }: { readonly patch: Partial<LedgerRecord>; readonly note: AuditNote; readonly at: number },
): Change {
  const { head, entries } = rules.audit.append(record.audit, record.recordId, note, at);
  const after: LedgerRecord = { ...record, ...patch, version: record.version + 1, audit: head };
  return { expected: record.version, after, audit: entries };
}

/**
 * @property event what made the move
 * @property by who asked for it; absent for what disburse does by itself
 * @property detail beside what the move changes
 * @property nextAction what the payer has to do: published with the result, and kept nowhere else
 */
export interface Move {
  readonly patch: Partial<LedgerRecord> & { readonly status: RecordStatus };
  readonly at: number;
  readonly event: AuditEventName;
  readonly by?: string;
  readonly detail?: AuditDetail;
  readonly nextAction?: CustomerAction | null;
}

/**
 * Moves forward or stays; a status never moves backwards, but what was learnt beside it is kept. Publishes a new
 * status, and a changed reason of an open one.
 */
export function move(
  rules: TransitionSettings,
  record: LedgerRecord,
  { patch, at, event, by, detail = {}, nextAction = null }: Move,
): Change {
  const isAllowed = patch.status === record.status || mayFollow[record.status].includes(patch.status);
  const status = isAllowed ? patch.status : record.status;
  const after: Writable<LedgerRecord> = {
    ...record,
    ...patch,
    status,
    version: record.version + 1,
    leaseOwner: null,
    leaseUntil: null,
  };
  const isNews = status !== record.status || (!isFinal[status] && isOtherReason(record.reason, after.reason));
  const isTold = isNews && isPublished[status];
  if (isTold) after.sequence = record.sequence + 1;
  const learnt = { ...changedFields(record, after), ...detail };
  // A look that taught nothing leaves no entry: a record that is open for days is looked at hundreds of times.
  const step =
    Object.keys(learnt).length === 0
      ? undefined
      : rules.audit.append(record.audit, record.recordId, { event, ...(by === undefined ? {} : { by }), detail: learnt }, at);
  if (step !== undefined) after.audit = step.head;
  const body = bodyAfter(after, at);
  return {
    expected: record.version,
    from: record.status,
    after,
    ...(step === undefined ? {} : { audit: step.entries }),
    ...(isTold ? { event: recordEvent(rules.keys, withReasonToTell(rules, after, at), at, shownAs(nextAction)) } : {}),
    ...(body === undefined ? {} : { body }),
  };
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

function withReasonToTell(rules: ResendSettings, record: LedgerRecord, at: number): LedgerRecord {
  const reason = reasonToTell(rules, record, at);
  return reason === record.reason ? record : { ...record, reason };
}

/** What the payer has to do may change under one code. */
const isOtherReason = (before: Reason | null, after: Reason | null): boolean =>
  before?.code !== after?.code || (after?.code === 'action_required' && before?.description !== after.description);

const shownAs = (nextAction: CustomerAction | null): Pick<ResultEvent, 'next_action'> =>
  nextAction === null ? {} : { next_action: { ...nextAction } };

/** What a step changed of what is known of a record, for its audit trail. Nothing of it is secret: descriptions are masked. */
export function changedFields(before: LedgerRecord, after: LedgerRecord): AuditDetail {
  const { reason } = after;
  const changed: Writable<AuditDetail> = {};
  if (after.status !== before.status) changed['status'] = after.status;
  if (after.sessionId !== null && after.sessionId !== before.sessionId) changed['session_id'] = after.sessionId;
  if (after.entryId !== null && after.entryId !== before.entryId) changed['entry_id'] = after.entryId;
  if (after.sessionId !== null && !after.isSessionProven && before.isSessionProven) changed['unproven'] = true;
  if (after.cancelSession !== null && after.cancelSession !== before.cancelSession) changed['cancel_session'] = after.cancelSession;
  if (reason !== null && (reason.code !== before.reason?.code || reason.description !== before.reason.description)) {
    changed['code'] = reason.code;
    changed['description'] = reason.description;
  }
  return changed;
}

function bodyAfter({ status, hasCardNumber, sends }: LedgerRecord, at: number): BodyChange | undefined {
  if (hasCardNumber || !isFinal[status]) return undefined;
  // What was parked has a body, and was never sent.
  if (status === 'succeeded' || sends === 0) return { eraseAt: at };
  return status === 'failed' || status === 'cancelled' ? { eraseAt: at + keepAfterRefusalMs } : undefined;
}

/** An open send whose next resend may teach more, as far as its reason says. */
export function gathersEvidence({ status, sessionId, reason }: LedgerRecord): boolean {
  if (status !== 'unknown' || sessionId !== null) return false;
  const code = reason?.code ?? 'send_interrupted';
  return code === 'send_interrupted' || (Object.hasOwn(failureClass, code) && failureClass[code as FailureCode] === 'open');
}

/** The reason of a record as people read it: for an open send that is not resent, also why not. */
export function reasonToTell(rules: ResendSettings, record: LedgerRecord, at: number): Reason | null {
  const { reason } = record;
  if (reason === null || record.dueAt !== null || record.alreadyReceived || !gathersEvidence(record)) return reason;
  const bodyMissing = record.hasCardNumber
    ? 'a body with a card number is never stored'
    : 'its body is not stored, or the age of its key is not known';
  const why = whyNotResend(rules, record, at) ?? bodyMissing;
  return { code: reason.code, description: `${reason.description} It is not resent: ${why}.` };
}
