/** The sealed bodies of open sends, kept until they are due to be erased. */
import type { DatabaseSync } from 'node:sqlite';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { LedgerReadError } from '../errors.ts';
import type { Seal } from '../seal.ts';

export interface Bodies {
  keep(id: number, record: LedgerRecord, body: Uint8Array): void;
  remove(id: number): void;
  /** At once when the time has come. */
  eraseAt(id: number, at: number, now: number): void;
  /** Erases some of what is due. */
  sweep(now: number): void;
  /** Whether `sweep` should be called now. */
  isSweepDue(now: number): boolean;
  /**
   * The bytes as they were sent; undefined when none are kept for this attempt.
   *
   * @throws LedgerReadError when they were changed
   */
  read(id: number, record: LedgerRecord): Uint8Array | undefined;
}

const sweepEveryMs = 60_000;
const sweepLimit = 256;

export function createBodies(db: DatabaseSync, seal: Seal): Bodies {
  const insert = db.prepare(
    'INSERT INTO body (record, attempt, sealed) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET attempt = excluded.attempt, sealed = excluded.sealed, erase_at = NULL',
  );
  const removeRow = db.prepare('DELETE FROM body WHERE record = ?');
  const schedule = db.prepare('UPDATE body SET erase_at = ? WHERE record = ?');
  const selectDue = db.prepare('SELECT record FROM body WHERE erase_at IS NOT NULL AND erase_at <= ? ORDER BY erase_at LIMIT ?');
  const select = db.prepare('SELECT attempt, sealed FROM body WHERE record = ?');
  let sweptAt = Number.NEGATIVE_INFINITY;

  return {
    keep(id, record, body) {
      insert.run(id, record.attempt, seal.close(body, record));
    },
    remove(id) {
      removeRow.run(id);
    },
    eraseAt(id, at, now) {
      if (at <= now) removeRow.run(id);
      else schedule.run(at, id);
    },
    sweep(now) {
      const due = selectDue.all(now, sweepLimit) as { record: number }[];
      for (const { record } of due) removeRow.run(record);
      // A full sweep: there may be more, so the next group continues it.
      if (due.length < sweepLimit) sweptAt = now;
    },
    // Also when the clock was set back.
    isSweepDue: (now) => now - sweptAt >= sweepEveryMs || now < sweptAt,
    read(id, record) {
      const row = select.get(id) as { attempt: number; sealed: Uint8Array } | undefined;
      if (row === undefined || row.attempt !== record.attempt) return undefined;
      try {
        return seal.open(row.sealed, record);
      } catch (cause) {
        throw new LedgerReadError(
          `the stored body of ${record.recordId} cannot be opened: another program changed the ledger. Do not pay from it; restore it from a backup.`,
          { cause },
        );
      }
    },
  };
}
