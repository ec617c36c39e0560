/** Claims records that are due: the longest due first, each for one instance. */
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import type { LedgerContext } from './context.ts';
import { readStored } from './stored-record.ts';
import { queueTimeOf } from '../due-times.ts';
import { redisTime } from './clock.ts';
import { scripts } from './scripts.ts';
import { firstMembers } from './sorted-sets.ts';

/** As much as `unpack` of Redis' Lua surely takes. */
const claimLimit = 1_000;

export async function claimDue(
  context: LedgerContext,
  { limit, leaseMs }: Parameters<SharedLedger['claimDue']>[0],
): ReturnType<SharedLedger['claimDue']> {
  const { calls, names } = context;
  const now = await redisTime(calls);
  const first = await firstMembers(context, (shard) => names.queue(shard), '-inf', Math.min(limit, claimLimit));
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
  const claimed = await Promise.all(
    claims.flatMap(({ shard, recordIds }) => recordIds.map((recordId) => readStored(context, shard, recordId))),
  );
  const records = claimed.flatMap((one) => (one === undefined || queueTimeOf(one.record) === null ? [] : [one.record]));
  return {
    records: records.sort((a, b) => (queueTimeOf(a) ?? 0) - (queueTimeOf(b) ?? 0)),
    nextAt: nexts.length === 0 ? null : Math.min(...nexts),
  };
}
