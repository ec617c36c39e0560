/**
 * A file that is read out of order, as a zip archive must be. It is hashed whole first; each block that is read afterwards is
 * compared with what was hashed, so that no byte is used that does not belong to the hash.
 */
import { createHash } from 'node:crypto';
import {
  blockBytes,
  FileChangedError,
  openPlain,
  openSource,
  readFull,
  type FileDigest,
  type OpenedFile,
  type SourceOptions,
} from '../csv/file.ts';

export interface VerifiedFile {
  readonly digest: FileDigest;
  /** @returns fewer bytes only at the end of the file */
  read(at: number, length: number): Promise<Buffer>;
  /** The bytes from `at` on, in pieces that are only valid until the next one. */
  pieces(at: number, length: number): AsyncGenerator<Buffer>;
  /** How far into the file the last read went. */
  bytesRead(): number;
  close(): Promise<void>;
}

/**
 * @param onBlock receives each block as it is hashed
 * @throws FileChangedError when it is not what an earlier reading found
 */
export async function openVerified(
  path: string,
  options: SourceOptions = {},
  onBlock: (block: Buffer) => void = () => undefined,
): Promise<VerifiedFile> {
  const { digest, digests } = await hashWhole(path, options, onBlock);
  const handle = await (options.open ?? openPlain)(path);
  const blocks = createBlocks(handle, digests, options.signal);
  let furthest = 0;
  return {
    digest,
    async read(at, length) {
      const parts: Buffer[] = [];
      for await (const piece of blocks(at, Math.min(length, digest.bytes - at))) parts.push(Buffer.from(piece));
      return Buffer.concat(parts);
    },
    async *pieces(at, length) {
      for await (const piece of blocks(at, Math.min(length, digest.bytes - at))) {
        furthest += piece.length;
        yield piece;
      }
    },
    bytesRead: () => Math.min(furthest, digest.bytes),
    close: () => handle.close(),
  };
}

async function hashWhole(path: string, options: SourceOptions, onBlock: (block: Buffer) => void) {
  const source = await openSource(path, options);
  try {
    const digests: string[] = [];
    for (let block = await source.readBlock(); block !== null; block = await source.readBlock()) {
      digests.push(digestOf(block));
      onBlock(block);
    }
    const digest = source.digest();
    if (digest === undefined) throw new Error('the file was not read to its end');
    return { digest, digests };
  } finally {
    await source.close();
  }
}

const digestOf = (block: Buffer): string => createHash('sha256').update(block).digest('base64');

function createBlocks(handle: OpenedFile, digests: readonly string[], signal: AbortSignal | undefined) {
  return async function* pieces(at: number, length: number): AsyncGenerator<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(blockBytes);
    for (let left = length; left > 0;) {
      signal?.throwIfAborted();
      const index = Math.floor(at / blockBytes);
      const block = buffer.subarray(0, await readFull(handle, buffer, index * blockBytes));
      if (digestOf(block) !== digests[index]) throw new FileChangedError(`the bytes from ${index * blockBytes} on differ`);
      const start = at - index * blockBytes;
      const piece = block.subarray(start, start + left);
      if (piece.length === 0) return;
      yield piece;
      at += piece.length;
      left -= piece.length;
    }
  };
}
