/**
 * A batch that cannot be unpacked, as records that say so.
 *
 * The client hands a codec nothing but the packed bytes, and ends with the whole consumer when the codec throws. But
 * those bytes are a view on the fetched batch, so its header can be read right before them; and what the codec
 * returns is taken for the batch's records. So a broken batch becomes as many records as its header counts, at its
 * offsets, and reading continues after it. They are known by the memory they lie in, which no producer can imitate.
 */
import type { Poison } from './topic-record.ts';

/** Up to and with the count of records; the packed records follow. */
const headerBytes = 61;
/** What `length` does not count: the base offset and itself. */
const uncountedBytes = 12;
const at = { length: 8, magic: 16, attributes: 21, lastOffsetDelta: 23, count: 57 } as const;
const codecMask = 7;

interface BatchHeader {
  readonly baseOffset: bigint;
  readonly lastOffsetDelta: number;
  readonly count: number;
  /** The whole batch as it is on the topic. */
  readonly bytes: Buffer;
}

const poisons = new WeakMap<ArrayBufferLike, Poison>();

/** The header before these packed records; undefined when there is none (a format older than Kafka 0.11). */
function headerBefore(packed: Buffer, codec: number): BatchHeader | undefined {
  if (packed.byteOffset < headerBytes) return undefined;
  const bytes = Buffer.from(packed.buffer, packed.byteOffset - headerBytes, headerBytes + packed.length);
  const count = bytes.readInt32BE(at.count);
  const lastOffsetDelta = bytes.readInt32BE(at.lastOffsetDelta);
  const isHeader =
    bytes[at.magic] === 2 &&
    bytes.readInt32BE(at.length) === bytes.length - uncountedBytes &&
    (bytes.readInt16BE(at.attributes) & codecMask) === codec &&
    count >= 1 &&
    count - 1 <= lastOffsetDelta;
  return isHeader ? { baseOffset: bytes.readBigInt64BE(0), lastOffsetDelta, count, bytes } : undefined;
}

/**
 * Records to stand in for those of a batch, as bytes in the format of a batch; undefined when nothing is known of it.
 * Of a compacted batch only the number of the records and the last offset are known; the others are numbered from
 * its first.
 *
 * @param packed as the client gave it, a view on the fetched batch
 * @param codec as in the batch's attributes
 */
export function placeholders(packed: Buffer, codec: number, codecName: string, why: string): Buffer | undefined {
  const header = headerBefore(packed, codec);
  if (header === undefined) return undefined;
  const { baseOffset, lastOffsetDelta, count } = header;
  const last = baseOffset + BigInt(lastOffsetDelta);
  const message = `The batch of ${count} records at offsets ${baseOffset} to ${last}, compressed with ${codecName}, cannot be decompressed: ${why}.`;
  const parts: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const delta = index === count - 1 ? lastOffsetDelta : index;
    const value = index === 0 ? header.bytes : Buffer.alloc(0);
    const record = Buffer.concat([Buffer.from([0, 0]), varint(delta), varint(-1), varint(value.length), value, varint(0)]);
    parts.push(varint(record.length), record);
  }
  // Memory of its own, not a part of the pool that other buffers share.
  const bytes = Buffer.from(new ArrayBuffer(parts.reduce((sum, part) => sum + part.length, 0)));
  let end = 0;
  for (const part of parts) end += part.copy(bytes, end);
  poisons.set(bytes.buffer, { reason: 'unreadable_batch', message });
  return bytes;
}

/** What is wrong with the record that has this value; undefined when nothing is. */
export const poisonOf = (value: Buffer | null): Poison | undefined => (value === null ? undefined : poisons.get(value.buffer));

/** Zigzag, in groups of 7 bits. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = ((value << 1) ^ (value >> 31)) >>> 0;
  while (left >= 0x80) {
    bytes.push((left & 0x7f) | 0x80);
    left >>>= 7;
  }
  bytes.push(left);
  return Buffer.from(bytes);
}
