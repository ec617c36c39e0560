/**
 * Purges the details of records that ended long ago: destination, metadata, reason, field digests, audit trail. What must
 * be known forever stays: key, fingerprint, attempt, status, amount, occurrence; of the trail one entry, which says what
 * was dropped.
 */
import { statusOf } from '../codes.ts';
import { redisTime } from './clock.ts';
import type { LedgerContext } from './context.ts';
import { numberAtTime, shards } from './key-names.ts';
import { encodeWithoutDetails, stateText } from './record-codec.ts';
import { scripts } from './scripts.ts';
import { encodeEntry } from './trails.ts';

const pageSize = 200;

/** A final status of a batch in one shard that has records to purge, and the number of the first one. */
interface Due {
  readonly shard: number;
  /** `<code>:<batch id>` */
  readonly member: string;
  readonly index: string;
  readonly from: string;
}

/**
 * An index of final records is in the order of their last change, so that old ones are at its beginning. What is asked for
 * are the batches and statuses that have some, however many there are beside them.
 *
 * @param params.olderThanMs how long ago the last change must be
 * @param params.limit at most so many records
 * @returns how many records were purged; `limit`: there may be more
 */
export async function purgeDetails(
  context: LedgerContext,
  { olderThanMs, limit }: { readonly olderThanMs: number; readonly limit: number },
): Promise<number> {
  const now = await redisTime(context.calls);
  const newest = String(numberAtTime(now - olderThanMs));
  let purged = 0;
  for (const due of await dueOf(context, newest, limit)) {
    if (purged >= limit) break;
    purged += await purgeIndex(context, due, { now: Math.floor(now), newest, limit: limit - purged });
  }
  return purged;
}

async function dueOf({ calls, names }: LedgerContext, newest: string, limit: number): Promise<readonly Due[]> {
  const lists = await Promise.all(
    shards.map(async (shard) => {
      const bounds = ['-inf', newest, 'WITHSCORES', 'LIMIT', '0', String(limit)];
      const found = (await calls.read(shard, 'zrangebyscore', names.ends(shard), ...bounds)) as string[];
      return Array.from({ length: found.length / 2 }, (_, at): Due => {
        const member = found[2 * at] ?? '';
        const colon = member.indexOf(':');
        const index = names.index(shard, member.slice(colon + 1), statusOf(Number(member.slice(0, colon))));
        return { shard, member, index, from: found[2 * at + 1] ?? '' };
      });
    }),
  );
  return lists.flat();
}

async function purgeIndex(
  context: LedgerContext,
  due: Due,
  { now, newest, limit }: { readonly now: number; readonly newest: string; readonly limit: number },
): Promise<number> {
  const { shard, index } = due;
  let purged = 0;
  for (let from = due.from; purged < limit;) {
    const bounds = [from, newest, 'WITHSCORES', 'LIMIT', '0', String(Math.min(pageSize, limit - purged))];
    const page = (await context.calls.read(shard, 'zrangebyscore', index, ...bounds)) as string[];
    for (let at = 0; at < page.length; at += 2) {
      const number = page[at + 1] ?? '';
      if (await purgeRecord(context, due, { recordId: page[at] ?? '', number, now })) purged += 1;
      from = `(${number}`;
    }
    if (page.length > 0) continue;
    if (from === due.from) await noteNext(context, due);
    break;
  }
  return purged;
}

/** The record that was noted, and perhaps some after it, have left the index. */
const noteNext = ({ calls, names }: LedgerContext, { shard, member, index, from }: Due): Promise<unknown> =>
  calls.run(
    shard,
    scripts.purgeDetails,
    [names.record(shard, ''), names.ends(shard), index, names.trail(shard, '')],
    ['', '', member, from],
  );

async function purgeRecord(
  context: LedgerContext,
  due: Due,
  { recordId, number, now }: { readonly recordId: string; readonly number: string; readonly now: number },
): Promise<boolean> {
  const { calls, names, keys, audit } = context;
  const { shard, member, index } = due;
  const text = await calls.read(shard, 'get', names.record(shard, recordId));
  const record = typeof text === 'string' ? (await context.readRecord(shard, recordId, text)).record : undefined;
  const head = record?.audit ?? null;
  const kept = head === null ? undefined : audit.retain(head, recordId, now);
  const { answer, repeated } = await calls.run(
    shard,
    scripts.purgeDetails,
    [names.record(shard, recordId), names.ends(shard), index, names.trail(shard, recordId)],
    [
      ...(record === undefined ? ['', ''] : [stateText(record), encodeWithoutDetails(record, kept?.head ?? null, keys)]),
      member,
      number,
      ...(kept?.entries ?? []).map(encodeEntry),
    ],
  );
  return answer === 'written' || (repeated && answer === 'again');
}
