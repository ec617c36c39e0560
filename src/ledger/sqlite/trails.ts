/** The audit trails of records. */
import type { DatabaseSync } from 'node:sqlite';
import type { AuditEntry } from '../../../batches/audit/audit-entry.ts';
import { shortText } from '../audit-text.ts';

export interface Trails {
  append(record: number, entries: readonly AuditEntry[]): void;
  /** A record that takes the id of a former one goes on with its trail. */
  take(from: number, to: number): void;
  remove(record: number): void;
}

export function createTrails(db: DatabaseSync): Trails {
  const insert = db.prepare('INSERT INTO audit (record, number, entry, hash) VALUES (?, ?, ?, ?)');
  const move = db.prepare('UPDATE audit SET record = ? WHERE record = ?');
  const remove = db.prepare('DELETE FROM audit WHERE record = ?');
  return {
    append(record, entries) {
      for (const { number, text, hash } of entries) insert.run(record, number, shortText(text), Buffer.from(hash, 'hex'));
    },
    take: (from, to) => void move.run(to, from),
    remove: (record) => void remove.run(record),
  };
}
