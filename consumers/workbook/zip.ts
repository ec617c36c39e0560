/** The parts of a zip archive, found in its directory and unpacked as a stream, within bounds and held against their checksums. */
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { bomb, damaged, encrypted } from './faults.ts';
import type { VerifiedFile } from './verified-file.ts';

/** Spreadsheets compress to a tenth or a fiftieth; beyond a harmless size a higher ratio than this is no payout file. */
export interface ZipLimits {
  readonly maxRatio: number;
  readonly ratioFromBytes: number;
  /** Of one part, unpacked. */
  readonly maxBytes: number;
  /** Of all parts together, each as often as it is read. */
  readonly maxTotalBytes?: number;
}

export const zipLimits: ZipLimits = { maxRatio: 200, ratioFromBytes: 64 * 1024 ** 2, maxBytes: 4 * 1024 ** 3 };

export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly localAt: number;
}

export interface Zip {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  content(entry: ZipEntry): AsyncGenerator<Buffer>;
}

const signatures = { end: 0x06054b50, entry: 0x02014b50, local: 0x04034b50, end64: 0x06064b50, locator64: 0x07064b50 } as const;
const sizes = { end: 22, entry: 46, local: 30, end64: 56, locator64: 20 } as const;
const maxComment = 65_535;
const maxEntries = 2_000;
const maxDirectoryBytes = 4 * 1024 ** 2;
const full32 = 0xffffffff;

/** @throws StructuralError when its directory cannot be read */
export async function openZip(file: VerifiedFile, limits: ZipLimits = zipLimits): Promise<Zip> {
  try {
    const entries = await readDirectory(file);
    const total = { bytes: 0 };
    return { entries, content: (entry) => unpack({ file, entry, limits, total }) };
  } catch (error) {
    // Of a place outside of the file.
    throw error instanceof RangeError ? damaged('its directory points outside of the file') : error;
  }
}

async function readDirectory(file: VerifiedFile): Promise<ReadonlyMap<string, ZipEntry>> {
  const { at, bytes, count } = await findDirectory(file);
  if (count > maxEntries || bytes > maxDirectoryBytes) throw bomb();
  const directory = await file.read(at, bytes);
  const entries = new Map<string, ZipEntry>();
  for (let from = 0, index = 0; index < count; index += 1) {
    if (directory.readUInt32LE(from) !== signatures.entry) throw damaged('an entry of its directory is missing');
    if ((directory.readUInt16LE(from + 8) & 1) === 1) throw encrypted();
    const nameEnd = from + sizes.entry + directory.readUInt16LE(from + 28);
    const extraEnd = nameEnd + directory.readUInt16LE(from + 30);
    const name = directory.toString('utf8', from + sizes.entry, nameEnd);
    if (entries.has(name)) throw damaged('it has two parts of one name');
    const large = largeSizes(directory.subarray(nameEnd, extraEnd));
    const field = (offset: number): number => {
      const value = directory.readUInt32LE(from + offset);
      return value === full32 ? large() : value;
    };
    // The order of the large sizes: unpacked, packed, place.
    const unpackedBytes = field(24);
    const packedBytes = field(20);
    const localAt = field(42);
    entries.set(name, {
      name,
      method: directory.readUInt16LE(from + 10),
      crc: directory.readUInt32LE(from + 16),
      packedBytes,
      unpackedBytes,
      localAt,
    });
    from = extraEnd + directory.readUInt16LE(from + 32);
  }
  return entries;
}

/** Sizes of 64 bits are in the extra field of the entry, in the order in which the entry has none. */
function largeSizes(extra: Buffer): () => number {
  let at = 0;
  while (at + 4 <= extra.length && extra.readUInt16LE(at) !== 1) at += 4 + extra.readUInt16LE(at + 2);
  at += 4;
  return () => {
    const value = Number(extra.readBigUInt64LE(at));
    at += 8;
    return value;
  };
}

async function findDirectory(file: VerifiedFile): Promise<{ readonly at: number; readonly bytes: number; readonly count: number }> {
  const { bytes: fileBytes } = file.digest;
  const from = Math.max(0, fileBytes - sizes.end - maxComment - sizes.locator64);
  const tail = await file.read(from, fileBytes - from);
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(signatures.end);
  const end = tail.lastIndexOf(signature);
  if (end === -1 || end + sizes.end > tail.length || end + sizes.end + tail.readUInt16LE(end + 20) !== tail.length) {
    throw damaged('it was truncated in transfer');
  }
  const count = tail.readUInt16LE(end + 10);
  const bytes = tail.readUInt32LE(end + 12);
  const at = tail.readUInt32LE(end + 16);
  const locator = end - sizes.locator64;
  if (locator < 0 || tail.readUInt32LE(locator) !== signatures.locator64) return { at, bytes, count };
  const large = await file.read(Number(tail.readBigUInt64LE(locator + 8)), sizes.end64);
  if (large.readUInt32LE(0) !== signatures.end64) throw damaged('the end of its directory is missing');
  return { at: Number(large.readBigUInt64LE(48)), bytes: Number(large.readBigUInt64LE(40)), count: Number(large.readBigUInt64LE(32)) };
}

interface UnpackParams {
  readonly file: VerifiedFile;
  readonly entry: ZipEntry;
  readonly limits: ZipLimits;
  /** What has been unpacked of the archive. */
  readonly total: { bytes: number };
}

async function* unpack({ file, entry, limits, total }: UnpackParams): AsyncGenerator<Buffer> {
  const { name, packedBytes, localAt, method } = entry;
  const local = await file.read(localAt, sizes.local);
  if (local.length < sizes.local || local.readUInt32LE(0) !== signatures.local) throw damaged('a part is not where its directory says');
  const nameLength = local.readUInt16LE(26);
  const names = await file.read(localAt + sizes.local, nameLength);
  if (names.toString('utf8') !== name) throw damaged('a part is not the one that its directory says');
  const start = localAt + sizes.local + nameLength + local.readUInt16LE(28);
  if (start + packedBytes > file.digest.bytes) throw damaged('it was truncated in transfer');
  if (method !== 0 && method !== 8) throw damaged('it is packed in a way that spreadsheets do not use');
  const packed = file.pieces(start, packedBytes);
  let crc = 0;
  let bytes = 0;
  for await (const chunk of method === 0 ? packed : inflate(packed, packedBytes)) {
    bytes += chunk.length;
    total.bytes += chunk.length;
    if (bytes > limits.maxBytes || (bytes > limits.ratioFromBytes && bytes > packedBytes * limits.maxRatio)) throw bomb();
    if (total.bytes > (limits.maxTotalBytes ?? Infinity)) throw bomb();
    // What the directory says bounds what a reader keeps.
    if (bytes > entry.unpackedBytes) throw damaged('a part is larger than its directory says');
    crc = crc32(chunk, crc);
    yield chunk;
  }
  if (crc !== entry.crc || bytes !== entry.unpackedBytes) throw damaged('a part does not match its checksum');
}

async function* inflate(packed: AsyncGenerator<Buffer>, packedBytes: number): AsyncGenerator<Buffer> {
  const engine = createInflateRaw({ chunkSize: 128 * 1024 });
  const fault: { cause?: unknown } = {};
  const copies = async function* () {
    // The engine may still hold a piece when the next one is read into the same memory.
    for await (const piece of packed) yield Buffer.from(piece);
  };
  const feeding = pipeline(Readable.from(copies(), { objectMode: true, highWaterMark: 1 }), engine).catch((cause: unknown) => {
    fault.cause ??= cause;
  });
  try {
    for await (const chunk of engine as AsyncIterable<Buffer>) yield chunk;
    if (engine.bytesWritten !== packedBytes) throw damaged('a part is longer than what is packed in it');
  } catch (error) {
    const cause = fault.cause ?? error;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    throw code.startsWith('Z_') ? damaged('a part cannot be unpacked') : cause;
  } finally {
    engine.destroy();
    await feeding;
  }
}
