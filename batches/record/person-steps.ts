/** What a person may decide about a record, as pure functions: the change to write, or why the state does not allow it. */
import { maskQuoted } from '../instruction/masks.ts';
import type { Change } from './change.ts';
import { isPacked } from './packed.ts';
import { waitsForLook } from './parking.ts';
import type { Amendment, LedgerRecord } from './record.ts';
import type { TransitionSettings } from './resend-rules.ts';
import { recordEvent } from './result-event.ts';
import { isFinal } from './status.ts';
import { move } from './step.ts';

/**
 * @property reason as the person gives it
 * @property from where the person is; absent on the command line
 * @property at milliseconds since the epoch
 */
export interface PersonStep {
  readonly by: string;
  readonly from?: string | undefined;
  readonly reason: string;
  readonly at: number;
}

/**
 * - `change`: to be written
 * - `unchanged`: it is so already
 * - `refused`: the state does not allow it; `why` is a sentence
 */
export type PersonDecision =
  { readonly type: 'change'; readonly change: Change } | { readonly type: 'unchanged' | 'refused'; readonly why: string };

/** For the audit trail. */
export const fromDetail = (from: string | undefined): { readonly from?: string } => (from === undefined ? {} : { from });

const refused = (why: string): PersonDecision => ({ type: 'refused', why });

export interface Resolution extends PersonStep {
  readonly as: 'succeeded' | 'failed' | 'cancelled';
  /** What the person saw, and where. */
  readonly evidence: string;
}

/** Ends an open record by a person's word. Not while a send may be in flight: its answer may still come. */
export function resolveRecord(
  rules: TransitionSettings,
  record: LedgerRecord,
  { as, by, from, evidence, reason, at }: Resolution,
): PersonDecision {
  const { recordId, status, resolvedBy, leaseUntil } = record;
  if (isFinal[status]) {
    if (resolvedBy !== null && status === as)
      return { type: 'unchanged', why: `The record ${recordId} was resolved as ${status} by ${resolvedBy} before.` };
    const how = resolvedBy === null ? '' : `, resolved by ${resolvedBy}`;
    return refused(`The record ${recordId} has ended as ${status}${how}: what has ended is not changed.`);
  }
  if (status === 'queued')
    return refused(
      `The record ${recordId} was not sent, so there is nothing to resolve. To stop it: disburse cancel --record ${recordId}.`,
    );
  if (leaseUntil !== null && leaseUntil > at)
    return refused(
      `The record ${recordId} is being sent: its answer may come until ${new Date(leaseUntil).toISOString()}. Try again after that.`,
    );
  const detail = { evidence: maskQuoted(evidence), reason: maskQuoted(reason), ...fromDetail(from) };
  const told =
    as === 'succeeded'
      ? null
      : { code: 'resolved_by_operator', description: `${by} resolved it as ${as}: ${detail.reason} Evidence: ${detail.evidence}` };
  const patch = { status: as, resolvedBy: by, reason: told, dueAt: null };
  return { type: 'change', change: move(rules, record, { patch, event: 'resolved', by, detail, at }) };
}

/** Alerts that say that money may have moved: no retry while a person has not looked at them. */
const forbidsRetry: ReadonlySet<string> = new Set(['possible_double_payment', 'evidence_mismatch', 'second_session', 'ledger_behind']);

/** @property body the bytes of the next attempt, as they will be sent; undefined when they are not at hand */
export interface Retry extends PersonStep {
  readonly body: Uint8Array | undefined;
  /** The body is of other content, which the person wants to be sent. */
  readonly amendment?: Amendment;
}

/** The attempt that a retry of the record would send: of what is queued and waits for a person, the one that it is in. */
export const nextAttempt = ({ attempt, status }: LedgerRecord): number => (status === 'queued' ? attempt : attempt + 1);

/** Of what was sent last, or is to be sent. */
export const currentFingerprint = ({ fingerprint, amendments }: LedgerRecord): string => amendments.at(-1)?.fingerprint ?? fingerprint;

/** Why the record cannot be retried, or that it was; null when it can. */
export function whyNotRetry(record: LedgerRecord): Exclude<PersonDecision, { type: 'change' }> | null {
  const { recordId, status, reason, resolvedBy, sends, alerts, sessionId } = record;
  if (status === 'queued' && reason?.code === 'retried')
    return { type: 'unchanged', why: `The record ${recordId} is queued for attempt ${record.attempt} already.` };
  const not = (why: string) => ({ type: 'refused', why: `The record ${recordId} cannot be retried: ${why}` }) as const;
  if (status === 'rejected') return not('it was rejected and never sent. Correct the row and submit it again; its record id is free.');
  const isWaiting = waitsForLook(record);
  if (status !== 'failed' && status !== 'cancelled' && !isWaiting)
    return not(`it is ${status}. Only what is failed or cancelled can be paid again.`);
  if (isPacked(record)) return not('its details were dropped at the end of LEDGER_RETENTION. Submit it under a new record id.');
  if (resolvedBy !== null)
    return not(`${resolvedBy} resolved it, and a person's word does not prove that nothing was paid. Submit it under a new record id.`);
  if (record.hasCardNumber) return not('its body had a card number, which is never kept. Submit it under a new record id.');
  if (sends === 0 && record.attempt === 1 && !isWaiting)
    return not('it was cancelled and never sent. Submit it again; its record id is free.');
  if (status === 'cancelled' && sends > 0 && sessionId === null) return not('no session of the gateway proves that nothing was paid.');
  const open = alerts.find(({ alert, acknowledged }) => !acknowledged && forbidsRetry.has(alert));
  if (open !== undefined)
    return not(`it has the alert ${open.alert}. Look into it, then: disburse alerts acknowledge ${recordId} --reason TEXT.`);
  return null;
}

/** A final failure that the gateway proved is queued for its next attempt, under that attempt's own key. */
export function retryRecord(
  rules: TransitionSettings,
  record: LedgerRecord,
  { by, from, reason, at, body, amendment }: Retry,
): PersonDecision {
  const why = whyNotRetry(record);
  if (why !== null) return why;
  if (body === undefined)
    return refused(
      `The record ${record.recordId} cannot be retried: its body is no longer stored. Give its row: disburse retry ${record.recordId} --file FILE.`,
    );
  const attempt = nextAttempt(record);
  const isNext = attempt !== record.attempt;
  const amended = amendment === undefined ? {} : { amended: amendment.fingerprint };
  const detail = { attempt, reason: maskQuoted(reason), status: 'queued', ...amended, ...fromDetail(from) };
  const { head, entries } = rules.audit.append(record.audit, record.recordId, { event: 'retried', by, detail }, at);
  const after: LedgerRecord = {
    ...record,
    attempt,
    idempotencyKey: rules.keys.idempotencyKey(record.kind, record.recordId, attempt),
    status: 'queued',
    sequence: record.sequence + 1,
    version: record.version + 1,
    firstSentAt: null,
    sentClocks: null,
    keyLifetimeMs: null,
    idempotencyHeader: null,
    sends: 0,
    alreadyReceived: false,
    sessionId: null,
    isSessionProven: false,
    entryId: null,
    confirmSession: null,
    cancelSession: null,
    reason: { code: 'retried', description: `${by} asked for attempt ${attempt}: ${detail.reason}` },
    resend: null,
    amendments: amendment === undefined ? record.amendments : [...record.amendments, amendment],
    dueAt: at,
    checks: 0,
    awaitsConfirmationSince: null,
    // One that was cancelled unsent has its former attempt behind it still.
    previousSession: isNext && record.sends > 0 ? record.sessionId : record.previousSession,
    audit: head,
    leaseOwner: null,
    leaseUntil: null,
  };
  return {
    type: 'change',
    change: { expected: record.version, after, audit: entries, body: { keep: body }, event: recordEvent(rules.keys, after, at) },
  };
}

/** Ends what was not sent: its record id is free again, unless an earlier attempt has bound it. */
export function cancelRecord(rules: TransitionSettings, record: LedgerRecord, { by, from, reason, at }: PersonStep): PersonDecision {
  const { recordId, status } = record;
  if (status === 'cancelled' && record.reason?.code === 'cancelled_by_operator')
    return { type: 'unchanged', why: `The record ${recordId} was cancelled before.` };
  if (isFinal[status]) return refused(`The record ${recordId} has ended as ${status}: there is nothing to cancel.`);
  if (status !== 'queued')
    return refused(
      `The record ${recordId} was sent (${status}), so it can no longer be cancelled here. disburse explain ${recordId} shows where it is.`,
    );
  const why = { code: 'cancelled_by_operator', description: `${by} cancelled it before it was sent: ${maskQuoted(reason)}` };
  const patch = { status: 'cancelled', reason: why, dueAt: null } as const;
  return { type: 'change', change: move(rules, record, { patch, event: 'cancelled', by, detail: fromDetail(from), at }) };
}
