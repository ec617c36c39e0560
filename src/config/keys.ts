/** The merchant's private key and the gateway's public keys: read once, verified, and never shown. */
import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { anyVerifier, createSigner, createVerifier, KeyError, type Signer, type Verifier } from '../../batches/gateway/signature.ts';
import type { Config } from './config.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { yieldToMainThread } from './thread-priority.ts';

/**
 * A thread of the pool that finds the next signature in its queue stays awake. With one for each thread, each signature would
 * wake a thread, which takes the core from the main thread. They are few, because a sync of the disk waits for them.
 */
const signaturesPerThread = 4;
const signaturesAtOnce = (): number => signaturesPerThread * Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);

/**
 * @param warn called when other users of this machine can read the file
 * @throws {CommandError} exit 1 when it cannot be read or is not an RSA private key of 2048 bits or more
 */
export async function loadSigner(path: string, warn: (message: string) => void): Promise<Signer> {
  try {
    // First: whether others may read what is no private key does not matter.
    const signer = createSigner({ privateKeyPem: await readFile(path, 'utf8'), atOnce: signaturesAtOnce() });
    // Reading the file has started the pool.
    yieldToMainThread();
    if (isReadByOthers(await stat(path), process.getgid?.()))
      warn(`GATEWAY_PRIVATE_KEY_FILE ${path} can be read by other users of this machine: chmod 600 ${path}`);
    return signer;
  } catch (cause) {
    throw unusable('GATEWAY_PRIVATE_KEY_FILE', path, cause);
  }
}

/** A file of root that only our own group may read is as a cluster mounts secrets for a process that is not root. */
export function isReadByOthers({ mode, uid, gid }: Pick<Stats, 'mode' | 'uid' | 'gid'>, ownGroup: number | undefined): boolean {
  const isMounted = uid === 0 && gid !== 0 && gid === ownGroup;
  return (mode & (isMounted ? 0o037 : 0o077)) !== 0;
}

/** For commands that call the gateway only in some cases: without a key those fail with its sentence. */
export async function signerIfAny({ settings: { GATEWAY_PRIVATE_KEY_FILE: path } }: Config): Promise<Signer> {
  if (path !== undefined) return loadSigner(path, () => undefined);
  return {
    sign: () =>
      Promise.reject(new CommandError(exitCodes.usage, 'GATEWAY_PRIVATE_KEY_FILE is not set, and this command calls the gateway.')),
  };
}

/**
 * Several keys at once: a signature by any of them is valid, so that the gateway's key can be replaced without a gap.
 *
 * @returns null when no file is configured
 * @throws {CommandError} exit 1 when one of them cannot be read or is not an RSA public key of 2048 bits or more
 */
export async function loadVerifier(paths: readonly string[] | undefined): Promise<Verifier | null> {
  if (paths === undefined) return null;
  const load = async (path: string): Promise<Verifier> => {
    try {
      return createVerifier(await readFile(path, 'utf8'));
    } catch (cause) {
      throw unusable('GATEWAY_PUBLIC_KEY_FILE', path, cause);
    }
  };
  return anyVerifier(await Promise.all(paths.map(load)));
}

function unusable(name: string, path: string, cause: unknown): CommandError {
  const why =
    cause instanceof KeyError
      ? cause.message
      : (cause as NodeJS.ErrnoException).code === 'ENOENT'
        ? 'there is no such file.'
        : (cause as Error).message;
  return new CommandError(exitCodes.usage, `${name} ${path}: ${why}`, { cause });
}
