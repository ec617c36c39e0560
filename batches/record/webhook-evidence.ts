/**
 * What a webhook teaches: the session in it, judged by the rules of status checks, and by what is special of webhooks. They
 * come in any order, more than once, for records of other projects, and before the answer of the call that caused them.
 */
import { readSession, toMap, toText, type GatewaySession } from '../gateway/session.ts';
import type { Kind } from '../instruction/instruction.ts';
import { judgeAfterEnd } from './after-end.ts';
import { alertAfterEnd, alertOf, contradictionAlert, refundAlerts, type Alert } from './alert.ts';
import { applySession, contradictionOf } from './apply-evidence.ts';
import type { Change } from './change.ts';
import type { KeyDerivation } from './idempotency-key.ts';
import { withSession } from './packed.ts';
import type { LedgerRecord } from './record.ts';
import type { TransitionSettings } from './resend-rules.ts';
import { asksUs, isEarlierStage, readSessionEvidence, type SessionEvidence } from './session-evidence.ts';
import { isFinal } from './status.ts';

export const webhookTypes = ['ready_to_confirm', 'payment_finished', 'action_required', 'ready_to_capture', 'payment_refunded'] as const;
export type WebhookType = (typeof webhookTypes)[number];

/** What metadata of our form says, on a session or an entry. */
export interface SessionOwner {
  readonly recordId: string;
  /** Null when it is absent or no attempt. */
  readonly attempt: number | null;
  readonly idempotencyKey: string | null;
}

/** Every record that the session names, each once; the first comes first. */
export function ownersOf(session: GatewaySession): readonly SessionOwner[] {
  const owners = new Map<string, SessionOwner>();
  for (const metadata of [session.metadata, ...session.entries.map((entry) => entry.metadata)]) {
    const map = toMap(metadata);
    const recordId = toText(map?.['record_id']);
    if (map === undefined || recordId === undefined) continue;
    const attempt = Number(toText(map['attempt']) ?? map['attempt'] ?? Number.NaN);
    const owner = {
      recordId,
      attempt: Number.isSafeInteger(attempt) && attempt >= 1 ? attempt : null,
      idempotencyKey: toText(map['idempotency_key']) ?? null,
    };
    const name = `${recordId}\n${owner.attempt}\n${owner.idempotencyKey}`;
    if (!owners.has(name)) owners.set(name, owner);
  }
  return [...owners.values()];
}

const kinds: readonly Kind[] = ['payout', 'payment'];

/** The key is the one that we send for this record id and attempt: a stranger's metadata of the same form has another one. */
export const isOurs = (keys: KeyDerivation, { recordId, attempt, idempotencyKey }: SessionOwner): boolean =>
  attempt !== null && kinds.some((kind) => keys.idempotencyKey(kind, recordId, attempt) === idempotencyKey);

/**
 * What one webhook means for its record.
 *
 * - `applied`: `change` is to be written
 * - `known`: nothing of it is new
 * - `late`: an earlier stage than the record is in
 * - `contradicting`: the record stays as it is
 * - `not_ours`: nothing in it proves that it speaks of this record
 * - `ledger_behind`: the ledger does not know what we sent
 *
 * @property asks what the session asks for: `conclude` it as a status check would, or cancel it as a second one
 */
export interface WebhookLesson {
  readonly outcome: 'applied' | 'known' | 'late' | 'contradicting' | 'not_ours' | 'ledger_behind';
  readonly change: Change | null;
  readonly alerts: readonly Alert[];
  readonly asks: { readonly type: 'nothing' } | { readonly type: 'conclude' | 'cancel_second'; readonly session: SessionEvidence };
}

const lesson = (outcome: WebhookLesson['outcome'], more: Partial<WebhookLesson> = {}): WebhookLesson => ({
  outcome,
  change: null,
  alerts: [],
  asks: { type: 'nothing' },
  ...more,
});

/** A verified webhook. @property session the member `session`, as it came */
export interface Webhook {
  readonly type: WebhookType | 'other';
  readonly session: unknown;
}

/** @param at milliseconds since the epoch */
export function learnFromWebhook(rules: TransitionSettings, asked: LedgerRecord, webhook: Webhook, at: number): WebhookLesson {
  const read = readSession(webhook.session);
  if (read.type !== 'session') return lesson('not_ours');
  const { session } = read;
  const record = withSession(asked, session.id);
  const named = ownersOf(session).filter((owner) => owner.recordId === record.recordId);
  const proven = named.filter((owner) => isOurs(rules.keys, owner));
  const other = proven.find(({ attempt }) => attempt !== record.attempt);
  if (other !== undefined) return otherAttempt(record, webhook.session, other.attempt ?? 0, rules.keys);

  const isKnown = record.sessionId === session.id;
  // Two projects may share a key of the gateway: a session that was unknown so far must show ours.
  if (!isKnown && proven.length === 0) return lesson('not_ours');
  const isSecond = !isKnown && record.sessionId !== null && record.isSessionProven;
  const evidence = readSessionEvidence(webhook.session, isSecond ? { ...record, sessionId: null, isSessionProven: false } : record);
  if (evidence.type !== 'session' || (!isKnown && !evidence.session.isProven)) return lesson('not_ours');
  if (isSecond) return secondSession(record, evidence.session);
  const shown =
    webhook.type === 'action_required' && evidence.session.payer === null
      ? { ...evidence.session, payer: { action: null } }
      : evidence.session;
  const learnt = isFinal[record.status] ? afterEnd(record, shown) : beforeEnd(rules, record, shown, at);
  const refunds = refundAlerts(record, shown, webhook.type === 'payment_refunded');
  return refunds.length === 0 ? learnt : { ...learnt, alerts: [...learnt.alerts, ...refunds] };
}

function afterEnd(record: LedgerRecord, session: SessionEvidence): WebhookLesson {
  const alert = alertAfterEnd(record, session);
  if (alert !== null) return lesson('contradicting', { alerts: [alert] });
  const { type } = judgeAfterEnd(record, session);
  return lesson(type === 'late' ? type : 'known');
}

function beforeEnd(rules: TransitionSettings, record: LedgerRecord, session: SessionEvidence, at: number): WebhookLesson {
  const alert = contradictionAlert(record, session);
  const alerts = alert === null ? [] : [alert];
  if (isEarlierStage(record, session)) return lesson('late');
  const change = applySession(rules, asSent(record, at), session, at, 'webhook');
  const asks = asksForDecision(record, session);
  if (change === null || (!asks && !teaches(record, change.after))) return lesson('known', { alerts });
  return lesson('applied', {
    change,
    alerts: record.status === 'queued' ? [...alerts, neverSentAlert(record, session)] : alerts,
    asks: asks ? { type: 'conclude', session } : { type: 'nothing' },
  });
}

function asksForDecision({ confirmSession, cancelSession }: LedgerRecord, { verdict }: SessionEvidence): boolean {
  const claim = verdict.type === 'amount_differs' ? verdict.claim : verdict.type;
  return asksUs(claim) && confirmSession === null && cancelSession === null;
}

/** A record that the ledger thinks was never sent: the session proves that it was, so it must not be sent as new. */
const asSent = (record: LedgerRecord, at: number): LedgerRecord =>
  record.status === 'queued'
    ? { ...record, status: 'submitting', sends: Math.max(record.sends, 1), firstSentAt: record.firstSentAt ?? at }
    : record;

/** Whether the record knows more afterwards. When the next status check is due is no knowledge. */
const teaches = (before: LedgerRecord, after: LedgerRecord): boolean =>
  before.status !== after.status ||
  before.sessionId !== after.sessionId ||
  before.isSessionProven !== after.isSessionProven ||
  before.entryId !== after.entryId ||
  before.reason?.code !== after.reason?.code ||
  // Another action of the payer.
  (after.reason?.code === 'action_required' && before.reason?.description !== after.reason.description);

const neverSentAlert = (record: LedgerRecord, { sessionId, shown }: SessionEvidence): Alert =>
  alertOf('ledger_behind', record, {
    sessionId,
    seen: shown,
    description: `The gateway shows session ${sessionId} of record ${record.recordId}, which this ledger says was never sent. The record follows its session; check whether the ledger has lost data.`,
  });

/** One session a record: another one with its key is never followed, and cancelled when it asks for confirmation. */
function secondSession(record: LedgerRecord, session: SessionEvidence): WebhookLesson {
  const { sessionId, verdict, shown } = session;
  const claim = 'claim' in verdict ? verdict.claim : verdict.type;
  if (claim === 'failed' || claim === 'cancelled') return lesson('known');
  if (asksUs(claim)) return lesson('contradicting', { asks: { type: 'cancel_second', session } });
  const isPaid = claim === 'succeeded' || claim === 'double_payment';
  const description = isPaid
    ? `A second session ${sessionId} of record ${record.recordId} succeeded at the gateway beside session ${record.sessionId}. A person must look at both there.`
    : `The gateway shows a second session ${sessionId} of record ${record.recordId} beside session ${record.sessionId}. A person must look at both there.`;
  const alert = alertOf(isPaid ? 'possible_double_payment' : 'second_session', record, { sessionId, seen: shown, description });
  return lesson('contradicting', { alerts: [alert] });
}

/** Evidence for another attempt never moves the record. */
function otherAttempt(record: LedgerRecord, value: unknown, attempt: number, keys: KeyDerivation): WebhookLesson {
  const idempotencyKey = keys.idempotencyKey(record.kind, record.recordId, attempt);
  const evidence = readSessionEvidence(value, { ...record, attempt, idempotencyKey, sessionId: null, isSessionProven: false });
  if (evidence.type !== 'session') return lesson('not_ours');
  const { session } = evidence;
  const { sessionId, verdict, shown } = session;
  if (attempt > record.attempt) {
    const description = `The gateway shows session ${sessionId} for attempt ${attempt} of record ${record.recordId}, of which this ledger knows ${record.attempt}. Check whether the ledger has lost data.`;
    return lesson('ledger_behind', { alerts: [alertOf('ledger_behind', record, { sessionId, seen: shown, description })] });
  }
  const claim = 'claim' in verdict ? verdict.claim : verdict.type;
  const isPaid = claim === 'succeeded' || claim === 'double_payment';
  if (!isPaid) return lesson(contradictionOf(session) === null ? 'known' : 'late');
  const description = `Session ${sessionId} of attempt ${attempt} of record ${record.recordId} succeeded at the gateway after attempt ${record.attempt} was made. A person must look at both there.`;
  return lesson('contradicting', {
    alerts: [alertOf('possible_double_payment', record, { sessionId, fact: `${sessionId}:attempt ${attempt}`, seen: shown, description })],
  });
}

/** Verified metadata with a key of ours names a record that the ledger does not have. */
export const unknownRecordAlert = ({ recordId, attempt }: SessionOwner, session: GatewaySession): Alert => ({
  alert: 'ledger_behind',
  recordId,
  batchId: null,
  fact: session.id,
  sessionId: session.id,
  expected: null,
  seen: session.entries.flatMap(({ amount }) =>
    amount === undefined ? [] : [{ amount: String(amount.minor), currency: amount.currency }],
  ),
  description: `The gateway shows session ${session.id} for attempt ${attempt} of record ${recordId}, which this ledger does not know although its key is ours. Check whether the ledger has lost data; send the record to no gateway before that is known.`,
});
