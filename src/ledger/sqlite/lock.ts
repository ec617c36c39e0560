/**
 * One dispatching process at a time. The lock is an exclusive transaction on a database of its own: the system
 * frees it with the process, however that ends, and it does not block readers of the ledger. A file beside it names the
 * holder, for people.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../../batches/ports/clock.ts';
import { LedgerHeldError, LedgerWriteError, type Holder } from '../errors.ts';
import { makeDataDir, makePrivateFile } from '../data-dir.ts';
import { isBusy, writeError } from './sqlite-error.ts';

export interface LedgerLock {
  /** Idempotent. */
  release(): void;
}

/** @throws LedgerHeldError when another process, or this one, has it */
export function acquireLock(dir: string, me: { readonly clock: Pick<Clock, 'now'>; readonly host: string }): LedgerLock {
  const file = join(dir, 'ledger.lock');
  const holderFile = join(dir, 'ledger.holder.json');
  makeDataDir(dir);
  makePrivateFile(file);

  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db?.close();
    if (isBusy(error)) throw new LedgerHeldError(dir, readHolder(holderFile));
    throw writeError(file, error);
  }
  const held = db;

  try {
    const holder: Holder = { pid: process.pid, host: me.host, since: new Date(me.clock.now()).toISOString() };
    writeFileSync(`${holderFile}.new`, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
    renameSync(`${holderFile}.new`, holderFile);
  } catch (cause) {
    held.close();
    throw new LedgerWriteError(
      `${holderFile} could not be written: ${(cause as Error).message}. Check the permissions and free space of the folder.`,
      { cause },
    );
  }

  return {
    release() {
      if (!held.isOpen) return;
      rmSync(holderFile, { force: true });
      held.close();
    },
  };
}

/** Who has the lock, as far as the note beside it shows: for people, and not to decide by. Undefined when no process has it. */
export function findHolder(dir: string, host: string): Holder | undefined {
  const holder = readHolder(join(dir, 'ledger.holder.json'));
  return holder === undefined || (holder.host === host && !isAlive(holder.pid)) ? undefined : holder;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readHolder(file: string): Holder | undefined {
  try {
    const { pid, host, since } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Holder>;
    return typeof pid === 'number' && typeof host === 'string' && typeof since === 'string' ? { pid, host, since } : undefined;
  } catch {
    // The holder writes it right after it got the lock, and removes it right before it gives it back.
    return undefined;
  }
}
