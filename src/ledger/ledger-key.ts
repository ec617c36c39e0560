/** The ledger key: 32 random bytes that all keyed hashes and seals of a ledger are derived from. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LedgerKeyError } from './errors.ts';
import { fileExists, ledgerFile, makeDataDir, syncDir } from './data-dir.ts';

const keyBytes = 32;
/** 32 bytes in base64. */
const keyGrammar = /^[A-Za-z0-9+/]{43}=$/;
const keyFile = 'ledger.key';

/**
 * Reads the key from `file`; without one from the data folder, where it is made when there is neither a key nor a
 * ledger yet.
 *
 * @throws LedgerKeyError when it is missing, unreadable or no key
 */
export function loadLedgerKey({ dir, file }: { readonly dir: string; readonly file?: string | undefined }): Buffer {
  if (file !== undefined) return readKey(file);
  const own = join(dir, keyFile);
  if (fileExists(own)) return readKey(own);
  if (fileExists(ledgerFile(dir))) {
    throw new LedgerKeyError(
      `the ledger in ${dir} has lost its key: ${own} is missing. Restore it, or give its path in LEDGER_KEY_FILE; without it the ledger cannot recognise instructions that it already has.`,
    );
  }
  makeDataDir(dir);
  makeKey(dir, own);
  return readKey(own);
}

/** Complete under its name or not there at all, also after a crash; of two makers the first wins. */
function makeKey(dir: string, file: string): void {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    const fd = openSync(draft, 'wx', 0o600);
    try {
      writeSync(fd, `${randomBytes(keyBytes).toString('base64')}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    try {
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      unlinkSync(draft);
    }
    syncDir(dir);
  } catch (cause) {
    throw new LedgerKeyError(
      `the ledger key ${file} could not be created: ${(cause as Error).message}. Check the permissions and free space of the folder.`,
      {
        cause,
      },
    );
  }
}

function readKey(file: string): Buffer {
  let text: string;
  try {
    text = readFileSync(file, 'latin1').trim();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'does not exist' : `cannot be read: ${message}`;
    throw new LedgerKeyError(`the ledger key file ${file} ${what}. LEDGER_KEY_FILE must name a file with 32 random bytes in base64.`, {
      cause,
    });
  }
  // What the file holds is never shown: it may be the key but for one character.
  if (!keyGrammar.test(text))
    throw new LedgerKeyError(`the ledger key file ${file} must contain 32 bytes in base64 (44 characters), but does not.`);
  return Buffer.from(text, 'base64');
}

/** What a ledger keeps to recognise its key; reveals nothing about it. */
export const keyCheck = (ledgerKey: Buffer): string => createHmac('sha256', ledgerKey).update('disburse:v1:check').digest('base64');

export function isSameKey(check: string, ledgerKey: Buffer): boolean {
  const kept = Buffer.from(check, 'base64');
  const given = Buffer.from(keyCheck(ledgerKey), 'base64');
  return kept.length === given.length && timingSafeEqual(kept, given);
}
