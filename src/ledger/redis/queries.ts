/** What can be asked of the ledger over all shards. Sorted sets are merged in the order of their scores. */
import type { LedgerOverview, SharedLedger } from '../../../batches/ports/ledger.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { statusCode } from '../codes.ts';
import { openBody } from './advance.ts';
import { redisTime } from './script-client.ts';
import { shardOf, shards, timeOfNumber } from './key-names.ts';
import type { LedgerContext } from './context.ts';
import { dueTimeOf, queueTimeOf } from '../due-times.ts';
import type { StoredRecord } from './record-codec.ts';
import { scripts } from './scripts.ts';

export type Queries = Pick<SharedLedger, 'record' | 'body' | 'due' | 'list' | 'countUnsettledDuplicates' | 'claimDue' | 'overview'>;

interface Scored {
  readonly shard: number;
  readonly recordId: string;
  readonly score: number;
}

const pageSize = 500;
/** As much as `unpack` of Redis' Lua surely takes. */
const claimLimit = 1_000;

const scoredOf = (shard: number, answer: unknown): Scored[] => {
  const list = answer as readonly string[];
  return Array.from({ length: list.length / 2 }, (_, index) => ({
    shard,
    recordId: list[2 * index] ?? '',
    score: Number(list[2 * index + 1]),
  }));
};

export function createQueries(parts: LedgerContext): Queries {
  const { calls, names } = parts;

  const stored = async (shard: number, recordId: string): Promise<StoredRecord | undefined> => {
    const text = await calls.read(shard, 'get', names.record(shard, recordId));
    return typeof text === 'string' ? parts.readRecord(shard, recordId, text) : undefined;
  };

  /** The first members of one sorted set in each shard, merged; `from` is a bound as Redis writes it. */
  const firstOf = async (keyOf: (shard: number) => string, from: string, limit: number): Promise<Scored[]> => {
    const lists = await Promise.all(
      shards.map(async (shard) =>
        scoredOf(shard, await calls.read(shard, 'zrangebyscore', keyOf(shard), from, '+inf', 'WITHSCORES', 'LIMIT', '0', String(limit))),
      ),
    );
    return lists.flat().sort((a, b) => a.score - b.score);
  };

  return {
    async record(recordId) {
      return (await stored(shardOf(recordId), recordId))?.record;
    },
    async body(recordId) {
      const shard = shardOf(recordId);
      const [kept, found] = await Promise.all([calls.readBytes(shard, 'get', names.body(shard, recordId)), stored(shard, recordId)]);
      return kept === null || found === undefined ? undefined : openBody(parts, found.record, kept);
    },
    async due({ batchId, now, limit }) {
      const first = await firstOf((shard) => names.due(shard, batchId), '-inf', limit + 1);
      const taken = first.slice(0, limit).filter(({ score }) => score <= now);
      const found = await Promise.all(taken.map(({ shard, recordId }) => stored(shard, recordId)));
      // Between the two questions another instance may have moved one.
      const records = found.flatMap((one) => (one !== undefined && isDue(dueTimeOf(one.record), now) ? [one.record] : []));
      return { records, nextAt: first[taken.length]?.score ?? null };
    },
    async list({ batchId, status, limit, after = 0 }) {
      const listed: { readonly cursor: number; readonly record: LedgerRecord }[] = [];
      for (let from = after; listed.length < limit;) {
        const wanted = limit - listed.length;
        const first = (await firstOf((shard) => names.index(shard, batchId, status), `(${from}`, wanted)).slice(0, wanted);
        const found = await Promise.all(first.map(({ shard, recordId }) => stored(shard, recordId)));
        for (const [index, { score }] of first.entries()) {
          const record = found[index]?.record;
          if (record?.status === status && record.batchId === batchId) listed.push({ cursor: score, record });
        }
        if (first.length < wanted) break;
        from = first.at(-1)?.score ?? from;
      }
      return listed;
    },
    async countUnsettledDuplicates({ batchId, exceptInProgress }) {
      const paid = new Set([statusCode.succeeded, ...(exceptInProgress ? [statusCode.in_progress] : [])].map(String));
      const isUnpaid = async ({ shard, recordId: member }: Scored): Promise<boolean> => {
        // A record id may hold colons; the order of its admission and the sequence hold none.
        const [, recordId = '', order = ''] = /^(.*):(\d*):\d+$/.exec(member) ?? [];
        const head = await calls.read(shard, 'getrange', names.record(shard, recordId), '0', '255');
        const [, code = '', , , , , , standing] = String(head).split(' ');
        // Another record has taken the id: the one that it was a duplicate of is gone, and was not paid.
        return !((order === '' || order === standing) && paid.has(code));
      };
      let count = 0;
      for (let from = '-inf'; ;) {
        const page = (await firstOf((shard) => names.duplicates(shard, batchId), from, pageSize)).slice(0, pageSize);
        count += (await Promise.all(page.map(isUnpaid))).filter(Boolean).length;
        const last = page.at(-1);
        if (page.length < pageSize || last === undefined) return count;
        from = `(${last.score}`;
      }
    },
    async claimDue({ limit, leaseMs }) {
      const now = await redisTime(calls);
      const first = await firstOf((shard) => names.queue(shard), '-inf', Math.min(limit, claimLimit));
      const wanted = new Map<number, number>();
      for (const { shard } of first.slice(0, limit).filter(({ score }) => score <= now)) wanted.set(shard, (wanted.get(shard) ?? 0) + 1);
      const claims = await Promise.all(
        [...wanted].map(async ([shard, count]) => {
          const { values } = await calls.run(shard, scripts.claimDue, [names.queue(shard)], [String(leaseMs), String(count)]);
          const [next = '', ...recordIds] = values;
          return { shard, next, recordIds };
        }),
      );
      const others = first.filter(({ shard }) => !wanted.has(shard)).map(({ score }) => score);
      const nexts = [...others, ...claims.filter(({ next }) => next !== '').map(({ next }) => Number(next))];
      const claimed = await Promise.all(claims.flatMap(({ shard, recordIds }) => recordIds.map((recordId) => stored(shard, recordId))));
      const records = claimed.flatMap((one) => (one === undefined || queueTimeOf(one.record) === null ? [] : [one.record]));
      return {
        records: records.sort((a, b) => (queueTimeOf(a) ?? 0) - (queueTimeOf(b) ?? 0)),
        nextAt: nexts.length === 0 ? null : Math.min(...nexts),
      };
    },
    async overview() {
      const [oldest, unpublished, deadLetters] = await Promise.all([
        firstOf((shard) => names.open(shard), '-inf', 1),
        Promise.all(shards.map((shard) => calls.read(shard, 'zcard', names.outboxTimes(shard)))),
        Promise.all(shards.map((shard) => calls.read(shard, 'hget', names.meta(shard), 'dead_letters'))),
      ]);
      const sum = (counts: readonly unknown[]): number => counts.reduce<number>((total, count) => total + Number(count ?? 0), 0);
      return {
        oldestOpenAt: oldest[0] === undefined ? null : timeOfNumber(oldest[0].score),
        unpublished: sum(unpublished),
        deadLetters: sum(deadLetters),
      } satisfies LedgerOverview;
    },
  };
}

const isDue = (time: number | null, now: number): boolean => time !== null && time <= now;
