/** Gzip as it comes over the fence: several members, cut off, with something behind it, or built to burst. */
import { createGunzip, type Gunzip } from 'node:zlib';
import type { SourceFile } from './file.ts';
import { structural, type StructuralError } from './structural-error.ts';

/**
 * Payout files compress to a tenth or a fifteenth. Deflate reaches 1:1032 only on what says nothing, so beyond a
 * harmless size a ratio of 200 is no payout file; the last bound holds whatever the ratio.
 */
export interface GzipLimits {
  readonly maxRatio: number;
  readonly ratioFromBytes: number;
  readonly maxBytes: number;
}

const gzipLimits: GzipLimits = { maxRatio: 200, ratioFromBytes: 64 * 1024 ** 2, maxBytes: 16 * 1024 ** 3 };

export const isGzip = (head: Buffer): boolean => head[0] === 0x1f && head[1] === 0x8b;

/** @param first the block already read from `source` */
export async function* gunzip(
  first: Buffer,
  source: Pick<SourceFile, 'readBlock'>,
  limits: GzipLimits = gzipLimits,
): AsyncGenerator<Buffer> {
  const engine = createGunzip({ chunkSize: 256 * 1024 });
  const closed = new Promise<void>((resolve) => engine.once('close', resolve));
  let fed = 0;
  let unpacked = 0;
  const feed = async (): Promise<void> => {
    for (let block: Buffer | null = first; block !== null; block = await source.readBlock()) {
      fed += block.length;
      // The engine stops at zeros behind the last member and then never answers.
      await Promise.race([write(engine, block), closed]);
      if (engine.destroyed) return;
    }
    engine.end();
  };
  // A fault of the file itself travels through the engine to its reader.
  const feeding = feed().catch((error: unknown) => engine.destroy(error instanceof Error ? error : new Error(String(error))));
  try {
    for await (const chunk of engine as AsyncIterable<Buffer>) {
      unpacked += chunk.length;
      if ((unpacked > limits.ratioFromBytes && unpacked > fed * limits.maxRatio) || unpacked > limits.maxBytes) throw bomb(unpacked, fed);
      yield chunk;
    }
    if (engine.bytesWritten < fed) throw trailing();
  } catch (error) {
    throw named(error);
  } finally {
    engine.destroy();
    // The next reader of the source must not meet the feeder there.
    await feeding;
  }
}

const write = (engine: Gunzip, block: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    engine.write(block, (error) => (error ? reject(error) : resolve()));
  });

const trailing = (): StructuralError =>
  structural(
    1,
    'gzip_trailing_garbage',
    'The gzip data is followed by data that is not gzip: compress the file again, or unpack it first.',
  );

const bomb = (unpacked: number, fed: number): StructuralError =>
  structural(
    1,
    'gzip_bomb',
    `The file unpacks to more than ${unpacked} bytes from ${fed}, which no payout file does. Unpack it and inspect it, or split it.`,
  );

function named(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!(error instanceof Error) || !code.startsWith('Z_')) return error;
  if (code === 'Z_BUF_ERROR') {
    return structural(
      1,
      'gzip_truncated',
      'The gzip data ends early: the file was truncated in transfer (or a stray byte was added). Fetch it again.',
    );
  }
  // The first member has the magic, else we would not be here; so this is said of what follows a member.
  if (error.message === 'incorrect header check') return trailing();
  return structural(1, 'gzip_damaged', `The gzip data is damaged (${error.message}): fetch the file again.`);
}
