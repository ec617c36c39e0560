/** What contradicts, and a person must see. */
import { contradictionOf } from './apply-evidence.ts';
import type { FirstSendEvidence, ResendEvidence, StatusEvidence } from './evidence.ts';
import type { LedgerRecord } from './record.ts';

export const alertKinds = ['evidence_mismatch', 'possible_double_payment', 'second_session'] as const;
export type AlertKind = (typeof alertKinds)[number];

interface AmountOf {
  readonly amount: string;
  readonly currency: string;
}

/** Once for each record and fact. */
export interface Alert {
  readonly alert: AlertKind;
  readonly record: LedgerRecord;
  readonly sessionId: string | null;
  /** In minor units. */
  readonly expected: AmountOf;
  readonly seen: readonly AmountOf[];
  readonly description: string;
}

export const alertOf = (
  alert: AlertKind,
  record: LedgerRecord,
  fact: { readonly sessionId: string | null; readonly seen?: readonly AmountOf[]; readonly description: string },
): Alert => ({
  alert,
  record,
  sessionId: fact.sessionId,
  expected: { amount: String(record.amountMinor), currency: record.currency },
  seen: fact.seen ?? [],
  description: fact.description,
});

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
    const { session } = evidence;
    const held = contradictionOf(session);
    if (held === null || before.reason?.description === held.description || after.reason?.description !== held.description) return null;
    const kind = held.code === 'possible_double_payment' ? held.code : 'evidence_mismatch';
    return alertOf(kind, after, { sessionId: session.sessionId, seen: session.shown, description: held.description });
  }
  if (evidence.type !== 'refused' || after.status === 'failed' || after.version === before.version) return null;
  const description = `The gateway refused the first send (${evidence.reason.code}), although other evidence showed that the instruction had arrived or was sent again.`;
  return alertOf('evidence_mismatch', after, { sessionId: after.sessionId, description });
}
