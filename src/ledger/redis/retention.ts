/**
 * Drops the stories of records that ended long ago: destination, metadata, reason, field digests. What must be known for
 * ever stays: key, fingerprint, attempt, status, amount, occurrence.
 */
import type { Status } from '../../../batches/record/status.ts';
import { statusCode } from '../codes.ts';
import { redisTime } from './script-client.ts';
import type { LedgerContext } from './context.ts';
import { numberAtTime, shards } from './key-names.ts';
import { encodeWithoutDetails } from './record-codec.ts';
import { scripts } from './scripts.ts';

const ends: readonly Status[] = ['succeeded', 'failed', 'cancelled', 'rejected'];
const pageSize = 200;

/**
 * An index of what is final is in the order of the last change, so that what is old lies at its beginning; how far it
 * was dropped is noted, and the next call goes on from there.
 *
 * @param params.olderThanMs how long ago the last change must be
 * @param params.limit at most so many records
 * @returns how many stories were dropped; `limit`: there may be more
 */
export async function purgeDetails(
  parts: LedgerContext,
  batchIds: readonly string[],
  { olderThanMs, limit }: { readonly olderThanMs: number; readonly limit: number },
): Promise<number> {
  const { calls, names } = parts;
  const newest = String(numberAtTime((await redisTime(calls)) - olderThanMs));
  let dropped = 0;
  for (const batchId of batchIds) {
    for (const status of ends) {
      const field = `${statusCode[status]}:${batchId}`;
      const marks = await Promise.all(shards.map((shard) => calls.read(shard, 'hget', names.dropped(shard), field)));
      for (const shard of shards) {
        const index = names.index(shard, batchId, status);
        for (let from = marks[shard] as string | null; dropped < limit;) {
          const wanted = Math.min(pageSize, limit - dropped);
          const page = (await calls.read(
            shard,
            'zrangebyscore',
            index,
            from === null ? '-inf' : `(${from}`,
            newest,
            'WITHSCORES',
            'LIMIT',
            '0',
            String(wanted),
          )) as string[];
          for (let at = 0; at < page.length; at += 2) {
            from = page[at + 1] ?? from;
            if (await purgeRecord(parts, shard, page[at] ?? '', field, from ?? '')) dropped += 1;
          }
          if (page.length < 2 * wanted) break;
        }
        if (dropped >= limit) return dropped;
      }
    }
  }
  return dropped;
}

async function purgeRecord(parts: LedgerContext, shard: number, recordId: string, field: string, number: string): Promise<boolean> {
  const { calls, names, keys } = parts;
  const text = await calls.read(shard, 'get', names.record(shard, recordId));
  if (typeof text !== 'string') return false;
  const { record } = await parts.readRecord(shard, recordId, text);
  const { answer } = await calls.run(
    shard,
    scripts.purgeDetails,
    [names.record(shard, recordId), names.dropped(shard)],
    [String(record.version), encodeWithoutDetails(record, keys), field, number],
  );
  return answer === 'written';
}
