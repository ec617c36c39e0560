/**
 * Unpacks LZ4 frames, with independent and with linked blocks. Checksums are not looked at: the broker has checked
 * the batch, and TCP its way here. The format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
import { BoundedOutput, UnpackError } from './bounded-output.ts';

const frameMagic = 0x184d2204;
const flags = { blockChecksum: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 } as const;
/** Set in a block's size when its bytes are not packed. */
const storedBit = 0x80000000;
const leastMatch = 4;

/** @throws {UnpackError} when damaged, or when it unpacks to more than `maxBytes` */
export function unpackLz4(packed: Buffer, maxBytes: number): Buffer {
  const output = new BoundedOutput(maxBytes);
  for (let at = 0; at < packed.length;) at = unpackFrame(packed, at, output);
  return output.finished();
}

function unpackFrame(packed: Buffer, start: number, output: BoundedOutput): number {
  if (start + 7 > packed.length) throw truncated();
  if (packed.readUInt32LE(start) !== frameMagic) throw new UnpackError('it does not start with the header of an LZ4 frame');
  const flag = packed[start + 4] as number;
  if (flag >> 6 !== 1) throw new UnpackError('it is an LZ4 frame of an unknown version');
  if ((flag & flags.dictionary) !== 0) throw new UnpackError('it was compressed with a dictionary');
  // Magic, flags, block size, perhaps the content's size, and the header's checksum.
  let at = start + 6 + ((flag & flags.contentSize) === 0 ? 0 : 8) + 1;
  for (;;) {
    if (at + 4 > packed.length) throw truncated();
    const field = packed.readUInt32LE(at);
    at += 4;
    if (field === 0) break;
    const size = field & ~storedBit;
    if (at + size > packed.length) throw truncated();
    const block = packed.subarray(at, at + size);
    if (field >= storedBit) output.append(block);
    else unpackBlock(block, output);
    at += size + ((flag & flags.blockChecksum) === 0 ? 0 : 4);
  }
  return at + ((flag & flags.contentChecksum) === 0 ? 0 : 4);
}

/** Sequences of literals and a match; the last one has no match. */
function unpackBlock(block: Buffer, output: BoundedOutput): void {
  let at = 0;
  const readLength = (nibble: number): number => {
    let length = nibble;
    if (nibble < 15) return length;
    for (;;) {
      const more = block[at++];
      if (more === undefined) throw truncated();
      length += more;
      if (more < 255) return length;
    }
  };
  while (at < block.length) {
    const token = block[at++] as number;
    const literals = readLength(token >> 4);
    if (at + literals > block.length) throw truncated();
    output.append(block.subarray(at, at + literals));
    at += literals;
    if (at === block.length) return;
    if (at + 2 > block.length) throw truncated();
    const distance = block.readUInt16LE(at);
    at += 2;
    output.repeat(distance, readLength(token & 15) + leastMatch);
  }
}

const truncated = (): UnpackError => new UnpackError('it is truncated or damaged');
