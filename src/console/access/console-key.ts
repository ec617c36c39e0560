/** The key that login links, cookies and forms of the console are signed with: made in the data folder once. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, exitCodes } from '../../exit.ts';
import { makeDataDir } from '../../ledger/data-dir.ts';
import { keyBytes, makeKeyFile } from '../../ledger/make-key-file.ts';

/** @throws {CommandError} exit 1 when it cannot be read or made */
export function loadConsoleKey(dataDir: string): Buffer {
  const file = join(dataDir, 'console.key');
  const kept = readKey(file);
  if (kept !== undefined) return kept;
  makeDataDir(dataDir);
  makeKey(file);
  const made = readKey(file);
  if (made === undefined) throw unusable(file, 'it is gone again');
  return made;
}

/** Undefined where there is none. */
function readKey(file: string): Buffer | undefined {
  try {
    const key = Buffer.from(readFileSync(file, 'latin1').trim(), 'base64');
    if (key.length === keyBytes) return key;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(file, (cause as Error).message);
  }
  throw unusable(file, 'it must contain 32 bytes in base64; delete it, and a key is made at the next start');
}

function makeKey(file: string): void {
  try {
    makeKeyFile(file);
  } catch (cause) {
    throw unusable(file, (cause as Error).message);
  }
}

const unusable = (file: string, why: string): CommandError =>
  new CommandError(exitCodes.usage, `the key of the console, ${file}, cannot be used: ${why}.`);
