import fc from 'fast-check';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BoundedOutput, UnpackError } from '../../../../consumers/kafka/compression/bounded-output.ts';
import { unpackRecords } from '../../../../consumers/kafka/compression/codecs.ts';
import { unpackLz4 } from '../../../../consumers/kafka/compression/lz4.ts';
import { poisonOf } from '../../../../consumers/kafka/poison-batch.ts';
import { unpackSnappy } from '../../../../consumers/kafka/compression/snappy.ts';

const megabyte = 1024 ** 2;

/** The records of the same twelve messages, packed by librdkafka and by the broker (Java). */
const packed = {
  snappyRaw:
    'pgNIGAAAAAEMaW52LTAgACAAAAIBFAENRDEgcGF5IAAoAAAEARxpbnYtMgURBRUUMAAABgEkARUAMwURARUBBBgAOAAACAEsARkANAURARURBBgAQAAACgE0AR0ANRUVER0BCBgASAAADAE8ASEANgURARU+BAAYAFAAAA4BRAElADdCHQAuLQAYAFgAABABTAEpADgyGQAuJQARDBgAYAAAEgFUAS0AORUVER1OCAAYAGoAABQBXgExBDEwUiIAUjYAFHIAABYBZgU2KWBOJgBOFAAAAA==',
  snappyXerial:
    'glNOQVBQWQAAAAABAAAAAQAAANWmA0gYAAAAAQxpbnYtMCAAIAAAAgEUAQ0wMSBwYXkgACgAAAQBHAERADIFEQUVFDAAAAYBJAEVADMFEQEVAQQYADgAAAgBLAEZADQFEQEVEQQYAEAAAAoBNAEdADUVFREdAQgYAEgAAAwBPAEhADYFEQEVPgQAGABQAAAOAUQBJQA3Qh0ALi0AGABYAAAQAUwBKQA4MhkALiUAEQwYAGAAABIBVAEtADkVFREdTggAGABqAAAUAV4BMQQxMFIiAFI2ABRyAAAWAWYFNilgTiYAThQAAAA=',
  lz4: 'BCJNGGBAgs0AAADwBBgAAAABDGludi0wIAAgAAACARQNANAxIHBheSAAKAAABAEcEQARMhEAARUAYDAAAAYBJBUAFTMVAAEZAGA4AAAIASwZABk0GQABHQBgQAAACgE0HQAdNR0AASEAYEgAAAwBPCEAHzYhAAIBJQBgUAAADgFEJQAfNyUABgEpAGBYAAAQAUwpAB84KQAKAS0AYGAAABIBVC0AHzktAA4BMQBgagAAFAFeMQAvMTAyABIBNgBhcgAAFgFmNgACYAEAFgAPBAANUHBheSAAAAAAAA==',
} as const;
const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64');

describe.each([
  ['snappy as librdkafka writes it', unpackSnappy, bytes(packed.snappyRaw)],
  ['snappy as Java writes it', unpackSnappy, bytes(packed.snappyXerial)],
  ['LZ4', unpackLz4, bytes(packed.lz4)],
])('%s', (_name, unpack, good) => {
  const plain = unpack(good, megabyte);

  it('decompresses what the reference library compressed', () => {
    expect(plain).toHaveLength(422);
    expect(plain.toString('latin1')).toContain(`inv-11 ${'pay '.repeat(11)}`);
    expect(plain.toString('latin1').match(/inv-\d+/g)).toEqual(Array.from({ length: 12 }, (_, index) => `inv-${index}`));
  });

  it('unpacks to no more than the bound', () => {
    expect(unpack(good, 422)).toEqual(plain);
    expect(() => unpack(good, 421)).toThrow(UnpackError);
  });

  it('is damaged when it is cut off anywhere', () => {
    const isTrailer = (end: number): boolean => unpack === unpackLz4 && end >= good.length - 1;
    for (let end = 1; end < good.length; end++) {
      if (isTrailer(end)) continue;
      let result: Buffer | undefined;
      try {
        result = unpack(good.subarray(0, end), megabyte);
      } catch (cause) {
        expect(cause).toBeInstanceOf(UnpackError);
      }
      expect(result?.equals(plain), `cut off at ${end}`).not.toBe(true);
    }
  });

  it('fails in no other way, whatever is changed or made up', () => {
    const survives = (given: Buffer): void => {
      try {
        expect(unpack(given, 64 * 1024).length).toBeLessThanOrEqual(64 * 1024);
      } catch (cause) {
        expect(cause).toBeInstanceOf(UnpackError);
      }
    };
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(good);
        changed[at] = byte;
        survives(changed);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
        survives(Buffer.from(garbage));
        survives(Buffer.concat([good.subarray(0, 20), garbage]));
      }),
      { numRuns: 1_000 },
    );
  });
});

it('an overlapping copy repeats the bytes before it', () => {
  const output = new BoundedOutput(megabyte);
  output.append(Buffer.from('abc'));
  output.repeat(3, 100_000);
  output.repeat(1, 3);
  expect(output.finished().toString()).toBe(`${'abc'.repeat(33_334)}a`.slice(0, 100_003) + 'aaa');
  expect(() => output.repeat(200_000, 1)).toThrow(UnpackError);
  expect(() => output.repeat(0, 1)).toThrow(UnpackError);
  expect(() => output.append(Buffer.alloc(megabyte))).toThrow(UnpackError);
});

it('unpacks blocks of LZ4 that refer to the ones before, that are stored, and that carry checksums', () => {
  const block = (content: readonly number[], isStored = false): Buffer => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(isStored ? (content.length | 0x80000000) >>> 0 : content.length);
    return Buffer.concat([size, Buffer.from(content), Buffer.from([1, 2, 3, 4])]);
  };
  // Version 1, block checksums, a content size, a content checksum.
  const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x5c, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0x99]);
  const frame = Buffer.concat([
    header,
    block([0x61, 0x62, 0x63, 0x64], true),
    // No literals, six bytes from four back; then the literal "z".
    block([0x02, 4, 0, 0x10, 0x7a]),
    Buffer.from([0, 0, 0, 0, 9, 9, 9, 9]),
  ]);
  expect(unpackLz4(frame, megabyte).toString()).toBe('abcdabcdabz');
});

/** A batch as it is on a topic: its header, and packed records behind it. */
function batch(content: Buffer, { codec = 1, count = 3, lastDelta = 2, baseOffset = 40n, magic = 2 } = {}): Buffer {
  const header = Buffer.alloc(61);
  header.writeBigInt64BE(baseOffset, 0);
  header.writeInt32BE(49 + content.length, 8);
  header[16] = magic;
  header.writeInt16BE(codec, 21);
  header.writeInt32BE(lastDelta, 23);
  header.writeInt32BE(count, 57);
  return Buffer.concat([Buffer.from('what was fetched before'), header, content]);
}
const recordsOf = (whole: Buffer, content: Buffer): Buffer => whole.subarray(whole.length - content.length);

/** Reads the fields of records as a client does. */
function decode(records: Buffer, count: number) {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = records[at++] as number;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
  };
  const found = Array.from({ length: count }, () => {
    const length = varint();
    const end = at + length;
    at += 2;
    const delta = varint();
    const keyLength = varint();
    const valueLength = varint();
    const value = records.subarray(at, (at += valueLength));
    expect([keyLength, varint(), at]).toEqual([-1, 0, end]);
    return { delta, value };
  });
  expect(at).toBe(records.length);
  return found;
}

describe('batches that cannot be unpacked', () => {
  const bad = Buffer.from('this is not packed at all');

  it('become records that say so, at their offsets, the first with the whole batch', async () => {
    const whole = batch(bad, { count: 3, lastDelta: 9 });
    const found = decode(await unpackRecords('gzip', recordsOf(whole, bad)), 3);
    expect(found.map(({ delta }) => delta)).toEqual([0, 1, 9]);
    expect(found[0]?.value).toEqual(whole.subarray('what was fetched before'.length));
    for (const { value } of found) {
      expect(poisonOf(value)).toEqual({
        reason: 'unreadable_batch',
        message: 'The batch of 3 records at offsets 40 to 49, compressed with gzip, cannot be decompressed: incorrect header check.',
      });
    }
  });

  it.each([
    ['gzip', 1],
    ['snappy', 2],
    ['lz4', 3],
    ['zstd', 4],
  ] as const)('%s', async (name, codec) => {
    const found = decode(await unpackRecords(name, recordsOf(batch(bad, { codec }), bad)), 3);
    expect(poisonOf(found[2]?.value ?? null)?.message).toContain(`compressed with ${name}`);
  });

  it.each([
    ['gzip', 1, gzipSync],
    ['zstd', 4, zstdCompressSync],
  ] as const)('%s that would burst memory', async (name, codec, pack) => {
    const bomb = pack(Buffer.alloc(65 * megabyte));
    const found = decode(await unpackRecords(name, recordsOf(batch(bomb, { codec, count: 1, lastDelta: 0 }), bomb)), 1);
    expect(poisonOf(found[0]?.value ?? null)?.message).toContain('larger than 67108864 bytes');
  });

  it('are known by nothing that a producer can write', async () => {
    const whole = batch(bad);
    const [first] = decode(await unpackRecords('gzip', recordsOf(whole, bad)), 3);
    expect(poisonOf(Buffer.from(first?.value ?? []))).toBeUndefined();
    expect(poisonOf(null)).toBeUndefined();
  });

  it('end the reading when nothing is known of them', async () => {
    for (const wrong of [{ magic: 1 }, { codec: 2 }, { count: 0 }, { count: 4, lastDelta: 2 }]) {
      await expect(unpackRecords('gzip', recordsOf(batch(bad, wrong), bad))).rejects.toThrow('cannot be decompressed');
    }
    await expect(unpackRecords('gzip', Buffer.from(new Uint8Array(bad)))).rejects.toThrow('cannot be decompressed');
  });
});
