import { generateKeyPair } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';

/** Writes a key pair for request signing, and prints the two paths. */
export async function keys({ out, json }: { readonly out: string; readonly json: boolean }): Promise<ExitCode> {
  const { privateFile, publicFile } = await writeKeyPair(out);
  process.stdout.write(
    json ? `${JSON.stringify({ private_key_file: privateFile, public_key_file: publicFile })}\n` : `${privateFile}\n${publicFile}\n`,
  );
  process.stderr.write('Keep private.pem secret (GATEWAY_PRIVATE_KEY_FILE) and give public.pem to the gateway.\n');
  return exitCodes.ok;
}

/**
 * Generates an RSA key pair: `private.pem` (PKCS#8, mode 0600) and `public.pem` (SPKI) in `out`.
 *
 * @throws {CommandError} exit 1 when one of them exists or cannot be written; no file is overwritten
 */
async function writeKeyPair(out: string): Promise<{ readonly privateFile: string; readonly publicFile: string }> {
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
    // Half a pair looks like a whole one, and blocks the next attempt.
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
    } catch (cause) {
      // Part of a key blocks the next attempt, and can be used for nothing.
      await rm(path, { force: true });
      throw cause;
    } finally {
      await file.close();
    }
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const message = exists
      ? `${path} already exists and will not be overwritten. Choose another folder with --out.`
      : `cannot write ${path}: ${(cause as Error).message}`;
    throw new CommandError(exitCodes.usage, message, { cause });
  }
}
