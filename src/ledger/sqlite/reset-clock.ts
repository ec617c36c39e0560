/** Sets the time of a stand-alone ledger back to the clock of this machine, after that clock was far ahead once. */
import { DatabaseSync } from 'node:sqlite';
import { findLedgerFiles, ledgerFile } from '../data-dir.ts';
import { LedgerError, LedgerSchemaError } from '../errors.ts';
import { whyNothingToRead } from '../may-pay.ts';
import { resetLedgerTime } from './ledger-time.ts';
import { acquireLock } from './lock.ts';
import { nameOf, openForReading } from './open-existing.ts';
import { schemaOf, schemaVersion } from './schema.ts';
import { writeError } from './sqlite-error.ts';

/**
 * @returns how far the ledger's time went back, in milliseconds
 * @throws LedgerHeldError while a process pays from the ledger, and every error of reading it
 */
export function resetClock(dir: string, me: { readonly clock: { now(): number }; readonly host: string }): number {
  const refusal = whyNothingToRead(findLedgerFiles(dir));
  if (refusal !== null) throw refusal;
  const lock = acquireLock(dir, me);
  let db: DatabaseSync | undefined;
  try {
    assertNewestSchema(dir);
    db = new DatabaseSync(ledgerFile(dir));
    db.exec('PRAGMA synchronous = FULL');
    return resetLedgerTime(db, me.clock.now());
  } catch (error) {
    throw error instanceof LedgerError ? error : writeError(ledgerFile(dir), error);
  } finally {
    db?.close();
    lock.release();
  }
}

function assertNewestSchema(dir: string): void {
  const db = openForReading(dir);
  const schema = schemaOf(db);
  db.close();
  if (Number(schema) === schemaVersion) return;
  throw new LedgerSchemaError(
    `${nameOf(dir).text} has schema version ${schema}, which has no time of its own to reset: disburse run migrates it first.`,
  );
}
