/** The merchant's private key: read once, verified, and never shown. */
import { readFile, stat } from 'node:fs/promises';
import { createSigner, KeyError, type Signer } from '../../batches/gateway/signature.ts';
import { CommandError, exitCodes } from '../exit.ts';

/**
 * @param warn called when other users of this machine can read the file
 * @throws {CommandError} exit 1 when it cannot be read or is not an RSA private key of 2048 bits or more
 */
export async function loadSigner(path: string, warn: (message: string) => void): Promise<Signer> {
  try {
    // First: whether others may read what is no private key does not matter.
    const signer = createSigner({ privateKeyPem: await readFile(path, 'utf8') });
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) warn(`GATEWAY_PRIVATE_KEY_FILE ${path} can be read by other users of this machine: chmod 600 ${path}`);
    return signer;
  } catch (cause) {
    const why =
      cause instanceof KeyError
        ? cause.message
        : (cause as NodeJS.ErrnoException).code === 'ENOENT'
          ? 'there is no such file.'
          : (cause as Error).message;
    throw new CommandError(exitCodes.usage, `GATEWAY_PRIVATE_KEY_FILE ${path}: ${why}`, { cause });
  }
}
