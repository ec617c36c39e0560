/** The ledger key: 32 random bytes that all keyed hashes and seals of a ledger are derived from. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LedgerKeyError } from './errors.ts';
import { fileExists, ledgerFile, makeDataDir } from './data-dir.ts';
import { makeKeyFile } from './make-key-file.ts';

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
  makeKey(own);
  return readKey(own);
}

function makeKey(file: string): void {
  try {
    makeKeyFile(file);
  } catch (cause) {
    throw new LedgerKeyError(
      `the ledger key ${file} could not be created: ${(cause as Error).message}. Check the permissions and free space of the folder.`,
      { cause },
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
