import { Partitioners } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { murmur2, partitionOf } from '../../../producers/kafka/murmur2.ts';

describe('murmur2', () => {
  // The values of Kafka's own test of its Java implementation.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('of %s equals the result of the Java client', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash);
  });

  it('reads a view of a larger buffer', () => {
    const padded = Buffer.from('xxfoobarxx');
    expect(murmur2(padded.subarray(2, 8))).toBe(-790332482);
  });

  it('any bytes fall into the partition that another implementation chooses', () => {
    const other = Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: 12 }, (_, partitionId) => ({
      partitionId,
      partitionErrorCode: 0,
      leader: 1,
      replicas: [1],
      isr: [1],
    }));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 70 }), (bytes) => {
        const key = Buffer.from(bytes);
        expect(partitionOf(bytes, 12)).toBe(other({ topic: 't', partitionMetadata, message: { key, value: null } }));
      }),
    );
  });
});
