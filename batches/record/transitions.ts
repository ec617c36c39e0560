/**
 * The steps of a record that no answer decides, as pure functions: a record as it was read, in; the change to write,
 * out. A ledger writes a change only onto the version it was decided on. What answers decide is in `apply-evidence.ts`.
 */
import { resendPauseMs, statusCheckPauseMs } from './backoff.ts';
import type { LedgerRecord, MachineClocks, Reason } from './record.ts';
import type { Change, IntentCheck } from './change.ts';
import { whyNotResend, type TransitionSettings } from './resend-rules.ts';
import { isFinal } from './status.ts';
import { gathersEvidence, move, schedule, write } from './step.ts';

export interface IntentParams {
  readonly owner: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The clocks of this machine. */
  readonly clocks: MachineClocks;
  readonly leaseMs: number;
  readonly bytes: Uint8Array;
  readonly terms: Pick<TransitionSettings, 'keyLifetimeMs' | 'idempotencyHeader' | 'timeoutMs' | 'audit'>;
}

/** The step before any byte leaves: intent, lease, and the bytes themselves so that they can be resent. */
export function recordIntent(record: LedgerRecord, { owner, at, clocks, leaseMs, bytes, terms }: IntentParams): Change {
  const isFirst = record.status === 'queued';
  if (!isFirst && record.status !== 'unknown') throw new TypeError(`no intent is made for a record that is ${record.status}`);
  const leaseUntil = at + leaseMs;
  const patch: Partial<LedgerRecord> = {
    status: isFirst ? 'submitting' : 'unknown',
    firstSentAt: record.firstSentAt ?? at,
    // The terms of the first send hold for all of its resends.
    ...(isFirst ? { sentClocks: clocks, keyLifetimeMs: terms.keyLifetimeMs, idempotencyHeader: terms.idempotencyHeader } : {}),
    sends: record.sends + 1,
    leaseOwner: owner,
    leaseUntil,
    // A resend that dies with its process falls due again when its lease is over.
    // What is sent from the body that the ledger keeps goes back to be due: no row or message brings it again.
    dueAt: isFirst && record.dueAt === null ? null : leaseUntil,
  };
  const note = { event: 'intent', detail: { attempt: record.attempt, send: record.sends + 1 } } as const;
  const change = write(terms, record, { patch, note, at });
  const intent: IntentCheck = { marginMs: terms.timeoutMs, clocks };
  return { ...change, intent, ...(isFirst && !record.hasCardNumber ? { body: { keep: bytes } } : {}) };
}

/** A first send whose process died: it may have been sent. It falls due at once if it can be resent. */
export function markInterrupted(rules: TransitionSettings, record: LedgerRecord, at: number): Change {
  const reason: Reason = {
    code: 'send_interrupted',
    description: 'The process ended after making its intent durable and before learning the answer.',
  };
  return keepOpen(rules, record, { event: 'status', reason, resendAt: at, at });
}

/** Open, and due for a resend if one may be made by then. */
export function keepOpen(
  rules: TransitionSettings,
  record: LedgerRecord,
  {
    event,
    reason,
    resendAt,
    at,
  }: { readonly event: 'answer' | 'status'; readonly reason: Reason; readonly resendAt: number; readonly at: number },
): Change {
  const dueAt = whyNotResend(rules, record, resendAt) === null ? resendAt : null;
  return move(rules, record, { patch: { status: 'unknown', reason, dueAt }, event, at });
}

/** When the resend after this many sends may be made. */
export const nextResendAt = (rules: TransitionSettings, sends: number, at: number, retryAfterMs = 0): number =>
  at + Math.max(resendPauseMs(sends, rules.random), retryAfterMs);

/** Reasons of calls about a session that taught nothing; each gives way to the next one. */
const ofCalls: ReadonlySet<string> = new Set([
  'session_not_shown',
  'confirmation_refused',
  'capture_refused',
  'answer_untrusted',
  'waits_for_person',
]);

/** A status check that failed or taught nothing: check again later. What is known of the record stays its reason. */
export function scheduleNextCheck(rules: TransitionSettings, record: LedgerRecord, at: number, reason?: Reason): Change | null {
  if (isFinal[record.status]) return null;
  const dueAt = at + statusCheckPauseMs(rules.followIntervalMs, record.checks, rules.random);
  const patch = { dueAt, checks: record.checks + 1 };
  const hasBetter = record.status !== 'in_progress' || (record.reason !== null && !ofCalls.has(record.reason.code));
  return reason === undefined || hasBetter
    ? schedule(record, patch)
    : move(rules, record, { patch: { ...patch, status: record.status, reason }, event: 'status_check', at });
}

/** An open send whose key the gateway may have forgotten, as far as the clocks show: it is never resent. */
export const barResend = (rules: TransitionSettings, record: LedgerRecord, at: number): Change | null =>
  record.status === 'unknown' && record.sessionId === null
    ? write(rules, record, {
        patch: { keyLifetimeMs: null, dueAt: null, leaseOwner: null, leaseUntil: null },
        note: { event: 'resend', detail: { barred: 'key_age' } },
        at,
      })
    : null;

/** An open send that no resend can be made for. */
export const giveUpResend = (record: LedgerRecord): Change | null =>
  record.status === 'unknown' && record.sessionId === null ? schedule(record, { dueAt: null, leaseOwner: null, leaseUntil: null }) : null;

/** An open send that was given up for a reason that holds no more, such as a setting: due again. */
export function rescheduleResend(rules: TransitionSettings, record: LedgerRecord, at: number): Change | null {
  const isGivenUp = record.dueAt === null && gathersEvidence(record);
  return isGivenUp && whyNotResend(rules, record, at) === null ? schedule(record, { dueAt: at }) : null;
}

/** A resend whose process died: due at once rather than when its lease would be over. */
export const releaseInterruptedResend = (record: LedgerRecord, at: number): Change | null =>
  record.status === 'unknown' && record.leaseOwner !== null ? schedule(record, { leaseOwner: null, leaseUntil: null, dueAt: at }) : null;

/** @property what the session asks for. @property by who asked for it, and why; absent for what disburse does by itself */
export interface ConfirmIntent {
  readonly sessionId: string;
  readonly what?: 'confirm' | 'capture';
  readonly by?: { readonly name: string; readonly reason: string };
  readonly at: number;
}

/**
 * Names the session that we are about to confirm or capture; null when one was named before, or the record has ended. It
 * waits from now on at the latest, so that its deadline is watched.
 */
export function recordConfirmIntent(
  rules: TransitionSettings,
  record: LedgerRecord,
  { sessionId, what = 'confirm', by, at }: ConfirmIntent,
): Change | null {
  // What a person asks for is noted each time.
  const isNoted = record.confirmSession !== null && (record.confirmSession !== sessionId || by === undefined);
  if (isNoted || isFinal[record.status]) return null;
  const detail = {
    session_id: sessionId,
    ...(what === 'capture' ? { capture: true } : {}),
    ...(by === undefined ? {} : { reason: by.reason }),
  };
  return write(rules, record, {
    patch: { confirmSession: sessionId, ...(what === 'confirm' ? { awaitsConfirmationSince: record.awaitsConfirmationSince ?? at } : {}) },
    note: { event: 'confirm', ...(by === undefined ? {} : { by: by.name }), detail },
    at,
  });
}

/** Names the session that we are about to cancel, and why. */
export const recordCancelIntent = (
  rules: TransitionSettings,
  record: LedgerRecord,
  { sessionId, reason, at }: { readonly sessionId: string; readonly reason: Reason; readonly at: number },
): Change | null =>
  record.cancelSession === sessionId || isFinal[record.status]
    ? null
    : move(rules, record, { patch: { status: 'unknown', cancelSession: sessionId, reason }, event: 'cancel', at });

/** A queued record that is not to be sent: its record id is free again. */
export const cancelQueued = (rules: TransitionSettings, record: LedgerRecord, reason: Reason, at: number): Change | null =>
  record.status === 'queued' ? move(rules, record, { patch: { status: 'cancelled', reason, dueAt: null }, event: 'cancelled', at }) : null;

/** A queued record that falls with its batch. */
export const rejectQueued = (rules: TransitionSettings, record: LedgerRecord, reason: Reason, at: number): Change | null =>
  record.status === 'queued' ? move(rules, record, { patch: { status: 'rejected', reason, dueAt: null }, event: 'rejected', at }) : null;
