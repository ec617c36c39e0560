/** What a session means for a record that has ended: it agrees, comes late, or contradicts. Nothing of it changes the record. */
import { contradictionOf } from './apply-evidence.ts';
import { withSession } from './packed.ts';
import type { LedgerRecord } from './record.ts';
import { asksUs, type SessionClaim, type SessionEvidence } from './session-evidence.ts';

/**
 * - `known`: it says what the record says
 * - `late`: an earlier stage of the same session
 * - `contradicting`: a person must look
 */
export type AfterEnd =
  | { readonly type: 'known' | 'late' }
  | { readonly type: 'contradicting'; readonly fact: string; readonly isDoublePayment: boolean; readonly description: string };

/** What the session says, whether it is believed or not; null when it says nothing, or several things. */
function claimOf({ verdict }: SessionEvidence): SessionClaim | null {
  switch (verdict.type) {
    case 'amount_missing':
    case 'amount_differs':
      return verdict.claim;
    case 'unproven':
      return 'pending';
    case 'contradiction':
    case 'double_payment':
      return null;
    default:
      return verdict.type;
  }
}

/** Whether the first session of a record is shown after a person ended it: it is the record's, though the ledger had none. */
const isFirstAfterWord = (record: LedgerRecord, { isProven }: SessionEvidence): boolean =>
  record.resolvedBy !== null && record.sessionId === null && isProven;

const isUnpaid = (claim: SessionClaim | null): boolean => claim === 'failed' || claim === 'cancelled';

/** @param ended a record that is final */
export function judgeAfterEnd(ended: LedgerRecord, session: SessionEvidence): AfterEnd {
  const { sessionId, verdict } = session;
  const record = withSession(ended, sessionId);
  const contradicts = (fact: string, description: string): AfterEnd => ({
    type: 'contradicting',
    fact: `${sessionId}:${fact}:after:${record.status}`,
    isDoublePayment: verdict.type === 'double_payment',
    description,
  });
  const held = contradictionOf(session);
  // What ended the record may itself have shown a wrong amount: it is no news.
  if (held !== null && held.description === record.reason?.description) return { type: 'known' };
  const claim = claimOf(session);
  // A person said that nothing was paid, and so does the session, whatever amount it shows.
  if (held !== null && record.resolvedBy !== null && record.status !== 'succeeded' && isUnpaid(claim)) return { type: 'known' };
  if (held !== null)
    return contradicts(claim === null ? verdict.type : `${verdict.type}:${claim}`, `${afterStatus(record)} ${held.description}`);
  const isFirst = isFirstAfterWord(record, session);
  const isOwn = record.sessionId === sessionId || isFirst;
  if (claim === 'pending' || asksUs(claim))
    return isOwn && (!isFirst || record.status === 'succeeded')
      ? { type: 'late' }
      : contradicts(
          claim,
          `${afterStatus(record)} Session ${sessionId} of the gateway is open all the same. A person must look at it there.`,
        );
  if (claim === 'succeeded') {
    // What a person said is of no entry.
    const isSameEntry =
      record.resolvedBy !== null || session.entryId === null || record.entryId === null || session.entryId === record.entryId;
    if (record.status === 'succeeded' && isOwn && isSameEntry) return { type: 'known' };
    const what = isOwn && record.status === 'succeeded' ? `entry ${session.entryId} of session ${sessionId}` : `session ${sessionId}`;
    return contradicts('succeeded', `${afterStatus(record)} The gateway shows that ${what} succeeded. A person must look at it there.`);
  }
  // Failed and cancelled both say that nothing was paid.
  if (record.status !== 'succeeded') return { type: 'known' };
  return isOwn
    ? contradicts(
        String(claim),
        `${afterStatus(record)} The gateway shows session ${sessionId} as ${claim}. A person must look at it there.`,
      )
    : { type: 'known' };
}

const afterStatus = ({ recordId, status }: LedgerRecord): string => `The record ${recordId} has ended as ${status}.`;
