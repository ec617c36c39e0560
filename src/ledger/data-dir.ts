/** The files of a ledger in its data folder. Only their owner may read them. */
import { accessSync, closeSync, constants, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CommandError, exitCodes } from '../exit.ts';
import { LedgerReadError, LedgerWriteError } from './errors.ts';

export const ledgerFile = (dir: string): string => join(dir, 'ledger.sqlite');

/** @throws LedgerReadError when this user may not see whether it exists, which is not the same as that it does not */
export function fileExists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw new LedgerReadError(`${path} is not readable by this user (${code}): run as the user that owns the ledger.`, { cause });
  }
}

/** @throws {CommandError} exit 1, since running again does not help */
export function makeDataDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    accessSync(dir, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new CommandError(exitCodes.usage, `cannot use DATA_DIR ${dir}: ${whyUnusable(dir, cause as NodeJS.ErrnoException)}.`, { cause });
  }
}

/** The reason by the nearest folder that exists: a recursive mkdir calls a read-only file system a missing folder. */
function whyUnusable(dir: string, cause: NodeJS.ErrnoException): string {
  for (let at = dir; ; at = dirname(at)) {
    try {
      if (!statSync(at).isDirectory()) return `${at} is a file`;
      accessSync(at, constants.W_OK | constants.X_OK);
      return cause.message;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EROFS') return `${at} is on a read-only file system`;
      if (code === 'EACCES') return `this user may not write to ${at}`;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') return cause.message;
      if (at === dirname(at)) return cause.message;
    }
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
    throw new LedgerWriteError(
      `${file} could not be created: ${(cause as Error).message}. Check the permissions and free space of the folder.`,
      {
        cause,
      },
    );
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
