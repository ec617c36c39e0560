/** The files of a ledger in its data folder. Only their owner may read them. */
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { LedgerWriteError } from './errors.ts';

export const ledgerFile = (dir: string): string => join(dir, 'ledger.sqlite');

/** @throws LedgerWriteError */
export function makeDataDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new LedgerWriteError(
      `the data folder ${dir} could not be made: ${(cause as Error).message}. Make it yourself, or name another with DATA_DIR.`,
      {
        cause,
      },
    );
  }
}

/**
 * Makes an empty file with the right permissions where there is none. An existing file is not even opened: closing
 * it again would drop every lock that this process holds on it.
 *
 * @returns whether it was made
 * @throws LedgerWriteError
 */
export function makePrivateFile(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx', 0o600));
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new LedgerWriteError(`${file} could not be made: ${(cause as Error).message}. Check permissions and free space of the folder.`, {
      cause,
    });
  }
}

/** Makes new names in the folder durable. */
export function syncDir(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
