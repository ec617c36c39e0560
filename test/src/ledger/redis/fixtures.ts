/** Ledgers that earlier versions wrote; how they were made: test/fixtures/README.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { keysOf } from './harness.ts';

type Command = readonly (string | { readonly base64: string })[];

/** Writes the ledger of that schema under the prefix. */
export async function writeFixture(client: Redis, schema: 1 | 2 | 3, prefix: string): Promise<void> {
  const file = join(import.meta.dirname, `../../../fixtures/ledger-redis-schema-${schema}.json`);
  for (const [command = '', key = '', ...args] of JSON.parse(readFileSync(file, 'utf8')) as readonly Command[]) {
    // The set of active tallies holds names of keys.
    const own = (text: string): string => text.replace(/^fixture(?=:\{)/, prefix);
    const values = args.map((argument) => (typeof argument === 'string' ? own(argument) : Buffer.from(argument.base64, 'base64')));
    await client.call(String(command), own(String(key)), ...values);
  }
}

/** Everything under the prefix but what rises with each write. */
export async function contentsOf(client: Redis, prefix: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const key of (await keysOf(client, prefix)).toSorted()) {
    const type = await client.type(key);
    if (type === 'hash') {
      const { counter: _counter, last: _last, generation: _generation, taken_in: _takenIn, ...fields } = await client.hgetall(key);
      found[key] = Object.fromEntries(Object.entries(fields).filter(([field]) => !field.startsWith('w:')));
    } else if (type === 'zset') found[key] = await client.zrange(key, '0', '-1', 'WITHSCORES');
    else if (type === 'set') found[key] = (await client.smembers(key)).toSorted();
    else if (type === 'list') found[key] = await client.lrange(key, '0', '-1');
    else if (type === 'string') found[key] = await client.get(key);
  }
  return found;
}
