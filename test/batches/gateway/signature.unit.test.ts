import { constants, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { anyVerifier, createSigner, createVerifier, KeyError, readPrivateKey, readPublicKey } from '../../../batches/gateway/signature.ts';
import { testCertificate } from '../../producers/certificate.ts';

const publicKeyEncoding = { type: 'spki', format: 'pem' } as const;
const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const;
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength, publicKeyEncoding, privateKeyEncoding });

const pair = rsa(2048);
const other = rsa(2048);
const short = rsa(1024);
const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048, publicKeyEncoding, privateKeyEncoding });
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding });
const lock = { cipher: 'aes-256-cbc', passphrase: 'secret' };
const encrypted = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding,
  privateKeyEncoding: { ...privateKeyEncoding, ...lock },
});
const legacyEncrypted = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem', ...lock },
});

const bytes = Buffer.from('{"amount_details":{"amount":1000,"currency":"usd"},"note":"é"}');

describe('createSigner', () => {
  it('signs exactly the bytes with PKCS#1 v1.5 and SHA-256, in standard Base64 on one line', async () => {
    const signature = await createSigner({ privateKeyPem: pair.privateKey }).sign(bytes);
    expect(signature).toMatch(/^[A-Za-z0-9+/]{342}==$/);
    const key = { key: pair.publicKey, padding: constants.RSA_PKCS1_PADDING };
    expect(verify('sha256', bytes, key, Buffer.from(signature, 'base64'))).toBe(true);
    expect(verify('sha256', Buffer.concat([bytes, Buffer.from(' ')]), key, Buffer.from(signature, 'base64'))).toBe(false);
  });

  it('signs many at once, each its own bytes', async () => {
    const signer = createSigner({ privateKeyPem: pair.privateKey });
    const texts = Array.from({ length: 20 }, (_, n) => Buffer.from(`{"n":${n}}`));
    const signatures = await Promise.all(texts.map((text) => signer.sign(text)));
    texts.forEach((text, n) => expect(verify('sha256', text, pair.publicKey, Buffer.from(signatures[n] ?? '', 'base64'))).toBe(true));
  });

  it('takes PKCS#1, Windows line ends and a byte order mark', async () => {
    const pkcs1 = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    });
    expect(pkcs1.privateKey).toContain('BEGIN RSA PRIVATE KEY');
    const odd = `\ufeff${pkcs1.privateKey.replaceAll('\n', '\r\n')}`;
    const signature = await createSigner({ privateKeyPem: odd }).sign(bytes);
    expect(verify('sha256', bytes, pkcs1.publicKey, Buffer.from(signature, 'base64'))).toBe(true);
  });
});

const caught = (run: () => unknown): KeyError => {
  try {
    run();
  } catch (error) {
    if (error instanceof KeyError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('a key file', () => {
  const cut = `${pair.privateKey.slice(0, 400)}\n-----END PRIVATE KEY-----\n`;
  const openSsh = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n';
  it.each([
    ['an empty file', '', 'not_pem', 'not a PEM file'],
    ['a DER or a text', 'hello', 'not_pem', 'not a PEM file'],
    ['a public key', pair.publicKey, 'public_not_private', 'public key'],
    ['a certificate', testCertificate.cert, 'public_not_private', 'certificate'],
    ['an encrypted key', encrypted.privateKey, 'encrypted', 'passphrase'],
    ['an encrypted key of the old form', legacyEncrypted.privateKey, 'encrypted', 'passphrase'],
    ['a key on a curve', curve.privateKey, 'not_rsa', 'type ec'],
    ['a key for RSA-PSS only', pss.privateKey, 'not_rsa', 'type rsa-pss'],
    ['a key of 1024 bits', short.privateKey, 'too_short', '1024 bits'],
    ['a key that was cut off', cut, 'unreadable', 'damaged'],
    ['a key of OpenSSH', openSsh, 'unreadable', 'ssh-keygen'],
  ])('is refused with the reason when it is %s', (_name, text, code, words) => {
    const error = caught(() => createSigner({ privateKeyPem: text }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    // Nothing of the key, and no cause that might carry some.
    expect(error.cause).toBeUndefined();
    for (const line of text.split('\n').filter((one) => one.length > 20 && !one.startsWith('-----')))
      expect(`${error.message}${error.stack}`).not.toContain(line.slice(0, 20));
  });

  it.each([
    ['a text', 'hello', 'not_pem'],
    ['a private key', pair.privateKey, 'private_not_public'],
    ['a key on a curve', curve.publicKey, 'not_rsa'],
    ['a certificate on a curve', testCertificate.cert, 'not_rsa'],
    ['a key of 1024 bits', short.publicKey, 'too_short'],
    ['a key that was cut off', `${pair.publicKey.slice(0, 200)}\n-----END PUBLIC KEY-----\n`, 'unreadable'],
    ['two keys in one file, of which only one would be used', `${pair.publicKey}${other.publicKey}`, 'several'],
  ])('is refused as a public key with the reason when it is %s', (_name, text, code) => {
    expect(caught(() => createVerifier(text)).code).toBe(code);
  });

  it('that is valid is read', () => {
    expect(readPrivateKey(pair.privateKey).type).toBe('private');
    expect(readPublicKey(pair.publicKey).type).toBe('public');
  });
});

describe('createVerifier', () => {
  it('accepts the signature of exactly the bytes and nothing else', async () => {
    const signature = await createSigner({ privateKeyPem: pair.privateKey }).sign(bytes);
    const { verify: check } = createVerifier(pair.publicKey);
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    expect(await check(bytes, signature)).toBe(true);
    expect(await check(bytes.subarray(1), signature)).toBe(false);
    expect(await check(bytes, flipped)).toBe(false);
  });

  it('refuses bytes that are not a signature', async () => {
    const signature = await createSigner({ privateKeyPem: pair.privateKey }).sign(bytes);
    const { verify: check } = createVerifier(pair.publicKey);
    const urlSafe = `-_${signature.slice(2)}`;
    for (const wrong of [undefined, '', 'signature', `${signature}\n`, ` ${signature}`, signature.slice(4), urlSafe, 'AAAA'.repeat(1000)])
      expect(await check(bytes, wrong)).toBe(false);
  });
});

describe('anyVerifier', () => {
  it('accepts a signature by any of its keys, and none by another key', async () => {
    const by = (key: string) => createSigner({ privateKeyPem: key }).sign(bytes);
    const { verify: check } = anyVerifier([createVerifier(pair.publicKey), createVerifier(other.publicKey)]);
    expect(await check(bytes, await by(pair.privateKey))).toBe(true);
    expect(await check(bytes, await by(other.privateKey))).toBe(true);
    expect(await check(bytes, await by(rsa(2048).privateKey))).toBe(false);
    expect(await anyVerifier([]).verify(bytes, await by(pair.privateKey))).toBe(false);
  });
});
