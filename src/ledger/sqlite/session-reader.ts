/** Finds the record of a session, without the key and the lock of the ledger, also while another process pays. */
import type { Ledger } from '../../../batches/ports/ledger.ts';
import { ledgerFile } from '../data-dir.ts';
import { openForReading } from './open-existing.ts';
import { createQueries } from './queries.ts';
import { createSessions } from './sessions.ts';
import { readError } from './sqlite-error.ts';

export type SessionReader = Pick<Ledger, 'recordOfSession' | 'close'>;

/** @throws LedgerIncompleteError | LedgerSchemaError | LedgerReadError */
export function openSessionReader(dir: string): SessionReader {
  const db = openForReading(dir);
  const guarded = <Result>(read: () => Result): Result => {
    try {
      return read();
    } catch (error) {
      throw readError(ledgerFile(dir), error);
    }
  };
  const close = (): void => void (db.isOpen && db.close());
  try {
    const { sessions, queries } = guarded(() => ({ sessions: createSessions(db), queries: createQueries(db) }));
    return {
      recordOfSession: async (sessionId) =>
        guarded(() => {
          const recordId = sessions.recordIdOf(sessionId);
          return recordId === undefined ? undefined : queries.record(recordId);
        }),
      close: async () => close(),
    };
  } catch (error) {
    close();
    throw error;
  }
}
