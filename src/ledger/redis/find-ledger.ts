/** Looks for a ledger under other prefixes of the same Redis: a wrong prefix is a mistake of the settings, and no loss. */
import { scanKeys, sendByKey } from '../../redis/by-key.ts';
import type { RedisConnection } from '../../redis/connection.ts';

/** A Redis that others use too may hold millions of keys: the search ends after so many. */
const mostKeys = 1_000_000;
const keysAtOnce = 1_000;
/** The first shard of any ledger. */
const metaOfFirstShard = /^(.+):\{00\}:meta$/;

/**
 * @param generations of which ledgers, as the marks of published results name them
 * @returns the prefix of the first one that is found; undefined: there is none, or the search had to end
 */
export async function findPrefix(connection: RedisConnection, generations: ReadonlySet<string>): Promise<string | undefined> {
  let pages = 0;
  for await (const keys of scanKeys(connection, '*:{00}:meta', keysAtOnce)) {
    for (const key of keys) {
      const prefix = metaOfFirstShard.exec(key)?.[1];
      if (prefix === undefined) continue;
      const [generation] = await sendByKey(connection, [{ key, command: ['hget', key, 'generation'] }]);
      if (typeof generation === 'string' && generations.has(generation)) return prefix;
    }
    pages += 1;
    if (pages * keysAtOnce >= mostKeys) return undefined;
  }
  return undefined;
}
