import type * as crypto from 'node:crypto';
import { expect, it, vi } from 'vitest';
import { createSigner } from '../../../batches/gateway/signature.ts';

type Done = (error: Error | null, signature: Buffer) => void;

/** What the thread pool was asked to sign, and how to end it. */
const asked: { readonly text: string; readonly end: Done }[] = [];
vi.mock('node:crypto', async (importOriginal) => ({
  ...(await importOriginal<typeof crypto>()),
  sign: (_algorithm: string, bytes: Uint8Array, _key: unknown, end: Done) => void asked.push({ text: Buffer.from(bytes).toString(), end }),
}));

it('hands as many signatures to the thread pool as it may, the others in the order of asking, also after one that failed', async () => {
  const { generateKeyPairSync } = await vi.importActual<typeof crypto>('node:crypto');
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const signer = createSigner({ privateKeyPem: privateKey, atOnce: 2 });
  const signing = ['a', 'b', 'c', 'd'].map((text) => signer.sign(Buffer.from(text)));
  const texts = (): string[] => asked.map(({ text }) => text);
  expect(texts()).toEqual(['a', 'b']);
  asked[1]?.end(null, Buffer.from('B'));
  expect(texts()).toEqual(['a', 'b', 'c']);
  asked[0]?.end(new Error('no'), Buffer.alloc(0));
  expect(texts()).toEqual(['a', 'b', 'c', 'd']);
  asked[3]?.end(null, Buffer.from('D'));
  asked[2]?.end(null, Buffer.from('C'));
  const settled = await Promise.allSettled(signing);
  expect(settled.map((one) => (one.status === 'fulfilled' ? Buffer.from(one.value, 'base64').toString() : 'rejected'))).toEqual([
    'rejected',
    'B',
    'C',
    'D',
  ]);
});
