/** What evidence makes of a record, as pure functions. Null: it teaches nothing new, and nothing is written. */
import type { AuditEventName } from '../audit/audit-entry.ts';
import type { CustomerAction } from '../gateway/customer-action.ts';
import { actionRequired } from './action-required.ts';
import { statusCheckPauseMs } from './backoff.ts';
import type { FirstSendEvidence, ResendEvidence } from './evidence.ts';
import type { LedgerRecord, Reason } from './record.ts';
import type { Change } from './change.ts';
import { whyNotResend, type TransitionSettings } from './resend-rules.ts';
import { asksUs, isEarlierStage, isSecondSession, type SessionEvidence } from './session-evidence.ts';
import { isFinal, type RecordStatus } from './status.ts';
import { move, write } from './step.ts';
import { keepOpen, nextResendAt } from './transitions.ts';

/** That nothing arrived is proven only by the one intent of the attempt, with nothing else that showed arrival. */
const isOnlySend = ({ sends, alreadyReceived, sessionId }: LedgerRecord): boolean => sends === 1 && !alreadyReceived && sessionId === null;

/** Whether the record still has this send as its newest one: what else is written meanwhile, such as an alert, changes nothing of it. */
const isSameSend = (record: LedgerRecord, intent: LedgerRecord): boolean =>
  record.status === intent.status &&
  record.attempt === intent.attempt &&
  record.sends === intent.sends &&
  record.leaseOwner === intent.leaseOwner &&
  record.leaseUntil === intent.leaseUntil;

/** The gateway has the instruction, and does not say under which session. */
function applyAlreadyReceived(
  rules: TransitionSettings,
  record: LedgerRecord,
  { event, code, at }: { readonly event: 'answer' | 'resend'; readonly code: string; readonly at: number },
): Change | null {
  if (record.sessionId !== null) return null;
  const description =
    'The gateway already knows this key, so the instruction had arrived, but its session is not known because the answer was lost: look it up at the gateway by the record id in its metadata.';
  return move(rules, record, {
    patch: { status: 'unknown', alreadyReceived: true, reason: { code, description }, dueAt: null },
    event,
    at,
  });
}

/**
 * @param intent the record as the intent of this send wrote it; when `record` has another send, another process has taken over
 */
export function applyFirstSend(
  rules: TransitionSettings,
  record: LedgerRecord,
  { intent, evidence, at }: { readonly intent: LedgerRecord; readonly evidence: FirstSendEvidence; readonly at: number },
): Change | null {
  if (isFinal[record.status] || record.sends === 0) return null;
  const isOwn = isSameSend(record, intent);
  const event = 'answer';
  switch (evidence.type) {
    case 'session':
      return applyAnswer(rules, record, evidence.session, { event, at });
    case 'already_received':
      return applyAlreadyReceived(rules, record, { event, code: evidence.reason.code, at });
    case 'not_sent':
    case 'config_error':
    // The batch is paused by then, so the queue sends nothing of it.
    case 'underfunded':
      return isOwn && record.status === 'submitting' && isOnlySend(record) ? returnToQueue(rules, record, evidence.reason, at) : null;
    case 'refused':
      return isOnlySend(record)
        ? move(rules, record, { patch: { status: 'failed', reason: evidence.reason, dueAt: null }, event, at })
        : write(rules, record, { patch: { resend: evidence.reason }, note: { event, detail: metDetail(evidence.reason) }, at });
    case 'manual_review':
      return isOwn ? move(rules, record, { patch: { status: 'unknown', reason: evidence.reason, dueAt: null }, event, at }) : null;
    case 'open': {
      const resendAt = nextResendAt(rules, record.sends, at, evidence.retryAfterMs);
      return isOwn ? keepOpen(rules, record, { event, reason: evidence.reason, resendAt, at }) : null;
    }
  }
}

/**
 * The reason of the first send stays; what the resend met is kept beside it.
 *
 * @param intent the record as the intent of this resend wrote it
 */
export function applyResend(
  rules: TransitionSettings,
  record: LedgerRecord,
  { intent, evidence, at }: { readonly intent: LedgerRecord; readonly evidence: ResendEvidence; readonly at: number },
): Change | null {
  if (isFinal[record.status]) return null;
  const event = 'resend';
  if (evidence.type === 'session') return applyAnswer(rules, record, evidence.session, { event, at });
  if (evidence.type === 'already_received') return applyAlreadyReceived(rules, record, { event, code: evidence.reason.code, at });
  // Of another process's send, made since, it says nothing.
  if (!isSameSend(record, intent)) return null;
  const sends = evidence.type === 'not_made' ? record.sends - 1 : record.sends;
  const resendAt = nextResendAt(rules, sends, at, evidence.retryAfterMs);
  const dueAt = whyNotResend(rules, { ...record, sends }, resendAt) === null ? resendAt : null;
  // Our own stop, or the end of our own lease, is nothing that the resend met.
  const resend = evidence.code === 'lease_over' ? record.resend : evidence.reason;
  const patch = { sends, dueAt, resend, leaseOwner: null, leaseUntil: null };
  return write(rules, record, { patch, note: { event, detail: metDetail(evidence.reason) }, at });
}

const metDetail = ({ code, description }: Reason) => ({ code, description });

function returnToQueue(rules: TransitionSettings, record: LedgerRecord, reason: Reason, at: number): Change {
  const patch: Partial<LedgerRecord> = {
    status: 'queued',
    firstSentAt: null,
    sentClocks: null,
    keyLifetimeMs: null,
    idempotencyHeader: null,
    sends: 0,
    leaseOwner: null,
    leaseUntil: null,
    reason,
    // One that came from the ledger's own body is sent from it again.
    ...(record.dueAt === null ? {} : { dueAt: at }),
  };
  const note = { event: 'not_sent', detail: metDetail(reason) } as const;
  const change = write(rules, record, { patch, note, at });
  return record.dueAt === null ? { ...change, body: { eraseAt: at } } : change;
}

const differs = (sessionId: string): Reason => ({
  code: 'evidence_mismatch',
  description: `Gateway session ${sessionId} shows a different amount or currency than was requested. Check it at the gateway.`,
});

/** Why a session is held, or null when nothing of it contradicts the ledger. */
export function contradictionOf({ sessionId, verdict }: SessionEvidence): Reason | null {
  switch (verdict.type) {
    case 'amount_differs':
      return differs(sessionId);
    case 'contradiction':
      return {
        code: 'evidence_mismatch',
        description: `Gateway session ${sessionId} contradicts itself or the ledger. ${verdict.description} Check it at the gateway.`,
      };
    case 'double_payment':
      return {
        code: 'possible_double_payment',
        description: `More than one entry of gateway session ${sessionId} succeeded. Check it at the gateway.`,
      };
    default:
      return null;
  }
}

/** Why a session is held that another record has already. */
export const foreignSession = ({ sessionId, takenBy }: { readonly sessionId: string; readonly takenBy: string }): string =>
  `Gateway session ${sessionId} already belongs to record ${takenBy}, so it is not accepted as evidence for this one. Check both at the gateway.`;

/** A session that another record has already: what it shows is not believed for this one, which is not resent either. */
export function holdForeignSession(
  rules: TransitionSettings,
  record: LedgerRecord,
  { sessionId, takenBy, at }: { readonly sessionId: string; readonly takenBy: string; readonly at: number },
): Change | null {
  if (isFinal[record.status]) return null;
  const description = foreignSession({ sessionId, takenBy });
  return move(rules, record, {
    patch: { status: 'unknown', reason: { code: 'evidence_mismatch', description }, dueAt: null },
    event: 'status',
    at,
  });
}

/** A slow answer of a send shows its session as it was: a webhook may have shown more. */
const applyAnswer = (
  rules: TransitionSettings,
  record: LedgerRecord,
  session: SessionEvidence,
  { event, at }: { readonly event: 'answer' | 'resend'; readonly at: number },
): Change | null => (isEarlierStage(record, session) ? null : applySession(rules, record, session, at, event));

/** What a session shows. @param event what showed it */
export function applySession(
  rules: TransitionSettings,
  record: LedgerRecord,
  session: SessionEvidence,
  at: number,
  event: AuditEventName = 'status_check',
): Change | null {
  if (isFinal[record.status] || isSecondSession(record, session)) return null;
  const { sessionId, verdict, isProven } = session;
  // The answer to a send shows the session as it was: a webhook may have shown since that it asks for confirmation.
  const isOlder = (event === 'answer' || event === 'resend') && record.sessionId === sessionId && verdict.type === 'pending';
  const seen = {
    sessionId,
    isSessionProven: isProven,
    entryId: session.entryId ?? record.entryId,
    alreadyReceived: true,
    awaitsConfirmationSince: asksToConfirm(session) ? awaitsSince(record, sessionId, at) : isOlder ? record.awaitsConfirmationSince : null,
  };
  const later = at + statusCheckPauseMs(rules.followIntervalMs, record.checks, rules.random);
  const to = (status: RecordStatus, reason: Reason | null, dueAt: number | null, nextAction: CustomerAction | null = null): Change => {
    const patch = { ...seen, status, reason, dueAt, checks: record.checks + (dueAt === null ? 0 : 1) };
    return move(rules, record, { patch, event, at, nextAction });
  };
  const isUndecided = record.confirmSession === null && record.cancelSession === null;

  const held = contradictionOf(session);
  if (held !== null) {
    // No money moved under a session that we cancelled ourselves, whatever amount it showed.
    if (verdict.type === 'amount_differs' && verdict.claim === 'cancelled' && record.cancelSession === sessionId)
      return to('cancelled', held, null);
    if (verdict.type === 'amount_differs' && asksUs(verdict.claim)) return to('unknown', held, isUndecided ? at : later);
    const isOver = verdict.type === 'double_payment' || (verdict.type === 'amount_differs' && verdict.claim !== 'pending');
    return to('unknown', held, isOver ? null : later);
  }
  switch (verdict.type) {
    case 'unproven':
      return to('in_progress', unproven(sessionId), later);
    case 'awaiting_confirmation':
    case 'awaiting_capture':
      return to('in_progress', null, isUndecided ? at : later);
    case 'succeeded':
      return to('succeeded', null, null);
    case 'failed':
      return to('failed', session.reason, null);
    case 'cancelled':
      // Of a session that we cancelled, the reason is why.
      return to('cancelled', record.cancelSession === sessionId ? (record.reason ?? session.reason) : session.reason, null);
    case 'amount_missing':
      if (verdict.claim === 'cancelled' && record.cancelSession === sessionId)
        return to('cancelled', record.reason ?? session.reason, null);
      return to('in_progress', amountMissing(verdict.claim), later);
    default:
      return session.payer === null
        ? to('in_progress', null, later)
        : to('in_progress', actionRequired(session.payer.action), later, session.payer.action);
  }
}

function asksToConfirm({ verdict }: SessionEvidence): boolean {
  const claim = 'claim' in verdict ? verdict.claim : verdict.type;
  return claim === 'awaiting_confirmation';
}

/** Since when this session waits, as far as the record knows. */
const awaitsSince = (record: LedgerRecord, sessionId: string, at: number): number =>
  record.sessionId === sessionId ? (record.awaitsConfirmationSince ?? at) : at;

const unproven = (sessionId: string): Reason => ({
  code: 'session_unproven',
  description: `The gateway answered with session ${sessionId}, which does not name this record in its metadata. The session is followed but not accepted as evidence and never confirmed, and the record is not resent.`,
});

const amountMissing = (claim: string): Reason => ({
  code: 'amount_missing',
  description:
    claim === 'awaiting_confirmation'
      ? 'The gateway asks for confirmation without showing the amount.'
      : claim === 'awaiting_capture'
        ? 'The gateway asks for the capture without showing the amount.'
        : `The gateway reports ${claim} without showing the amount, so this is not accepted yet.`,
});
