/**
 * Scripts with one key, as the client of a server has them: defined once, called by their names. In a cluster each call goes
 * to the node that holds its key; a call that finds the slot elsewhere was not carried out, and is made there.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { sendByKey } from './by-key.ts';
import type { RedisConnection } from './port.ts';

export type ScriptRunner = Pick<Redis, 'defineCommand' | 'status'> & { readonly options: Pick<Redis['options'], 'host' | 'port' | 'path'> };

export function scriptRunner(connection: RedisConnection): ScriptRunner {
  const [first] = connection.nodes();
  if (first === undefined) throw new TypeError('a connection without nodes');
  if (!connection.isCluster) return first.client;
  const runner = {
    get status() {
      return connection.nodes().every(({ client }) => client.status === 'end') ? ('end' as const) : ('ready' as const);
    },
    options: { path: connection.address },
    defineCommand(name: string, { lua }: { readonly lua: string }): void {
      const sha = createHash('sha1').update(lua).digest('hex');
      Object.assign(runner, { [name]: (key: string, ...args: string[]) => run(connection, { lua, sha }, key, args) });
    },
  };
  return runner;
}

/** Its callers ask again by themselves. */
const patienceMs = 500;

async function run(
  connection: RedisConnection,
  { lua, sha }: { readonly lua: string; readonly sha: string },
  key: string,
  args: readonly string[],
): Promise<unknown> {
  const one = async (name: 'evalsha' | 'eval', script: string): Promise<unknown> => {
    const [reply] = await sendByKey(connection, [{ key, command: [name, script, 1, key, ...args] }], patienceMs);
    return reply;
  };
  try {
    return await one('evalsha', sha);
  } catch (error) {
    if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
    return one('eval', lua);
  }
}
