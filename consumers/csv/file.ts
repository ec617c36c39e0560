/**
 * The file as it is on disk: read in blocks of one MiB, hashed, and on a second reading held against the first,
 * block by block, before anybody sees a byte of the block.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { structural, StructuralError } from './structural-error.ts';

export const blockBytes = 1024 * 1024;

/**
 * @property sha256 of all bytes, hex
 * @property blockDigests one for each MiB, the last one perhaps in part: SHA-256 of everything from the file's first
 *   byte to the end of that block. Chained like this they cost one pass instead of two, and a short last block, which
 *   may be one row with a card number, has no digest of its own that could be guessed at.
 */
export interface FileDigest {
  readonly sha256: string;
  readonly bytes: number;
  readonly blockDigests: readonly string[];
}

/** What an earlier reading found. */
type ExpectedFile = Pick<FileDigest, 'sha256' | 'blockDigests'>;

/** The file is not what it was when it was read before. Nothing of the changed part was handed out. */
export class FileChangedError extends Error {
  readonly code = 'file_changed';
  readonly retryable = false;

  constructor(what: string) {
    super(`The file has changed since it was checked: ${what}. Restore the checked file, or check the new one.`);
    this.name = 'FileChangedError';
  }
}

export interface SourceFile {
  /** False for a pipe: it can be read once only. */
  readonly rereadable: boolean;
  /** The next block, or null at the end. The buffer is used again for the block after it. */
  readBlock(): Promise<Buffer | null>;
  /** How much of the file was read so far. */
  bytesRead(): number;
  /** Undefined until the end was reached. */
  digest(): FileDigest | undefined;
  close(): Promise<void>;
}

/** An open file, as far as it is needed here. */
export interface OpenedFile {
  /** @param position null for where the last such read ended; @returns 0 bytes at the end, and else perhaps fewer than asked */
  read(buffer: Buffer, offset: number, length: number, position: number | null): Promise<{ readonly bytesRead: number }>;
  stat(): Promise<{ isFile(): boolean; isDirectory(): boolean; isBlockDevice(): boolean }>;
  close(): Promise<void>;
}

/** Reads until the buffer is full or the file ends. @returns how many bytes it has */
export async function readFull(handle: Pick<OpenedFile, 'read'>, into: Buffer, position: number | null): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const from = position === null ? null : position + length;
    const { bytesRead } = await handle.read(into, length, into.length - length, from);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}

/** Opens a file for its bytes, in whatever form they are on disk. */
export type OpenFile = (path: string) => Promise<OpenedFile>;

/** A file that is on disk as it is. */
export const openPlain: OpenFile = (path) => open(path, constants.O_RDONLY);

/** @property open `openPlain` by default */
export interface SourceOptions {
  readonly open?: OpenFile;
  readonly expected?: ExpectedFile;
  readonly signal?: AbortSignal;
}

export async function openSource(path: string, { open: openFile, expected, signal }: SourceOptions = {}): Promise<SourceFile> {
  signal?.throwIfAborted();
  const { handle, rereadable } = await openReadable(path, openFile ?? openPlain);
  const whole = createHash('sha256');
  const blockDigests: string[] = [];
  const buffer = Buffer.allocUnsafeSlow(blockBytes);
  let bytes = 0;
  let digest: FileDigest | undefined;
  let closing: Promise<void> | undefined;

  const verify = (index: number, found: string): void => {
    if (expected === undefined || expected.blockDigests[index] === found) return;
    const longer = index >= expected.blockDigests.length;
    throw new FileChangedError(longer ? 'it is longer now' : `the bytes from ${index * blockBytes} on differ`);
  };

  const end = (): null => {
    if (bytes === 0) throw structural(1, 'file_empty', 'The file is empty: it needs a header line and rows.');
    const sha256 = whole.copy().digest('hex');
    if (expected !== undefined && (expected.blockDigests.length !== blockDigests.length || expected.sha256 !== sha256)) {
      throw new FileChangedError('it is shorter now');
    }
    digest = { sha256, bytes, blockDigests };
    return null;
  };

  return {
    rereadable,
    async readBlock() {
      if (digest !== undefined) return null;
      signal?.throwIfAborted();
      const length = await fill(handle, buffer);
      if (length === 0) return end();
      const block = buffer.subarray(0, length);
      whole.update(block);
      const found = whole.copy().digest('hex');
      verify(blockDigests.length, found);
      blockDigests.push(found);
      bytes += length;
      return block;
    },
    bytesRead: () => bytes,
    digest: () => digest,
    close: () => (closing ??= handle.close()),
  };
}

/** A pipe gives what it has: the block is only short at the end. */
const fill = (handle: OpenedFile, buffer: Buffer): Promise<number> =>
  readFull(handle, buffer, null).catch((error: unknown) => {
    throw unreadable(error);
  });

async function openReadable(path: string, openFile: OpenFile): Promise<{ handle: OpenedFile; rereadable: boolean }> {
  const handle = await openFile(path).catch((error: unknown) => {
    throw unreadable(error);
  });
  try {
    const stat = await handle.stat();
    if (stat.isDirectory()) throw structural(1, 'file_is_directory', 'This is a directory: give the path of the CSV file in it.');
    if (stat.isBlockDevice()) throw structural(1, 'file_unreadable', 'This is a disk, not a file: give the path of a CSV file.');
    return { handle, rereadable: stat.isFile() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function unreadable(error: unknown): Error {
  if (error instanceof StructuralError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  if (code === 'ENOENT' || code === 'ENOTDIR') return structural(1, 'file_missing', 'File not found: check its name and folder.');
  if (code === 'EACCES' || code === 'EPERM')
    return structural(1, 'file_unreadable', 'Permission denied: give this user permission to read the file.');
  if (code === 'EISDIR') return structural(1, 'file_is_directory', 'This is a directory: give the path of the CSV file in it.');
  return structural(1, 'file_unreadable', `The file cannot be read (${code}).`);
}
