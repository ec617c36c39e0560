/**
 * A row of the report as evidence: the session that it shows, judged by the rules of every other session, so that
 * transitions have one place.
 */
import { applySession } from '../record/apply-evidence.ts';
import type { Change } from '../record/change.ts';
import type { LedgerRecord } from '../record/record.ts';
import type { TransitionSettings } from '../record/resend-rules.ts';
import { readSessionEvidence, type SessionEvidence, type SessionEvidenceReading } from '../record/session-evidence.ts';
import { readMerchantMetadata } from './merchant-metadata.ts';
import type { ReportRow } from './report-row.ts';

/** What of a row is evidence. */
export type ShownPayment = Pick<ReportRow, 'sessionId' | 'operationId' | 'amountMinor' | 'currency' | 'merchantMetadata'>;

/** The session as `session/status` would show it. The report lists successful operations only. */
function sessionOf(row: ShownPayment): unknown {
  const { sessionId, operationId, amountMinor, currency } = row;
  const read = readMerchantMetadata(row.merchantMetadata);
  return {
    id: sessionId,
    status: 'accepted',
    payments: [
      {
        id: operationId,
        status: 'succeeded',
        amount_details: { amount: Number(amountMinor), currency },
        ...(read.type === 'whole' ? { metadata: read.metadata } : {}),
      },
    ],
  };
}

/** Of a row that shows a payout: what it proves about the record. A refund proves nothing of this kind. */
export const reportEvidence = (row: ShownPayment, record: LedgerRecord): SessionEvidenceReading => {
  // An entry that is known stays the record's, also where its session was not kept.
  const isKnownEntry = record.entryId === row.operationId && record.sessionId === null;
  return readSessionEvidence(sessionOf(row), isKnownEntry ? { ...record, sessionId: row.sessionId, isSessionProven: true } : record);
};

/**
 * What the evidence makes of the record; null: nothing. A record that the ledger says was never sent is moved as one
 * that was: the row proves that it was.
 */
export function applyReport(rules: TransitionSettings, record: LedgerRecord, session: SessionEvidence, at: number): Change | null {
  const sent: LedgerRecord =
    record.status === 'queued'
      ? { ...record, status: 'submitting', sends: Math.max(record.sends, 1), firstSentAt: record.firstSentAt ?? at }
      : record;
  return applySession(rules, sent, session, at, 'report');
}
