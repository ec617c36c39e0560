/**
 * An uploaded file as it is on disk: sealed with AES-256-GCM under a key of its own, which is derived from the ledger key, a salt
 * and the id of the upload. Its chunks have one length, so that it is read from any place, as a workbook must be. Head, number
 * and end are authenticated with each chunk: what was cut, changed, reordered or put together from two files is refused.
 *
 * Layout: a line of JSON, then chunks of 64 KiB, each followed by its tag; the last one may be shorter.
 */
import { hkdfSync, randomBytes } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { readFull, type OpenedFile } from '../../../consumers/csv/file.ts';
import { structural } from '../../../consumers/csv/structural-error.ts';
import { isSameKey, keyCheck } from '../../ledger/ledger-key.ts';
import { closeChunk, openChunk, tagBytes } from '../../ledger/sealed-chunks.ts';
import type { FileSink } from './multipart.ts';

const format = 'disburse-upload';
const version = 1;
const chunkBytes = 64 * 1024;
const headLimit = 1024;
/** In front of what `closeChunk` returns is its length, which is not needed here. */
const lengthBytes = 4;

interface Head {
  readonly format: typeof format;
  readonly version: typeof version;
  readonly salt: string;
  readonly key_check: string;
}

/** What an upload is sealed with. */
export interface UploadKey {
  readonly id: string;
  readonly ledgerKey: Buffer;
}

const sealingOf = (head: Buffer, salt: string, { id, ledgerKey }: UploadKey) => ({
  key: Buffer.from(hkdfSync('sha256', ledgerKey, Buffer.from(salt, 'base64'), `disburse:v1:upload:${id}`, 32)),
  head,
});

const damaged = () =>
  structural(1, 'upload_damaged', 'The uploaded file was cut or changed in the data folder. Nothing is paid from it: upload it again.');

/** @property abandon closes what was not written to its end; idempotent */
export interface SealedSink extends FileSink {
  abandon(): Promise<void>;
}

/** Writes a new file; nothing of what it is given is on disk in the clear. */
export async function createSealedUpload(path: string, key: UploadKey): Promise<SealedSink> {
  const handle = await open(path, 'wx', 0o600);
  const salt = randomBytes(32).toString('base64');
  const said: Head = { format, version, salt, key_check: keyCheck(key.ledgerKey) };
  const head = Buffer.from(`${JSON.stringify(said)}\n`);
  const sealing = sealingOf(head, salt, key);
  const held = Buffer.alloc(chunkBytes);
  let [length, number] = [0, 0];
  const flush = async (isLast: boolean): Promise<void> => {
    await handle.writeFile(closeChunk(sealing, number, isLast, held.subarray(0, length)).subarray(lengthBytes));
    number += 1;
    length = 0;
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    held.fill(0);
    return (closing ??= handle.close());
  };
  await handle.writeFile(head);
  return {
    abandon: close,
    async write(bytes) {
      for (let at = 0; at < bytes.length;) {
        // Only what more bytes follow is not the last chunk.
        if (length === chunkBytes) await flush(false);
        const copied = bytes.copy(held, length, at);
        length += copied;
        at += copied;
      }
    },
    async end() {
      await flush(true);
      await handle.sync();
      await close();
    },
  };
}

/** @throws StructuralError when it is no sealed upload, or was sealed under another key */
export async function openSealedUpload(path: string, key: UploadKey): Promise<OpenedFile> {
  const handle = await open(path, 'r');
  try {
    const head = await readHead(handle);
    const { salt } = checkHead(head, key);
    return await chunksOf(handle, head, sealingOf(head, salt, key));
  } catch (cause) {
    await handle.close();
    throw cause;
  }
}

async function chunksOf(handle: FileHandle, head: Buffer, sealing: ReturnType<typeof sealingOf>): Promise<OpenedFile> {
  const sealedBytes = chunkBytes + tagBytes;
  const last = Math.ceil(((await handle.stat()).size - head.length) / sealedBytes) - 1;
  if (last < 0) throw damaged();
  const sealed = Buffer.alloc(sealedBytes);
  let opened: { readonly number: number; readonly content: Buffer } | undefined;
  let cursor = 0;
  const chunk = async (number: number): Promise<Buffer> => {
    if (opened?.number === number) return opened.content;
    const length = await readFull(handle, sealed, head.length + number * sealedBytes);
    const content = length < tagBytes ? undefined : openChunk(sealing, number, number === last, sealed.subarray(0, length));
    if (content === undefined) throw damaged();
    opened = { number, content };
    return content;
  };
  return {
    stat: () => handle.stat(),
    close: () => handle.close(),
    async read(buffer, offset, length, position) {
      const at = position ?? cursor;
      const number = Math.floor(at / chunkBytes);
      const content = number > last ? Buffer.alloc(0) : await chunk(number);
      const start = Math.min(at - number * chunkBytes, content.length);
      const bytesRead = content.copy(buffer, offset, start, Math.min(content.length, start + length));
      if (position === null) cursor += bytesRead;
      return { bytesRead };
    },
  };
}

async function readHead(handle: FileHandle): Promise<Buffer> {
  const bytes = Buffer.alloc(headLimit);
  const length = await readFull(handle, bytes, 0);
  const end = bytes.subarray(0, length).indexOf(0x0a);
  if (end < 0) throw damaged();
  return bytes.subarray(0, end + 1);
}

function checkHead(head: Buffer, { ledgerKey }: UploadKey): Pick<Head, 'salt'> {
  let said: Partial<Record<keyof Head, unknown>> | null;
  try {
    said = JSON.parse(head.toString()) as Partial<Record<keyof Head, unknown>> | null;
  } catch {
    throw damaged();
  }
  const { salt, key_check: check } = said ?? {};
  if (said?.format !== format || said.version !== version || typeof salt !== 'string' || typeof check !== 'string') throw damaged();
  if (isSameKey(check, ledgerKey)) return { salt };
  throw structural(
    1,
    'upload_other_key',
    'The uploaded file was sealed under another ledger key. Bring that key back (LEDGER_KEY_FILE), or upload the file again.',
  );
}
