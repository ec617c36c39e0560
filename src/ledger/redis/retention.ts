/**
 * Packs records that ended long ago. What must be known forever stays: kind, attempt, status, amount, occurrence, sequence, a
 * hash of the fingerprint and of the session id, and the head of the audit trail, whose only entry says what was dropped. The
 * claims of its sessions are packed before the record, each in its own shard: between the two, all are found.
 *
 * A record with an alert that no person has acknowledged, or with other contents that were sent, is not packed; its
 * details are purged, and all else stays as it is.
 */
import { isPackedSession } from '../../../batches/record/packed.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { statusOf } from '../codes.ts';
import { redisTime } from './clock.ts';
import type { LedgerContext } from './context.ts';
import { numberAtTime, packedBucketsOf } from './key-names.ts';
import { isPackable, packRecord } from './packed-record.ts';
import { encodeWithoutDetails, stateText, templateNumberOf, type StoredRecord } from './record-codec.ts';
import { scripts } from './scripts.ts';
import { claimNameOf, longIdHash, packClaim } from './sessions.ts';
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
 * @returns how many records were packed or purged; `limit`: there may be more
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
    names.shards.map(async (shard) => {
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
    const recordIds = page.filter((_, at) => at % 2 === 0);
    const done = await Promise.all(recordIds.map((recordId) => purgeRecord(context, due, recordId, now)));
    purged += done.filter(Boolean).length;
    const last = page.at(-1);
    // The record that was noted, and perhaps some after it, may have left the index.
    if (last !== undefined || from === due.from) await notePurged(context, due, last ?? due.from);
    if (last === undefined) break;
    from = `(${last}`;
  }
  return purged;
}

/** The next one of the batch and status is noted once all before it are done: a kill before that repeats some, and skips none. */
const notePurged = ({ calls, names }: LedgerContext, { shard, member, index }: Due, last: string): Promise<unknown> =>
  calls.run(shard, scripts.notePurged, [names.ends(shard), index], [member, last]);

async function purgeRecord(context: LedgerContext, due: Due, recordId: string, now: number): Promise<boolean> {
  const { calls, names, keys, audit } = context;
  const { shard } = due;
  const text = await calls.read(shard, 'get', names.record(shard, recordId));
  if (typeof text !== 'string') return false;
  const stored = await context.readRecord(shard, recordId, text);
  const bytes = isPackable(stored.record, keys)
    ? packRecord(stored.record, { template: Number(templateNumberOf(text)), now, audit })
    : undefined;
  return bytes === undefined ? purgeOnly(context, due, stored, now) : pack(context, due, stored, bytes);
}

async function pack(context: LedgerContext, { shard, index }: Due, { record }: StoredRecord, bytes: Buffer): Promise<boolean> {
  const { calls, names } = context;
  const { recordId, batchId } = record;
  await packSessions(context, record);
  const { answer, repeated } = await calls.run(
    shard,
    scripts.packRecord,
    [
      names.record(shard, recordId),
      index,
      names.trail(shard, recordId),
      names.body(shard, recordId),
      names.packedOf(shard, batchId),
      ...names.packed(shard, recordId),
      names.longIds(shard),
    ],
    [stateText(record), recordId, bytes, ...packedBucketsOf(recordId).map(String), longIdHash(recordId)],
  );
  return answer === 'written' || (repeated && answer === 'again');
}

/** Every session that the record names, unless it was packed together with the record before; one of another record stays as it is. */
async function packSessions(context: LedgerContext, record: LedgerRecord): Promise<void> {
  const { recordId, sessionId, confirmSession, cancelSession, previousSession } = record;
  const named = new Set([sessionId, confirmSession, cancelSession, previousSession].filter((one) => one !== null));
  await Promise.all(
    [...named].filter((one) => !isPackedSession(one)).map((one) => packClaim(context, one, { recordId, name: claimNameOf(recordId) })),
  );
}

async function purgeOnly(context: LedgerContext, { shard }: Due, { record }: StoredRecord, now: number): Promise<boolean> {
  const { calls, names, keys, audit } = context;
  const { recordId } = record;
  const kept = record.audit === null ? undefined : audit.retain(record.audit, recordId, now);
  const { answer, repeated } = await calls.run(
    shard,
    scripts.purgeDetails,
    [names.record(shard, recordId), names.trail(shard, recordId)],
    [stateText(record), encodeWithoutDetails(record, kept?.head ?? null, keys), ...(kept?.entries ?? []).map(encodeEntry)],
  );
  return answer === 'written' || (repeated && answer === 'again');
}
