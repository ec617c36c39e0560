/**
 * HMAC-SHA-256 (RFC 2104) as two one-shot hashes: an HMAC object of Node costs several times as much to make as it takes to
 * hash a short text with it. A test holds the two equal.
 */
import { hash } from 'node:crypto';

const blockBytes = 64;
const digestBytes = 32;
/** Room for nearly every text that is hashed; a longer one gets a buffer of its own. */
const usualBytes = 4_096;
/** What one UTF-16 code unit becomes at most in UTF-8. */
const mostBytesPerUnit = 3;

/**
 * @param parts of one text, hashed as if they were joined: joining them would copy them once more. No part may end in the
 *   middle of a character
 */
export type KeyedHash = (parts: readonly string[], encoding: 'hex' | 'base64url') => string;

/** @param key at most 64 bytes */
export function createKeyedHash(key: Uint8Array): KeyedHash {
  if (key.length > blockBytes) throw new RangeError('a key of more than 64 bytes is not supported');
  const inner = Buffer.alloc(blockBytes + usualBytes);
  const outer = Buffer.alloc(blockBytes + digestBytes);
  for (let index = 0; index < blockBytes; index += 1) {
    const byte = key[index] ?? 0;
    inner[index] = byte ^ 0x36;
    outer[index] = byte ^ 0x5c;
  }
  return (parts, encoding) => {
    let needed = blockBytes;
    for (const part of parts) needed += part.length * mostBytesPerUnit;
    const bytes = needed <= inner.length ? inner : Buffer.concat([inner.subarray(0, blockBytes)], needed);
    let end = blockBytes;
    for (const part of parts) end += bytes.write(part, end, 'utf8');
    outer.write(hash('sha256', bytes.subarray(0, end), 'binary'), blockBytes, digestBytes, 'latin1');
    return hash('sha256', outer, encoding);
  };
}
