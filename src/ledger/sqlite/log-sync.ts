/**
 * Makes SQLite's write-ahead log durable beside the thread that writes it. A sync takes from a tenth of a millisecond to
 * tens of them, depending on the disk, and `synchronous = FULL` would let the thread wait for each.
 *
 * The log is one file while the ledger is open: it is cut and written again from its beginning, never replaced. Closing
 * a descriptor of it drops no lock, because SQLite's locks are on the shared-memory file and on the ledger itself.
 */
import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDir } from '../data-dir.ts';
import { writeError } from './sqlite-error.ts';

export interface LogSync {
  /** @throws LedgerWriteError as a rejection; then it is not known what is durable */
  readonly sync: () => Promise<void>;
  /** @throws LedgerWriteError */
  readonly syncNow: () => void;
  close(): void;
}

/**
 * @param file of a ledger that is open in WAL mode
 * @throws LedgerWriteError
 */
export function openLogSync(file: string): LogSync {
  const log = `${file}-wal`;
  const orExplained = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw writeError(log, cause);
    }
  };
  const fd = orExplained(() => openSync(log, 'r+'));
  // SQLite syncs the folder of a log that it has made only with the first sync of its own.
  orExplained(() => syncDir(dirname(file)));
  return {
    sync: () =>
      new Promise((resolve, reject) => {
        fdatasync(fd, (cause) => {
          if (cause === null) resolve();
          else reject(writeError(log, cause));
        });
      }),
    syncNow: () => orExplained(() => fdatasyncSync(fd)),
    close: () => closeSync(fd),
  };
}
