import type { DatabaseSync } from 'node:sqlite';

/** Runs `work` in one transaction, which is rolled back when it throws. */
export function allOrNone(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
