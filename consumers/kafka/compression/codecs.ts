/**
 * How compressed batches are unpacked: gzip and zstd by Node.js, snappy and LZ4 by ourselves, so that there is no
 * codec of Kafka that we do not know. What is damaged, or would unpack to more than `maxUnpackedBytes`, becomes
 * records that say so (see `poison-batch.ts`): one bad batch must not end a process that pays.
 */
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import { unpackLz4 } from './lz4.ts';
import { placeholders } from '../poison-batch.ts';
import { unpackSnappy } from './snappy.ts';

/** A batch has 1 MB by default and instructions pack to a tenth or so; this holds whatever is honest. */
const maxUnpackedBytes = 64 * 1024 ** 2;

const gunzipAsync = promisify(gunzip);
const zstdAsync = promisify(zstdDecompress);

type CodecName = 'gzip' | 'snappy' | 'lz4' | 'zstd';

const unpackers: Readonly<Record<CodecName, { readonly id: number; readonly unpack: (packed: Buffer) => Buffer | Promise<Buffer> }>> = {
  gzip: { id: 1, unpack: (packed) => gunzipAsync(packed, { maxOutputLength: maxUnpackedBytes }) },
  snappy: { id: 2, unpack: (packed) => unpackSnappy(packed, maxUnpackedBytes) },
  lz4: { id: 3, unpack: (packed) => unpackLz4(packed, maxUnpackedBytes) },
  zstd: { id: 4, unpack: (packed) => zstdAsync(packed, { maxOutputLength: maxUnpackedBytes }) },
};

/**
 * The records of a batch, unpacked, or stand-ins for them.
 *
 * @param packed a view on the fetched batch, right behind its header
 * @throws {Error} when it cannot be unpacked and nothing is known of the batch either
 */
export async function unpackRecords(name: CodecName, packed: Buffer): Promise<Buffer> {
  const { id, unpack } = unpackers[name];
  try {
    return await unpack(packed);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const records = placeholders(packed, id, name, why);
    if (records === undefined) throw new Error(`a batch compressed with ${name} cannot be decompressed: ${why}`, { cause });
    return records;
  }
}
