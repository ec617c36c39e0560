/**
 * Purges the details of records that ended long ago: destination, metadata, reason, field digests. What must be known
 * forever stays: key, fingerprint, attempt, status, amount, occurrence.
 */
import type { Status } from '../../../batches/record/status.ts';
import { statusCode } from '../codes.ts';
import { redisTime } from './script-client.ts';
import type { LedgerContext } from './context.ts';
import { numberAtTime, shards } from './key-names.ts';
import { encodeWithoutDetails } from './record-codec.ts';
import { scripts } from './scripts.ts';

const finalStatuses: readonly Status[] = ['succeeded', 'failed', 'cancelled', 'rejected'];
const pageSize = 200;

/**
 * An index of final records is in the order of their last change, so that old ones are at its beginning. How far it was
 * purged is kept, and the next call continues there.
 *
 * @param params.olderThanMs how long ago the last change must be
 * @param params.limit at most so many records
 * @returns how many records were purged; `limit`: there may be more
 */
export async function purgeDetails(
  context: LedgerContext,
  batchIds: readonly string[],
  { olderThanMs, limit }: { readonly olderThanMs: number; readonly limit: number },
): Promise<number> {
  const { calls, names } = context;
  const newest = String(numberAtTime((await redisTime(calls)) - olderThanMs));
  let purged = 0;
  for (const batchId of batchIds) {
    for (const status of finalStatuses) {
      const field = `${statusCode[status]}:${batchId}`;
      const marks = await Promise.all(shards.map((shard) => calls.read(shard, 'hget', names.dropped(shard), field)));
      for (const shard of shards) {
        const index = names.index(shard, batchId, status);
        for (let from = marks[shard] as string | null; purged < limit;) {
          const wanted = Math.min(pageSize, limit - purged);
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
            if (await purgeRecord(context, shard, page[at] ?? '', field, from ?? '')) purged += 1;
          }
          if (page.length < 2 * wanted) break;
        }
        if (purged >= limit) return purged;
      }
    }
  }
  return purged;
}

async function purgeRecord(context: LedgerContext, shard: number, recordId: string, field: string, number: string): Promise<boolean> {
  const { calls, names, keys } = context;
  const text = await calls.read(shard, 'get', names.record(shard, recordId));
  if (typeof text !== 'string') return false;
  const { record } = await context.readRecord(shard, recordId, text);
  const { answer } = await calls.run(
    shard,
    scripts.purgeDetails,
    [names.record(shard, recordId), names.dropped(shard)],
    [String(record.version), encodeWithoutDetails(record, keys), field, number],
  );
  return answer === 'written';
}
