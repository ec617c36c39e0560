/**
 * Signatures of the gateway's protocol: RSA PKCS#1 v1.5 with SHA-256 over exactly the bytes that travel, standard
 * Base64 on one line. Source: docs/gateway.md.
 *
 * Keys are parsed once; signing and verifying run in Node's thread pool. No error here ever carries key material,
 * neither its own nor in `cause`.
 */
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';

const minBits = 2048;

export type KeyFault =
  'not_pem' | 'encrypted' | 'public_not_private' | 'private_not_public' | 'not_rsa' | 'too_short' | 'several' | 'unreadable';

/** A key that cannot be used. `message` says what it is and what is needed; the caller adds which file it came from. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
  readonly code: KeyFault;

  constructor(code: KeyFault, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Signer {
  /** Base64 of the signature of exactly these bytes, which must not change before it resolves. */
  sign(bytes: Uint8Array): Promise<string>;
}

export interface Verifier {
  /** True only for a well-formed signature of exactly these bytes; never rejects for what a stranger sent. */
  verify(bytes: Uint8Array, signature: string | undefined): Promise<boolean>;
}

const labelPattern = /-----BEGIN ([A-Z0-9 ]+)-----/g;

/** The kinds of blocks in a PEM text, such as `PRIVATE KEY`; empty when it is none. */
const labels = (pem: string): readonly string[] => Array.from(pem.matchAll(labelPattern), (match) => match[1] ?? '');

const withoutBom = (pem: string): string => (pem.startsWith('\ufeff') ? pem.slice(1) : pem);

const notPem = (needed: string): KeyError =>
  new KeyError('not_pem', `This is not a PEM file. Expected ${needed}, as text that begins with "-----BEGIN".`);

function rsa(key: KeyObject): KeyObject {
  const type = key.asymmetricKeyType ?? 'unknown';
  if (type !== 'rsa')
    throw new KeyError('not_rsa', `This is a key of type ${type}. The gateway needs RSA: generate a pair with \`disburse keys\`.`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < minBits)
    throw new KeyError('too_short', `This RSA key has ${bits} bits. It needs ${minBits} or more: generate a pair with \`disburse keys\`.`);
  return key;
}

/**
 * Reads an unencrypted RSA private key of 2048 bits or more (PKCS#8 or PKCS#1).
 *
 * @throws KeyError
 */
export function readPrivateKey(text: string): KeyObject {
  const pem = withoutBom(text);
  const found = labels(pem);
  if (!found.some((label) => label.endsWith('PRIVATE KEY'))) {
    if (found.some((label) => label.endsWith('PUBLIC KEY') || label === 'CERTIFICATE'))
      throw new KeyError('public_not_private', 'This is a public key or a certificate. Expected the private key that belongs to it.');
    throw notPem('an RSA private key');
  }
  if (pem.includes('ENCRYPTED'))
    throw new KeyError(
      'encrypted',
      'This private key is protected by a passphrase. Remove it from a copy: `openssl pkey -in OLD -out NEW`.',
    );
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    if (found.includes('OPENSSH PRIVATE KEY'))
      throw new KeyError('unreadable', 'This private key is in OpenSSH format. Convert a copy: `ssh-keygen -p -m PKCS8 -f COPY`.');
    throw new KeyError('unreadable', 'This looks like a private key in PEM but cannot be read: it is damaged or truncated.');
  }
  return rsa(key);
}

/**
 * Reads an RSA public key of 2048 bits or more, or the certificate that holds it.
 *
 * @throws KeyError
 */
export function readPublicKey(text: string): KeyObject {
  const pem = withoutBom(text);
  const found = labels(pem);
  // Node would derive the public half of a private key; a private key here is the wrong file, and it is exposed.
  if (found.some((label) => label.endsWith('PRIVATE KEY')))
    throw new KeyError('private_not_public', 'This is a private key. Expected the public key of the gateway.');
  if (!found.some((label) => label.endsWith('PUBLIC KEY') || label === 'CERTIFICATE')) throw notPem('an RSA public key');
  // Node would take the first one and say nothing of the others.
  if (found.length > 1)
    throw new KeyError('several', `This file holds ${found.length} keys or certificates. Put each public key in a file of its own.`);
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new KeyError('unreadable', 'This looks like a public key in PEM but cannot be read: it is damaged or truncated.');
  }
  return rsa(key);
}

/**
 * @property atOnce how many signatures are handed to the thread pool at a time. It works in the order of asking, so
 *   a sync of the ledger would otherwise wait for every signature that was asked for before it
 */
export interface SignerOptions {
  readonly privateKeyPem: string;
  readonly atOnce?: number;
}

/** @throws KeyError */
export function createSigner({ privateKeyPem, atOnce = Infinity }: SignerOptions): Signer {
  const key = readPrivateKey(privateKeyPem);
  const waiting: (() => void)[] = [];
  let underWay = 0;
  const next = (): void => {
    underWay -= 1;
    waiting.shift()?.();
  };
  return {
    sign: (bytes) =>
      new Promise((resolve, reject) => {
        const start = (): void => {
          underWay += 1;
          sign('sha256', bytes, key, (error, signature) => {
            next();
            if (error) reject(error);
            else resolve(signature.toString('base64'));
          });
        };
        if (underWay < atOnce) start();
        else waiting.push(start);
      }),
  };
}

const base64Pattern = /^[A-Za-z0-9+/]+={0,2}$/;

/** Accepts what any of them accepts: while a key is replaced, the gateway signs with the old one and the new one. */
export const anyVerifier = (verifiers: readonly Verifier[]): Verifier => ({
  async verify(bytes, signature) {
    for (const one of verifiers) if (await one.verify(bytes, signature)) return true;
    return false;
  },
});

/** @throws KeyError */
export function createVerifier(publicKeyPem: string): Verifier {
  const key = readPublicKey(publicKeyPem);
  const signatureBytes = Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  return {
    verify: (bytes, signature) => {
      // Buffer.from forgives anything that is not Base64, so the form is checked first.
      if (signature === undefined || signature.length % 4 !== 0 || !base64Pattern.test(signature)) return Promise.resolve(false);
      const raw = Buffer.from(signature, 'base64');
      if (raw.length !== signatureBytes) return Promise.resolve(false);
      return new Promise((resolve) => {
        verify('sha256', bytes, key, raw, (error, valid) => resolve(error === null && valid));
      });
    },
  };
}
