/** What can be asked of the ledger over all shards. */
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import { withSession } from '../../../batches/record/packed.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { isFinal } from '../../../batches/record/status.ts';
import { statusCode } from '../codes.ts';
import { openBody } from './advance.ts';
import { claimDue } from './claim-due.ts';
import { bucketCount } from './key-names.ts';
import type { LedgerContext } from './context.ts';
import { sessionHolder } from './sessions.ts';
import { headOfRecord, readStored } from './stored-record.ts';
import { isKnownOrder } from './record-codec.ts';
import { ordinalOf, packedMembers } from './packed-list.ts';
import { dueTimeOf } from '../due-times.ts';
import { overview } from './overview.ts';
import { firstMembers, type Scored } from './sorted-sets.ts';

export type Queries = Pick<
  SharedLedger,
  'record' | 'recordOfSession' | 'body' | 'due' | 'list' | 'countUnsettledDuplicates' | 'claimDue' | 'overview'
>;

const pageSize = 500;

export const createQueries = (context: LedgerContext): Queries => ({
  record: async (recordId) => (await readStored(context, context.names.shardOf(recordId), recordId))?.record,
  async recordOfSession(sessionId) {
    const recordId = await sessionHolder(context, sessionId);
    const record = recordId === undefined ? undefined : (await readStored(context, context.names.shardOf(recordId), recordId))?.record;
    return record === undefined ? undefined : withSession(record, sessionId);
  },
  async body(recordId) {
    const { calls, names } = context;
    const shard = names.shardOf(recordId);
    const [kept, found] = await Promise.all([
      calls.readBytes(shard, 'get', names.body(shard, recordId)),
      readStored(context, shard, recordId),
    ]);
    return kept === null || found === undefined ? undefined : openBody(context, found.record, kept);
  },
  due: (params) => due(context, params),
  list: (params) => list(context, params),
  countUnsettledDuplicates: (params) => countUnsettledDuplicates(context, params),
  claimDue: (params) => claimDue(context, params),
  overview: () => overview(context),
});

const due: (context: LedgerContext, ...params: Parameters<Queries['due']>) => ReturnType<Queries['due']> = async (
  context,
  { batchId, now, limit },
) => {
  const { names } = context;
  const first = await firstMembers(context, (shard) => names.due(shard, batchId), '-inf', limit + 1);
  const taken = first.slice(0, limit).filter(({ score }) => score <= now);
  const found = await Promise.all(taken.map(({ shard, member }) => readStored(context, shard, member)));
  // Between the two reads another instance may have moved one.
  const records = found.flatMap((one) => (one !== undefined && isDue(dueTimeOf(one.record), now) ? [one.record] : []));
  return { records, nextAt: first[taken.length]?.score ?? null };
};

const isDue = (time: number | null, now: number): boolean => time !== null && time <= now;

const list: (context: LedgerContext, ...params: Parameters<Queries['list']>) => ReturnType<Queries['list']> = async (
  context,
  { batchId, status, limit, after = 0 },
) => {
  const { names } = context;
  const listed = isFinal[status] ? await listPacked(context, { batchId, status, limit, after }) : [];
  for (let from = after; listed.length < limit;) {
    const wanted = limit - listed.length;
    const first = (await firstMembers(context, (shard) => names.index(shard, batchId, status), `(${from}`, wanted)).slice(0, wanted);
    const found = await Promise.all(first.map(({ shard, member }) => readStored(context, shard, member)));
    for (const [index, { score }] of first.entries()) {
      const record = found[index]?.record;
      if (record?.status === status && record.batchId === batchId) listed.push({ cursor: score, record });
    }
    if (first.length < wanted) break;
    from = first.at(-1)?.score ?? from;
  }
  return listed;
};

interface Listed {
  readonly cursor: number;
  readonly record: LedgerRecord;
}

/** More than a bucket holds, and so few that all places in buckets are below the number of a change. */
const placesInBucket = 1_024;

/** Packed records are the oldest: their cursors are below every number of a change. */
async function listPacked(
  context: LedgerContext,
  { batchId, status, limit, after }: Required<Parameters<Queries['list']>[0]>,
): Promise<Listed[]> {
  const listed: Listed[] = [];
  if (after >= placesInBucket * bucketCount * context.names.shards.length) return listed;
  for await (const members of packedMembers(context, batchId, Math.floor(after / placesInBucket))) {
    for (const [place, { stored, recordId: _, ...bucket }] of members.entries()) {
      const cursor = ordinalOf(bucket) * placesInBucket + place + 1;
      if (cursor <= after || stored.record.status !== status) continue;
      listed.push({ cursor, record: stored.record });
      if (listed.length >= limit) return listed;
    }
  }
  return listed;
}

async function countUnsettledDuplicates(
  context: LedgerContext,
  { batchId, exceptInProgress }: { batchId: string; exceptInProgress: boolean },
): Promise<number> {
  const { names } = context;
  const settled = new Set([statusCode.succeeded, ...(exceptInProgress ? [statusCode.in_progress] : [])].map(String));
  const isUnsettled = async ({ shard, member }: Scored): Promise<boolean> => {
    // A record id may hold colons; the order of its admission and the sequence hold none.
    const [, recordId = '', order = ''] = /^(.*):(\d*):\d+$/.exec(member) ?? [];
    const { code = '', order: current = '' } = (await headOfRecord(context, shard, recordId)) ?? {};
    // Another record has taken the id: the one that it was a duplicate of is gone, and was not paid.
    return !((order === '' || order === current || !isKnownOrder(current)) && settled.has(code));
  };
  let count = 0;
  for (let from = '-inf'; ;) {
    const page = (await firstMembers(context, (shard) => names.duplicates(shard, batchId), from, pageSize)).slice(0, pageSize);
    count += (await Promise.all(page.map(isUnsettled))).filter(Boolean).length;
    const last = page.at(-1);
    if (page.length < pageSize || last === undefined) return count;
    from = `(${last.score}`;
  }
}
