/** What readers ask of a stand-alone ledger. */
import type { DatabaseSync } from 'node:sqlite';
import { statusCode } from '../codes.ts';
import type { LedgerLooks } from '../looks.ts';
import { listedOf } from './record-list.ts';
import { selectRecord } from './rows.ts';
import { readMeta } from './schema.ts';

/** The queries of `LedgerLooks`; each answers at once. */
export type Looks = {
  readonly [Name in Exclude<keyof LedgerLooks, 'selected'>]: (
    ...args: Parameters<LedgerLooks[Name]>
  ) => Awaited<ReturnType<LedgerLooks[Name]>>;
};

const hasColumn = (db: DatabaseSync, table: string, name: string): boolean =>
  db.prepare('SELECT 1 FROM pragma_table_info(?) WHERE name = ?').get(table, name) !== undefined;

/** Ledgers of older versions have none. */
export const hasAdmissionTimes = (db: DatabaseSync): boolean => hasColumn(db, 'record', 'admitted_at');

export function createLooks(db: DatabaseSync): Looks {
  const hasTimes = hasAdmissionTimes(db);
  // What has no time is youngest.
  const since = `coalesce(record.first_sent_at, ${hasTimes ? 'record.admitted_at, record.changed_at, ' : ''}9e15)`;
  const selectOne = db.prepare(`${selectRecord} WHERE record.record_id = ?`);
  const selectHolder = hasColumn(db, 'session', 'session_id')
    ? db.prepare('SELECT record.record_id FROM session JOIN record ON record.id = session.record WHERE session.session_id = ?')
    : undefined;
  const selectBody = db.prepare(
    'SELECT 1 FROM body JOIN record ON record.id = body.record WHERE record.record_id = ? AND (body.erase_at IS NULL OR body.erase_at <= ?)',
  );
  return {
    find: (recordId) => listedOf(selectOne, [recordId], ({ id }) => String(id))[0],
    oldestOpen({ statuses, batchId, from = 0, limit }) {
      const codes = statuses.map((status) => statusCode[status]).join(', ');
      const ofBatch = batchId === undefined ? '' : 'AND batch = (SELECT id FROM batch WHERE batch_id = ?)';
      // Sorted in the database, by what the index of open records finds; whole rows are read of those that are shown.
      const oldest = `SELECT id FROM record INDEXED BY record_open WHERE status <= ${statusCode.unknown} AND status IN (${codes}) ${ofBatch}
        ORDER BY ${since}, record_id LIMIT ? OFFSET ?`;
      const statement = db.prepare(`${selectRecord} WHERE record.id IN (${oldest}) ORDER BY ${since}, record.record_id`);
      return listedOf(statement, [...(batchId === undefined ? [] : [batchId]), limit, from], ({ id }) => String(id));
    },
    sessionHolder: (sessionId) => (selectHolder?.get(sessionId) as { readonly record_id: string } | undefined)?.record_id,
    keepsBodyTooLong: (recordId, by) => selectBody.get(recordId, by) !== undefined,
    keyCheck: () => readMeta(db, 'key_check') ?? '',
  };
}
