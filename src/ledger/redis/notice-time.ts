/**
 * Before anything is paid from a ledger, every shard compares Redis TIME with what it has seen, and all of them keep what one
 * notices: a process that is killed right after it has opened the ledger, or a call to another shard, must not lose it.
 */
import { evaluateByKey } from '../../redis/by-key.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import type { KeyNames } from './key-names.ts';
import { scripts } from './scripts.ts';

export async function noticeTime(connection: RedisConnection, names: Pick<KeyNames, 'meta' | 'shards'>, generation: string): Promise<void> {
  /** Of each shard, the ledger's time and the offset in it. */
  const raise = (offset: string, barrier: string): Promise<(readonly [string, string])[]> =>
    Promise.all(
      names.shards.map(async (shard) => {
        const args = [generation, offset, barrier];
        const [, counters = ''] = (await evaluateByKey(connection, scripts.raiseOffset.text, [names.meta(shard)], args)) as string[];
        const [, , now = '0', its = '0'] = counters.split(' ');
        return [now, its] as const;
      }),
    );
  const found = await raise('0', '0');
  const [first] = found.toSorted(([, one], [, other]) => Number(other) - Number(one));
  if (first !== undefined && found.some(([, offset]) => offset !== first[1])) await raise(first[1], first[0]);
}
