/** Signatures as the gateway has them: RSA PKCS#1 v1.5 with SHA-256 over the raw bytes, standard Base64 on one line. */
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

const standardBase64 = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function readKey(what: 'public' | 'private', read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (cause) {
    throw new Error(`the ${what} key is not a PEM that can be read`, { cause });
  }
  if (key.asymmetricKeyType !== 'rsa') throw new Error(`the ${what} key is not an RSA key`);
  return key;
}

/** @throws Error when the PEM cannot be read or holds no RSA key */
export function createVerifier(publicKeyPem: string): (raw: Buffer, signature: string | undefined) => boolean {
  const key = readKey('public', () => createPublicKey(publicKeyPem));
  return (raw, signature) =>
    signature !== undefined && standardBase64.test(signature) && verify('sha256', raw, key, Buffer.from(signature, 'base64'));
}

/** Signs on the thread pool. @throws Error when the PEM cannot be read or holds no RSA key */
export function createSigner(privateKeyPem: string): (raw: Buffer) => Promise<string> {
  const key = readKey('private', () => createPrivateKey(privateKeyPem));
  return (raw) =>
    new Promise((resolve, reject) => {
      sign('sha256', raw, key, (error, signature) => {
        if (error) reject(error);
        else resolve(signature.toString('base64'));
      });
    });
}
