/** Which record a session of the gateway belongs to. */
import type { DatabaseSync } from 'node:sqlite';
import { packSession, shortSession } from '../../../batches/record/packed.ts';

export interface Sessions {
  /** The record id that another record than `id` has this session under; undefined when it is free, or its own. */
  holder(sessionId: string, id: number): string | undefined;
  /** The record id that has it; undefined when it is free. */
  recordIdOf(sessionId: string): string | undefined;
  /** Idempotent. */
  claim(sessionId: string, id: number): void;
}

export function createSessions(db: DatabaseSync): Sessions {
  const select = db.prepare(
    `SELECT session.record, record.record_id FROM session LEFT JOIN record ON record.id = session.record WHERE session.session_id = ?`,
  );
  // Of packed records that came from a shared ledger, sessions are known by their hash.
  const arePacked = db.prepare(`SELECT 1 FROM session WHERE session_id >= 'sha1:' AND session_id < 'sha1;' LIMIT 1`).get() !== undefined;
  const rowOf = (sessionId: string): unknown =>
    select.get(sessionId) ?? (arePacked ? (select.get(packSession(sessionId)) ?? select.get(shortSession(sessionId))) : undefined);
  const insert = db.prepare('INSERT INTO session (session_id, record) VALUES (?, ?) ON CONFLICT DO NOTHING');
  return {
    recordIdOf: (sessionId) => (rowOf(sessionId) as { record_id: string | null } | undefined)?.record_id ?? undefined,
    holder(sessionId, id) {
      const row = rowOf(sessionId) as { record: number; record_id: string | null } | undefined;
      return row === undefined || row.record === id ? undefined : (row.record_id ?? '');
    },
    claim: (sessionId, id) => void insert.run(sessionId, id),
  };
}
