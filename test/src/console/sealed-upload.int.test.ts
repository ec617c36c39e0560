import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSealedUpload, openSealedUpload, type UploadKey } from '../../../src/console/uploads/sealed-upload.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disburse-sealed-'));
  path = join(folder, 'may.csv');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const chunk = 64 * 1024;
const key: UploadKey = { id: 'one', ledgerKey: Buffer.alloc(32, 7) };
/** Bytes that say where they are. */
const content = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) % 251));

async function seal(bytes: Buffer, { piece = 10_000, as = key } = {}): Promise<Buffer> {
  await rm(path, { force: true });
  const sink = await createSealedUpload(path, as);
  for (let at = 0; at < bytes.length; at += piece) await sink.write(bytes.subarray(at, at + piece));
  await sink.end();
  return readFile(path);
}

async function readAll(as = key, piece = 5_000): Promise<Buffer> {
  const file = await openSealedUpload(path, as);
  try {
    const parts: Buffer[] = [];
    for (;;) {
      const buffer = Buffer.alloc(piece);
      const { bytesRead } = await file.read(buffer, 0, piece, null);
      if (bytesRead === 0) return Buffer.concat(parts);
      parts.push(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** Head and chunks of a sealed file. */
function apart(sealed: Buffer): { readonly head: Buffer; readonly chunks: Buffer[] } {
  const end = sealed.indexOf('\n') + 1;
  const chunks: Buffer[] = [];
  for (let at = end; at < sealed.length; at += chunk + 16) chunks.push(sealed.subarray(at, at + chunk + 16));
  return { head: sealed.subarray(0, end), chunks };
}

describe('a sealed upload', () => {
  it.each([0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk + 17])('of %i bytes is read back as it was', async (length) => {
    for (const piece of [1_000, chunk, 200_000]) {
      await seal(content(length), { piece });
      expect((await readAll()).equals(content(length)), `${piece}`).toBe(true);
    }
  });

  it('is read from any place, as a workbook is', async () => {
    const whole = content(3 * chunk + 17);
    await seal(whole);
    const file = await openSealedUpload(path, key);
    try {
      for (const at of [0, 5, chunk - 3, 2 * chunk, 3 * chunk + 10, chunk, whole.length, whole.length + 9, 9 * chunk + 5]) {
        const buffer = Buffer.alloc(7);
        const { bytesRead } = await file.read(buffer, 0, 7, at);
        expect(bytesRead > 0, `${at}`).toBe(at < whole.length);
        expect(buffer.subarray(0, bytesRead).equals(whole.subarray(at, at + bytesRead)), `${at}`).toBe(true);
      }
    } finally {
      await file.close();
    }
  });

  it('has nothing of its content on disk, and no two files have a chunk alike', async () => {
    const line = 'p-1,payout,DE89370400440532013000,4242424242424242\n';
    const text = Buffer.from(line.repeat(5_000));
    const [one, other] = [await seal(text), await seal(text)];
    for (const sealed of [one, other])
      for (const secret of ['DE89370400440532013000', '4242424242424242', 'payout']) expect(sealed.includes(secret)).toBe(false);
    const seen = [one, other].flatMap((sealed) => apart(sealed).chunks.map((part) => part.toString('base64')));
    expect(new Set(seen).size).toBe(seen.length);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('that was cut, changed, reordered, extended or put together from two is refused, wherever that is', async () => {
    const foreign = apart(await seal(content(3 * chunk + 17)));
    const sealed = await seal(content(3 * chunk + 17));
    const { head, chunks } = apart(sealed);
    const [a, b, c, last] = chunks as [Buffer, Buffer, Buffer, Buffer];
    const changed = (at: number): Buffer => {
      const bytes = Buffer.from(sealed);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes;
    };
    const wrong: readonly (readonly [string, Buffer])[] = [
      ['cut between chunks', Buffer.concat([head, a, b, c])],
      ['cut to its first chunk', Buffer.concat([head, a])],
      ['cut within a chunk', sealed.subarray(0, sealed.length - 5)],
      ['cut to its head', head],
      ['cut within its head', head.subarray(0, -2)],
      ['empty', Buffer.alloc(0)],
      ['swapped', Buffer.concat([head, b, a, c, last])],
      ['a chunk twice', Buffer.concat([head, a, a, c, last])],
      ['without a chunk', Buffer.concat([head, a, c, last])],
      ['longer', Buffer.concat([sealed, Buffer.from('x')])],
      ['with its end twice', Buffer.concat([sealed, last])],
      ['with a chunk of another', Buffer.concat([head, a, foreign.chunks[1] ?? a, c, last])],
      ['with the head of another', Buffer.concat([foreign.head, a, b, c, last])],
      ['a byte of the head', changed(40)],
      ['a byte of a chunk', changed(head.length + 70_000)],
      ['a byte of the last tag', changed(sealed.length - 1)],
      ['in the clear', Buffer.from('record_id,kind\n1,payout\n')],
    ];
    for (const [what, bytes] of wrong) {
      await writeFile(path, bytes);
      const found = await readAll().then(
        () => 'read',
        (cause: unknown) => (cause as { problems: { code: string }[] }).problems[0]?.code,
      );
      expect(['upload_damaged', 'upload_other_key'], what).toContain(found);
    }
  });

  it('is opened under its own id and ledger key only', async () => {
    await seal(content(100));
    await expect(readAll({ ...key, id: 'two' })).rejects.toMatchObject({ problems: [{ code: 'upload_damaged' }] });
    await expect(readAll({ ...key, ledgerKey: Buffer.alloc(32, 8) })).rejects.toMatchObject({ problems: [{ code: 'upload_other_key' }] });
  });
});
