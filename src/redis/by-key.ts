/**
 * Commands that go to the node that holds their key. For what is done once, as the start of a ledger; the commands must be
 * safe to repeat.
 */
import { systemClock } from '../clock.ts';
import type { RedisConnection, RedisNode } from './port.ts';

/** The name of the command first; the key decides where it goes. */
export interface KeyedCommand {
  readonly key: string;
  readonly command: readonly [name: string, ...args: (string | number | Buffer)[]];
}

type Result = readonly [error: Error | null, value?: unknown];

const defaultPatienceMs = 15_000;
const pauseMs = 100;
/** The slot is elsewhere, is on its way, or has no master: the command was not carried out. */
const notHere = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b/;

export const isElsewhere = (error: Error): boolean => error.name === 'ReplyError' && notHere.test(error.message);

/**
 * Each node gets its commands as one pipeline; the replies are in the order of the commands. A slot that moves is waited for.
 *
 * @throws the first error
 */
export async function sendByKey(
  connection: RedisConnection,
  commands: readonly KeyedCommand[],
  patienceMs = defaultPatienceMs,
): Promise<unknown[]> {
  const replies: unknown[] = commands.map(() => undefined);
  const until = performance.now() + patienceMs;
  for (let open = commands.map(({ key, command }, index) => ({ key, command, index })); ;) {
    const missed: Error[] = [];
    const left: typeof open = [];
    const groups = Map.groupBy(open, ({ key }) => connection.nodeOf(key));
    await Promise.all(
      [...groups].map(async ([node, group]) => {
        const results = await pipelined(
          node,
          group.map(({ command }) => command),
        );
        for (const [index, one] of group.entries()) {
          const [error, value] = results[index] ?? [new Error('no answer')];
          if (error === null) replies[one.index] = value;
          else if (isElsewhere(error)) {
            if (error.message.startsWith('MOVED')) connection.noteMoved(error.message);
            missed.push(error);
            left.push(one);
          } else throw error;
        }
      }),
    );
    if (left.length === 0) return replies;
    if (performance.now() > until) throw missed[0] ?? new Error('no answer');
    open = left;
    await systemClock.sleep(pauseMs);
  }
}

async function pipelined({ client }: RedisNode, commands: readonly KeyedCommand['command'][]): Promise<readonly Result[]> {
  const pipeline = client.pipeline();
  for (const [name, ...args] of commands) pipeline.call(name, args);
  return ((await pipeline.exec()) ?? []) as Result[];
}

/** Runs a script whose first key decides where. */
export async function evaluateByKey(
  connection: RedisConnection,
  text: string,
  keys: readonly [string, ...string[]],
  args: readonly string[],
): Promise<unknown> {
  const [reply] = await sendByKey(connection, [{ key: keys[0], command: ['eval', text, keys.length, ...keys, ...args] }]);
  return reply;
}

/**
 * Names of keys of all nodes, page by page; some may come twice, and a page may be empty.
 *
 * @throws {Error} when slots moved meanwhile: keys may be missing
 */
export async function* scanKeys(connection: RedisConnection, pattern: string, count: number): AsyncGenerator<readonly string[]> {
  const before = await layoutOf(connection);
  for (const { client } of connection.nodes()) {
    let cursor = '0';
    do {
      const [next, keys] = await client.scan(cursor, 'MATCH', pattern, 'COUNT', count);
      cursor = next;
      yield keys;
    } while (cursor !== '0');
  }
  if ((await layoutOf(connection)) !== before || before.includes('['))
    throw new Error('slots of the Redis Cluster moved to another node meanwhile: run again when they are all where they belong');
}

/** Which slots each node says that it holds itself; `[` begins one that is on its way. */
async function layoutOf(connection: RedisConnection): Promise<string> {
  if (!connection.isCluster) return '';
  await connection.refresh();
  const lines = await Promise.all(
    connection.nodes().map(async ({ client }) => {
      const text = (await client.call('cluster', 'NODES')) as string;
      const own = text.split('\n').find((line) => line.split(' ')[2]?.includes('myself') === true);
      const [id = '', ...rest] = (own ?? '').split(' ');
      return `${id} ${rest.slice(7).join(' ')}`;
    }),
  );
  return lines.sort().join('\n');
}

/** Redis TIME of every node, in milliseconds since the epoch. */
export const timesOf = (connection: RedisConnection): Promise<readonly number[]> =>
  Promise.all(
    connection.nodes().map(async ({ client }) => {
      const [seconds, microseconds] = await client.time();
      return Number(seconds) * 1000 + Number(microseconds) / 1000;
    }),
  );
