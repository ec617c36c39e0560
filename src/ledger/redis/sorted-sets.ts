/** Sorted sets that lie in every shard, read as one. */
import type { LedgerContext } from './context.ts';

export interface Scored {
  readonly shard: number;
  readonly member: string;
  readonly score: number;
}

/** A reply of `… WITHSCORES`. */
const scoredOf = (shard: number, reply: unknown): Scored[] => {
  const list = reply as readonly string[];
  return Array.from({ length: list.length / 2 }, (_, index) => ({
    shard,
    member: list[2 * index] ?? '',
    score: Number(list[2 * index + 1]),
  }));
};

/**
 * The first members of the set in each shard, merged in the order of their scores: at most `limit` of each shard.
 *
 * @param from the lowest score, as Redis writes a bound
 */
export async function firstMembers(
  { calls, names }: Pick<LedgerContext, 'calls' | 'names'>,
  keyOf: (shard: number) => string,
  from: string,
  limit: number,
): Promise<readonly Scored[]> {
  const lists = await Promise.all(
    names.shards.map(async (shard) =>
      scoredOf(shard, await calls.read(shard, 'zrangebyscore', keyOf(shard), from, '+inf', 'WITHSCORES', 'LIMIT', '0', String(limit))),
    ),
  );
  return lists.flat().sort((a, b) => a.score - b.score);
}
