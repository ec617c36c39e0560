/**
 * Whether Redis keeps what it acknowledges. A ledger that forgets an intent would pay it again, so that a Redis that
 * may forget is refused, unless explicitly overridden.
 */
import type { Redis } from 'ioredis';
import { exitCodes } from '../../exit.ts';
import { RedisError, type RedisConnection } from '../../redis/connection.ts';
import { UnsafeRedisError } from './errors.ts';

export const unsafeFlag = '--allow-unsafe-redis';

const wanted: readonly (readonly [setting: string, value: string, otherwise: string])[] = [
  ['appendonly', 'yes', 'it keeps no log of its writes'],
  ['appendfsync', 'always', 'it answers before a write is on disk'],
  ['maxmemory-policy', 'noeviction', 'it drops keys when its memory is full'],
];

/** What is wrong about the settings, as clauses for people. */
export const durabilityFaults = async (client: Redis): Promise<string[]> => [
  ...(await roleFaults(client)),
  ...(await settingFaults(client)),
];

export const riskOf = (address: string, faults: readonly string[]): string =>
  `Redis at ${address} may lose writes that it acknowledged, and payouts would then be made twice: ${faults.join('; ')}.`;

/**
 * @returns what is wrong, which is reported
 * @throws UnsafeRedisError that names every setting at fault, unless `allowUnsafe`: then it is a warning
 */
export async function assertDurable(params: {
  readonly connection: RedisConnection;
  readonly allowUnsafe: boolean;
  readonly onWarning: (message: string) => void;
}): Promise<readonly string[]> {
  const { connection, allowUnsafe, onWarning } = params;
  const { client, address } = connection;
  await refuseCluster(client, address);
  const faults = await durabilityFaults(client);
  if (faults.length === 0) return faults;
  const what = riskOf(address, faults);
  if (!allowUnsafe) throw new UnsafeRedisError(`${what} Correct this, or accept the risk with ${unsafeFlag}.`);
  onWarning(`${what} Allowed by ${unsafeFlag}.`);
  return faults;
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const isRefusal = (error: unknown): boolean => (error as Error | null)?.name === 'ReplyError';

async function refuseCluster(client: Redis, address: string): Promise<void> {
  const info = await client.info('cluster').catch((error: unknown) => {
    // A user without this permission gets a clear error from the next command.
    if (isRefusal(error)) return '';
    throw error;
  });
  if (!/^cluster_enabled:1/m.test(info)) return;
  // A single node that holds all slots is usable like any other.
  const state = String(await client.cluster('INFO'));
  if (/^cluster_state:ok/m.test(state) && /^cluster_size:1\s*$/m.test(state)) return;
  throw new RedisError(
    exitCodes.usage,
    `Redis at ${address} is a node of a Redis Cluster, but disburse needs a single master. Set REDIS_URL to a Redis without cluster mode.`,
  );
}

async function roleFaults(client: Redis): Promise<string[]> {
  try {
    const found = await client.info('replication');
    const role = /^role:(\w+)/m.exec(found)?.[1];
    if (role !== 'master') return [`its role is ${role ?? 'unknown'} (REDIS_URL must name the master)`];
    const replicas = Number(/^connected_slaves:(\d+)/m.exec(found)?.[1] ?? 0);
    // Nothing waits for the replicas yet, as WAITAOF of Redis 7.2 would.
    if (replicas === 0) return [];
    return [
      `${replicas} ${replicas === 1 ? 'replica is' : 'replicas are'} connected, and a failover loses what they have not received yet (use a Redis without replicas)`,
    ];
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return [`its role cannot be read (${reasonOf(error)}; permit the user INFO)`];
  }
}

async function settingFaults(client: Redis): Promise<string[]> {
  const faults: string[] = [];
  for (const [setting, value, otherwise] of wanted) {
    try {
      const [, found = 'not known'] = (await client.config('GET', setting)) as string[];
      if (found !== value)
        faults.push(`${setting} is ${found}, so ${otherwise} (redis-cli CONFIG SET ${setting} ${value}, and in redis.conf)`);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return [`its settings cannot be read (${reasonOf(error)}; permit the user CONFIG GET)`];
    }
  }
  return faults;
}
