/** Looks for a ledger under other prefixes of the same Redis: a wrong prefix is a mistake of the settings, and no loss. */
import type { Redis } from 'ioredis';

/** A Redis that others use too may hold millions of keys: the search ends after so many. */
const mostKeys = 1_000_000;
const keysAtOnce = 1_000;
/** The first shard of any ledger. */
const metaOfFirstShard = /^(.+):\{00\}:meta$/;

/**
 * @param generations of which ledgers, as the marks of published results name them
 * @returns the prefix of the first one that is found; undefined: there is none, or the search had to end
 */
export async function findPrefix(client: Redis, generations: ReadonlySet<string>): Promise<string | undefined> {
  let cursor = '0';
  for (let seen = 0; seen < mostKeys; seen += keysAtOnce) {
    const [next, keys] = await client.scan(cursor, 'MATCH', '*:{00}:meta', 'COUNT', keysAtOnce);
    for (const key of keys) {
      const prefix = metaOfFirstShard.exec(key)?.[1];
      if (prefix !== undefined && generations.has((await client.hget(key, 'generation')) ?? '')) return prefix;
    }
    if (next === '0') return undefined;
    cursor = next;
  }
  return undefined;
}
