/** The files of a ledger in its data folder. Only their owner may read them. */
import { accessSync, closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CommandError, exitCodes } from '../exit.ts';
import { LedgerReadError, LedgerWriteError } from './errors.ts';
import { rotatedResults } from './rotated-results.ts';

export const ledgerFile = (dir: string): string => join(dir, 'ledger.sqlite');

/** The published results of the stand-alone profile. */
export const resultsPath = (dir: string): string => join(dir, 'results.jsonl');

/** The alerts of the stand-alone profile. */
export const alertsPath = (dir: string): string => join(dir, 'alerts.jsonl');

/** The files of a ledger as they are found, before any of them is opened. */
export interface LedgerFiles {
  readonly dir: string;
  readonly ledgerFile: string;
  readonly ledger: 'missing' | 'empty' | 'present';
  /** Bytes of the write-ahead log beside it; 0 without one. */
  readonly logBytes: number;
  readonly resultsFile: string;
  /** 0 without one. */
  readonly resultsBytes: number;
  /** There is something of its name that is no plain file. */
  readonly isNoFile: boolean;
}

/** What there is before anything is opened. Results first: they are younger than the ledger that they come from. */
export function findLedgerFiles(dir: string): LedgerFiles {
  // Those that were moved away show as well that there was a ledger.
  const resultsFile = [resultsPath(dir), ...rotatedResults(dir)].find((path) => lengthOf(path) > 0) ?? resultsPath(dir);
  const resultsBytes = lengthOf(resultsFile);
  const file = ledgerFile(dir);
  const isNoFile = fileExists(file) && !statSync(file).isFile();
  const logBytes = bytesOf(`${file}-wal`) ?? 0;
  const bytes = bytesOf(file);
  const ledger = bytes === undefined ? 'missing' : bytes === 0 ? 'empty' : 'present';
  return { dir, ledgerFile: file, ledger, logBytes, resultsFile, resultsBytes, isNoFile };
}

/** Of something that is no file there are no results; the sink refuses it. */
const lengthOf = (path: string): number => (bytesOf(path) !== undefined && statSync(path).isFile() ? (bytesOf(path) ?? 0) : 0);

export const fileExists = (path: string): boolean => bytesOf(path) !== undefined;

/**
 * Undefined for a file that does not exist.
 *
 * @throws LedgerReadError when this user may not see whether it exists, which is not the same as that it does not
 */
function bytesOf(path: string): number | undefined {
  try {
    return statSync(path).size;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new LedgerReadError(`${path} is not readable by this user (${code}): run as the user that owns the ledger.`, { cause });
  }
}

/** @throws {CommandError} exit 1, since running again does not help */
export function makeDataDir(dir: string): void {
  try {
    const first = makeFolders(resolve(dir));
    if (first !== undefined) syncParents(dir, first);
    accessSync(dir, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new CommandError(exitCodes.usage, `cannot use DATA_DIR ${dir}: ${whyUnusable(dir, cause as NodeJS.ErrnoException)}.`, { cause });
  }
}

/**
 * Node's own recursive mkdir never returns where the file system answers ENOENT below a folder that exists, as /proc does.
 *
 * @returns the first folder that was made; undefined when there was none to make
 */
function makeFolders(dir: string): string | undefined {
  if (existsSync(dir)) return undefined;
  const first = dirname(dir) === dir ? undefined : makeFolders(dirname(dir));
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (cause) {
    // Another process may have made it meanwhile.
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    return first;
  }
  return first ?? dir;
}

/** Makes the names of new folders durable, from `dir` up to the first that was made. */
function syncParents(dir: string, first: string): void {
  for (let at = resolve(dir); at.length >= resolve(first).length; at = dirname(at)) {
    try {
      syncDir(dirname(at));
    } catch (cause) {
      // A parent that this user may write to and not read cannot be synced.
      if ((cause as NodeJS.ErrnoException).code !== 'EACCES') throw cause;
    }
    if (at === dirname(at)) return;
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
