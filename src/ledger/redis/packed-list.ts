/** The packed records of a batch, from the buckets that it has any in. */
import type { LedgerContext } from './context.ts';
import { bucketCount } from './key-names.ts';
import { templateOfPacked } from './packed-record.ts';
import type { StoredRecord } from './record-codec.ts';
import type { RecordReads } from './stored-record.ts';

export type PackedReads = RecordReads & Pick<LedgerContext, 'readRecord'>;

export interface PackedBucket {
  readonly shard: number;
  readonly bucket: number;
}

export interface PackedMember extends PackedBucket {
  readonly recordId: string;
  readonly stored: StoredRecord;
}

/** The bucket in the order of all shards and buckets, from 0. */
export const ordinalOf = ({ shard, bucket }: PackedBucket): number => shard * bucketCount + bucket;

const numberBytes = 2;

/** Each once, in their order. */
export async function bucketsOfBatch({ calls, names }: PackedReads, batchId: string): Promise<readonly PackedBucket[]> {
  const lists = await Promise.all(
    names.shards.map(async (shard) => {
      const noted = await calls.readBytes(shard, 'get', names.packedOf(shard, batchId));
      const buckets = new Set<number>();
      for (let at = 0; noted !== null && at < noted.length; at += numberBytes) buckets.add(noted.readUInt16BE(at));
      return [...buckets].sort((a, b) => a - b).map((bucket) => ({ shard, bucket }));
    }),
  );
  return lists.flat();
}

/** Those of the batch, in the order of their record ids. */
export async function membersOf(reads: PackedReads, where: PackedBucket, batchId: string): Promise<readonly PackedMember[]> {
  const { calls, names, readRecord } = reads;
  const { shard, bucket } = where;
  const key = names.packedBucket(shard, bucket);
  const found: PackedMember[] = [];
  const others = new Set<number>();
  for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; isFirst = false) {
    const reply = await calls.readBytes(shard, 'hscan', key, cursor, 'COUNT', '500');
    const [next, list] = reply as unknown as readonly [Buffer, readonly Buffer[]];
    cursor = next.toString();
    for (let at = 0; at < list.length; at += 2) {
      const [field, value] = [list[at], list[at + 1]];
      if (field === undefined || value === undefined || others.has(templateOfPacked(value))) continue;
      const recordId = field.toString();
      const stored = await readRecord(shard, recordId, value);
      if (stored.record.batchId === batchId) found.push({ ...where, recordId, stored });
      else others.add(templateOfPacked(value));
    }
  }
  const byId = new Map(found.map((member) => [member.recordId, member]));
  return [...byId.values()].sort((one, other) => (one.recordId < other.recordId ? -1 : 1));
}

/** Buckets that are read at once. */
const atOnce = 32;

export async function* packedMembers(reads: PackedReads, batchId: string, fromOrdinal = 0): AsyncGenerator<readonly PackedMember[]> {
  const buckets = (await bucketsOfBatch(reads, batchId)).filter((bucket) => ordinalOf(bucket) >= fromOrdinal);
  for (let at = 0; at < buckets.length; at += atOnce)
    yield* await Promise.all(buckets.slice(at, at + atOnce).map((bucket) => membersOf(reads, bucket, batchId)));
}
