/**
 * Seals bodies, so that an open send can be resent byte for byte without the ledger holding account numbers in
 * the clear. AES-256-GCM under a key derived from the ledger key; the record id and the attempt are authenticated
 * with it, so that no body can be moved under another record.
 *
 * Layout: nonce (12 bytes), ciphertext, tag (16 bytes).
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomFillSync } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
/** One call for many nonces: a call for each costs more than the encryption. */
const noncesPerFill = 512;

/** What a body belongs to. */
interface SealContext {
  readonly recordId: string;
  readonly attempt: number;
}

export interface Seal {
  close(body: Uint8Array, context: SealContext): Uint8Array;
  /** @throws Error when the bytes were changed, or sealed under another key, record or attempt */
  open(sealed: Uint8Array, context: SealContext): Uint8Array;
}

/** What is sealed on the instructions topic belongs to no attempt yet. */
const noAttempt = 0;

/** Seals card data of instructions on the topic, each under its record id. */
export interface TopicSeal {
  close(bytes: Uint8Array, recordId: string): Uint8Array;
  /** @throws Error when the bytes were changed, or sealed under another key or record */
  open(sealed: Uint8Array, recordId: string): Uint8Array;
}

const contextText = ({ recordId, attempt }: SealContext): Buffer => Buffer.from(`${recordId}:${attempt}`, 'utf8');

export function createTopicSeal(ledgerKey: Buffer): TopicSeal {
  const seal = createSeal(ledgerKey);
  return {
    close: (bytes, recordId) => seal.close(bytes, { recordId, attempt: noAttempt }),
    open: (sealed, recordId) => seal.open(sealed, { recordId, attempt: noAttempt }),
  };
}

export function createSeal(ledgerKey: Buffer): Seal {
  // A KeyObject, not bytes: parsing a raw key for every body was two thirds of the cost of sealing it.
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', ledgerKey, '', 'disburse:v1:seal', keyBytes)));
  const nonces = Buffer.alloc(nonceBytes * noncesPerFill);
  let next = nonces.length;

  const nonce = (): Buffer => {
    if (next === nonces.length) {
      randomFillSync(nonces);
      next = 0;
    }
    next += nonceBytes;
    return nonces.subarray(next - nonceBytes, next);
  };

  return {
    close(body, context) {
      const iv = nonce();
      const cipher = createCipheriv(algorithm, key, iv);
      cipher.setAAD(contextText(context));
      const ciphertext = cipher.update(body);
      // GCM is a stream: nothing is left for the end, but only the end makes the tag.
      cipher.final();
      const sealed = Buffer.allocUnsafe(nonceBytes + ciphertext.length + tagBytes);
      sealed.set(iv, 0);
      sealed.set(ciphertext, nonceBytes);
      sealed.set(cipher.getAuthTag(), nonceBytes + ciphertext.length);
      return sealed;
    },
    open(sealed, context) {
      if (sealed.length < nonceBytes + tagBytes) throw new RangeError('too short for a sealed body');
      const tagAt = sealed.length - tagBytes;
      const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
      decipher.setAAD(contextText(context));
      decipher.setAuthTag(sealed.subarray(tagAt));
      const body = decipher.update(sealed.subarray(nonceBytes, tagAt));
      decipher.final();
      return body;
    },
  };
}
