/** What comes before a ledger is written: its folder, the lock, the file, and whether this process may pay from it. */
import { renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../../batches/ports/clock.ts';
import { LedgerError, type Binding } from '../errors.ts';
import { fileExists, findLedgerFiles, ledgerFile, makeDataDir, makePrivateFile, syncDir } from '../data-dir.ts';
import { whyNotOpen } from '../may-pay.ts';
import { bindNew } from './binding.ts';
import { acquireLock, type LedgerLock } from './lock.ts';
import { assertMayPay, type FindUnknownResults } from './open-existing.ts';
import { createSchema } from './schema.ts';
import { readError } from './sqlite-error.ts';
import { busyTimeoutMs } from './writer.ts';

export interface ClaimParams {
  /** The data folder; made when missing. */
  readonly dir: string;
  readonly binding: Binding;
  /** 32 bytes. */
  readonly ledgerKey: Buffer;
  /** The wall clock. */
  readonly clock: Pick<Clock, 'now'>;
  /** This machine's name, shown to a process that finds the ledger held. */
  readonly host: string;
  /** False: a missing ledger is an error. */
  readonly mayCreate: boolean;
  /** By default nothing is published outside. */
  readonly findUnknown?: FindUnknownResults;
}

export interface ClaimedLedger {
  readonly file: string;
  /** Held until it is released, after the last write. */
  readonly lock: LedgerLock;
}

/**
 * Locks the ledger for the one process that dispatches, and makes it where there is none.
 *
 * @param use opens the ledger; when it fails, the lock is released
 * @throws LedgerHeldError | LedgerBindingError | LedgerIncompleteError | LedgerKeyError | LedgerSchemaError |
 *   LedgerMissingError | LedgerWriteError | LedgerReadError
 */
export async function claimLedger<T>(params: ClaimParams, use: (claimed: ClaimedLedger) => T | Promise<T>): Promise<T> {
  const { dir, mayCreate, findUnknown = () => Promise.resolve(null) } = params;
  const file = ledgerFile(dir);
  const assertOpens = (): void => {
    const refusal = whyNotOpen(findLedgerFiles(dir), mayCreate);
    if (refusal !== null) throw refusal;
  };
  // Before the lock too, so that a refused process leaves nothing behind.
  assertOpens();
  makeDataDir(dir);
  const lock = acquireLock(dir, params);
  try {
    assertOpens();
    if (!fileExists(file)) createFile(params, file);
    await assertMayPay(dir, params, findUnknown);
    return await use({ file, lock });
  } catch (error) {
    lock.release();
    throw error instanceof LedgerError ? error : readError(file, error);
  }
}

/** Complete under its name or not there at all, also after a crash: an empty ledger file is never ours. */
function createFile({ dir, binding, ledgerKey }: ClaimParams, file: string): void {
  const draft = `${file}.new`;
  for (const leftover of [draft, `${draft}-journal`]) rmSync(leftover, { force: true });
  makePrivateFile(draft);
  const db = new DatabaseSync(draft, { timeout: busyTimeoutMs });
  try {
    db.exec('PRAGMA synchronous = FULL');
    createSchema(db, () => bindNew(db, binding, ledgerKey));
  } finally {
    db.close();
  }
  renameSync(draft, file);
  syncDir(dir);
}
