/** What contradicts, and a person must see. */
import { judgeAfterEnd } from './after-end.ts';
import { contradictionOf } from './apply-evidence.ts';
import type { FirstSendEvidence, ResendEvidence, StatusEvidence } from './evidence.ts';
import type { LedgerRecord } from './record.ts';
import { isSecondSession, type SessionEvidence } from './session-evidence.ts';
import { isFinal } from './status.ts';

export const alertKinds = [
  'evidence_mismatch',
  'second_session',
  'possible_double_payment',
  'refunded',
  'charged_back',
  'confirm_deadline',
  'resolved_differently',
  'file_changed',
  'ledger_behind',
] as const;

export type AlertKind = (typeof alertKinds)[number];

interface AmountOf {
  /** In minor units. */
  readonly amount: string;
  readonly currency: string;
}

/** Once for each record and fact: raised again, it is the same alert. */
export interface Alert {
  readonly alert: AlertKind;
  readonly recordId: string;
  readonly batchId: string | null;
  /** What makes it this alert and no other one of its kind and record. */
  readonly fact: string;
  readonly sessionId: string | null;
  /** Null when the ledger has no such record. */
  readonly expected: AmountOf | null;
  readonly seen: readonly AmountOf[];
  readonly description: string;
}

/** Whether the record has this alert already, acknowledged or not. */
export const hasAlert = (record: LedgerRecord, { alert, fact }: Pick<Alert, 'alert' | 'fact'>): boolean =>
  record.alerts.some((one) => one.alert === alert && one.fact === fact);

export const alertOf = (
  alert: AlertKind,
  record: LedgerRecord,
  about: { readonly sessionId: string | null; readonly fact?: string; readonly seen?: readonly AmountOf[]; readonly description: string },
): Alert => ({
  alert,
  recordId: record.recordId,
  batchId: record.batchId,
  fact: about.fact ?? about.sessionId ?? `attempt ${record.attempt}`,
  sessionId: about.sessionId,
  expected: { amount: String(record.amountMinor), currency: record.currency },
  seen: about.seen ?? [],
  description: about.description,
});

/** A session that contradicts the record which it belongs to; null when it does not. */
export function contradictionAlert(record: LedgerRecord, session: SessionEvidence): Alert | null {
  const held = contradictionOf(session);
  if (held === null) return null;
  const { verdict, sessionId, shown } = session;
  // Another amount is one fact, whatever stage shows it, and that it was paid is another one.
  const claim = 'claim' in verdict && verdict.claim === 'succeeded' ? ':succeeded' : '';
  const kind = held.code === 'possible_double_payment' ? held.code : 'evidence_mismatch';
  return alertOf(kind, record, { sessionId, fact: `${sessionId}:${verdict.type}${claim}`, seen: shown, description: held.description });
}

/** What contradicts the end of a record: what the gateway proved, or what a person said. */
const kindAfterEnd = ({ resolvedBy }: LedgerRecord): AlertKind => (resolvedBy === null ? 'evidence_mismatch' : 'resolved_differently');

/** A session that contradicts the end of the record; null when it does not. */
export function alertAfterEnd(record: LedgerRecord, session: SessionEvidence): Alert | null {
  const judged = judgeAfterEnd(record, session);
  if (judged.type !== 'contradicting') return null;
  // What a person had before them when they ended the record contradicts nothing that they said.
  const before = record.resolvedBy === null ? null : contradictionAlert(record, session);
  if (before !== null && hasAlert(record, before)) return null;
  const { fact, isDoublePayment, description } = judged;
  const kind = isDoublePayment ? 'possible_double_payment' : kindAfterEnd(record);
  return alertOf(kind, record, { sessionId: session.sessionId, fact, seen: session.shown, description });
}

/** An answer about an earlier attempt than the one that the record is in; null when it shows that nothing was paid, or nothing at all. */
export function lateAlert(
  record: LedgerRecord,
  attempt: number,
  evidence: FirstSendEvidence | ResendEvidence | StatusEvidence,
): Alert | null {
  if (evidence.type !== 'session') return null;
  const { sessionId, verdict, shown } = evidence.session;
  const claim = 'claim' in verdict ? verdict.claim : verdict.type;
  if (claim === 'failed' || claim === 'cancelled') return null;
  const description = `A late answer shows session ${sessionId} of attempt ${attempt} of record ${record.recordId}, which is in attempt ${record.attempt} by now. A person must look at both attempts at the gateway.`;
  return alertOf('possible_double_payment', record, { sessionId, fact: `${sessionId}:attempt ${attempt}`, seen: shown, description });
}

/** An answer shows another session than the one that the record has. */
function secondSessionAlert(record: LedgerRecord, { sessionId, verdict, shown }: SessionEvidence): Alert {
  const isPaid = verdict.type === 'succeeded' || verdict.type === 'double_payment';
  const description = `The gateway answered with a second session ${sessionId} of record ${record.recordId} beside session ${record.sessionId}. It is never confirmed. A person must look at both there.`;
  return alertOf(isPaid ? 'possible_double_payment' : 'second_session', record, { sessionId, seen: shown, description });
}

/**
 * @param before the record that the evidence was applied to
 * @param after the record with it
 * @returns null when there is nothing to report, or it was reported before
 */
export function newAlert(
  before: LedgerRecord,
  after: LedgerRecord,
  evidence: FirstSendEvidence | ResendEvidence | StatusEvidence,
): Alert | null {
  if (evidence.type === 'session') {
    if (isFinal[before.status]) return alertAfterEnd(before, evidence.session);
    if (isSecondSession(before, evidence.session)) return secondSessionAlert(before, evidence.session);
    const alert = contradictionAlert(after, evidence.session);
    const isNew = before.reason?.description !== alert?.description && after.reason?.description === alert?.description;
    return isNew ? alert : null;
  }
  if (evidence.type !== 'refused' || after.status === 'failed') return null;
  // Without a change it says nothing new, unless it contradicts the end.
  if (after.version === before.version && before.status !== 'succeeded') return null;
  const description = `The gateway refused the first send (${evidence.reason.code}), although other evidence showed that the instruction had arrived or was sent again.`;
  return alertOf(kindAfterEnd(after), after, {
    sessionId: after.sessionId,
    fact: `attempt ${after.attempt}:refused:${evidence.reason.code}`,
    description,
  });
}

const unlisted = { id: undefined, amount: undefined, isChargeback: false, isDeclined: false };

/**
 * One alert for each refund that a session shows; for a gateway that announces one and lists none, one for each time the
 * session changed. The status of the record stays.
 *
 * @param isAnnounced a webhook says that money went back
 */
export function refundAlerts(record: LedgerRecord, session: SessionEvidence, isAnnounced: boolean): readonly Alert[] {
  const { sessionId, isProven, updatedAt, refunds } = session;
  if (!isProven) return [];
  const shown = refunds.length === 0 && isAnnounced ? [unlisted] : refunds;
  return shown
    .filter(({ isDeclined }) => !isDeclined)
    .map(({ id, amount, isChargeback }) =>
      alertOf(isChargeback ? 'charged_back' : 'refunded', record, {
        sessionId,
        fact: `${sessionId}:${id ?? updatedAt ?? 'refund'}`,
        seen: amount === undefined ? [] : [{ amount: String(amount.minor), currency: amount.currency }],
        description: `The gateway shows that ${isChargeback ? 'a chargeback took' : 'a refund gave'} money of record ${record.recordId} back. Its status stays; what follows is for a person to decide.`,
      }),
    );
}
