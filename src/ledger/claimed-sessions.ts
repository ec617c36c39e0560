import type { LedgerRecord } from '../../batches/record/record.ts';

/** The session ids that a change brings to its record: each belongs to one record forever. */
export const newSessions = (before: LedgerRecord, after: LedgerRecord): readonly string[] => {
  const { sessionId, confirmSession, cancelSession } = before;
  if (after.sessionId === sessionId && after.confirmSession === confirmSession && after.cancelSession === cancelSession) return none;
  const isKnown = (id: string): boolean => id === sessionId || id === confirmSession || id === cancelSession;
  const found: string[] = [];
  for (const id of [after.sessionId, after.confirmSession, after.cancelSession]) {
    if (id === null || found.includes(id)) continue;
    if (!isKnown(id) || (id === after.confirmSession && confirmSession === null)) found.push(id);
  }
  return found;
};

const none: readonly string[] = [];
