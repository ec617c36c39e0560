/** What an error of SQLite says about the ledger. */
import { LedgerError, LedgerReadError, LedgerWriteError } from '../errors.ts';

/** Primary result codes (sqlite.org/rescode.html); the low byte of an extended one. */
const primary = { busy: 5, locked: 6, full: 13, ioerr: 10, readonly: 8, corrupt: 11, cantopen: 14, notadb: 26 } as const;

/** These tell of a mistake in one call and leave the database sound. */
const callersFaults: ReadonlySet<number> = new Set([
  1 /* ERROR */, 18 /* TOOBIG */, 19 /* CONSTRAINT */, 20 /* MISMATCH */, 21 /* MISUSE */, 25 /* RANGE */,
]);

function primaryCode(error: unknown): number | undefined {
  const errcode = (error as { readonly errcode?: unknown } | null)?.errcode;
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}

export const isBusy = (error: unknown): boolean => {
  const code = primaryCode(error);
  return code === primary.busy || code === primary.locked;
};

/** Whether the file is damaged, or no database at all. */
export const isNoLedger = (error: unknown): boolean => {
  const code = primaryCode(error);
  return code === primary.corrupt || code === primary.notadb;
};

/** Whether disk, file or lock failed, rather than the call. */
export function isStoreFailure(error: unknown): boolean {
  const code = primaryCode(error);
  return code !== undefined && !callersFaults.has(code);
}

function advice(error: unknown): string {
  switch (primaryCode(error)) {
    case primary.full:
      return 'The disk is full, or a limit on file sizes is reached: free space and run again.';
    case primary.ioerr:
      return 'The disk failed or is full: check it and run again.';
    case primary.readonly:
    case primary.cantopen:
      return 'Check the permissions of the folder and its files, and run again.';
    case primary.busy:
    case primary.locked:
      return 'Another program has it locked: close that one and run again.';
    case primary.corrupt:
    case primary.notadb:
      return 'The file is damaged or is not a ledger: do not pay from it; restore it from a backup.';
    default:
      return 'Acknowledged writes are kept: run again.';
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const writeError = (file: string, cause: unknown): LedgerWriteError =>
  new LedgerWriteError(`the ledger ${file} could not be written (${reasonOf(cause)}). ${advice(cause)}`, { cause });

export const readError = (file: string, cause: unknown): LedgerError =>
  cause instanceof LedgerError
    ? cause
    : new LedgerReadError(`the ledger ${file} could not be read (${reasonOf(cause)}). ${advice(cause)}`, { cause });
