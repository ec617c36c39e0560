/** One RSA pair for all targets. */
import { generateKeyPairSync } from 'node:crypto';

export const ourPair = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
