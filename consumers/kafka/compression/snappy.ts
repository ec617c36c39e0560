/**
 * Unpacks snappy, raw as librdkafka writes it or in the blocks of the Java client ("xerial").
 * The format: https://github.com/google/snappy/blob/main/format_description.txt
 */
import { BoundedOutput, UnpackError } from './bounded-output.ts';

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
/** The magic, the version, and the oldest version that can read it. */
const xerialHeaderBytes = 16;

/** @throws {UnpackError} when damaged, or when it unpacks to more than `maxBytes` */
export function unpackSnappy(packed: Buffer, maxBytes: number): Buffer {
  const isXerial = packed.subarray(0, xerialMagic.length).equals(xerialMagic);
  if (!isXerial) return unpackBlock(packed, maxBytes);
  const blocks: Buffer[] = [];
  let bytes = 0;
  for (let at = xerialHeaderBytes; at < packed.length;) {
    if (at + 4 > packed.length) throw truncated();
    const size = packed.readInt32BE(at);
    at += 4;
    if (size < 0 || at + size > packed.length) throw truncated();
    const block = unpackBlock(packed.subarray(at, at + size), maxBytes - bytes);
    blocks.push(block);
    bytes += block.length;
    at += size;
  }
  return Buffer.concat(blocks, bytes);
}

function unpackBlock(block: Buffer, maxBytes: number): Buffer {
  const { value: length, next } = readLength(block);
  if (length > maxBytes) throw new UnpackError(`it decompresses to more than ${maxBytes} bytes`);
  // The bound is what the block itself claims, so nothing can grow beyond it.
  const output = new BoundedOutput(length);
  let at = next;
  while (at < block.length) {
    const tag = block[at] as number;
    const kind = tag & 3;
    if (kind === 0) {
      const { count, from } = readLiteral(block, at);
      if (from + count > block.length) throw truncated();
      output.append(block.subarray(from, from + count));
      at = from + count;
    } else {
      const tagBytes = kind === 1 ? 2 : kind === 2 ? 3 : 5;
      if (at + tagBytes > block.length) throw truncated();
      if (kind === 1) output.repeat(((tag >> 5) << 8) | (block[at + 1] as number), ((tag >> 2) & 7) + 4);
      else output.repeat(kind === 2 ? block.readUInt16LE(at + 1) : block.readUInt32LE(at + 1), (tag >> 2) + 1);
      at += tagBytes;
    }
  }
  if (output.length !== length) throw truncated();
  return output.finished();
}

/** A literal's length is in its tag, or in the 1 to 4 bytes behind it. */
function readLiteral(block: Buffer, at: number): { readonly count: number; readonly from: number } {
  const short = (block[at] as number) >> 2;
  if (short < 60) return { count: short + 1, from: at + 1 };
  const bytes = short - 59;
  if (at + 1 + bytes > block.length) throw truncated();
  return { count: block.readUIntLE(at + 1, bytes) + 1, from: at + 1 + bytes };
}

function readLength(block: Buffer): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let index = 0; index < 5; index++) {
    const byte = block[index];
    if (byte === undefined) throw truncated();
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, next: index + 1 };
  }
  throw new UnpackError('its length is not a number');
}

const truncated = (): UnpackError => new UnpackError('it is truncated or damaged');
