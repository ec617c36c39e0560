import type { LedgerRecord } from '../../batches/record/record.ts';

/** The session ids that a change brings to its record: each belongs to one record forever. */
export const newSessions = (before: LedgerRecord, after: LedgerRecord): readonly string[] => {
  const known = [before.sessionId, before.confirmSession, before.cancelSession];
  if (after.sessionId === known[0] && after.confirmSession === known[1] && after.cancelSession === known[2]) return none;
  const named = [after.sessionId, after.confirmSession, after.cancelSession].filter((id) => id !== null);
  return [...new Set(named)].filter((id) => !known.includes(id) || (id === after.confirmSession && known[1] === null));
};

const none: readonly string[] = [];
