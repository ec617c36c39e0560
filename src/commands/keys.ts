import { generateKeyPair } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CommandError, exitCodes } from '../exit.ts';

/**
 * Makes an RSA pair: `private.pem` (PKCS#8, mode 0600) and `public.pem` (SPKI) in `out`.
 *
 * @throws {CommandError} exit 1 when one of them exists or cannot be written; nothing is written over
 */
export async function makeKeys(out: string): Promise<{ readonly privateFile: string; readonly publicFile: string }> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const privateFile = join(out, 'private.pem');
  const publicFile = join(out, 'public.pem');
  await mkdir(out, { recursive: true, mode: 0o700 });
  await writeNew(privateFile, privateKey, 0o600);
  try {
    await writeNew(publicFile, publicKey, 0o644);
  } catch (cause) {
    // Half a pair would be taken for a whole one, and be in the way of the next try.
    await rm(privateFile, { force: true });
    throw cause;
  }
  return { privateFile, publicFile };
}

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    const file = await open(path, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const message = exists
      ? `${path} exists and is not written over. Choose another folder with --out.`
      : `${path} cannot be written: ${(cause as Error).message}`;
    throw new CommandError(exitCodes.usage, message, { cause });
  }
}
