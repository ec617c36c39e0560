/**
 * Whether Redis keeps what it acknowledges. A ledger that forgets an intent would pay it again, so that a Redis that
 * may forget is refused, unless explicitly overridden.
 */
import { exitCodes } from '../../exit.ts';
import { RedisError, type RedisConnection, type RedisNode } from '../../redis/connection.ts';
import { UnsafeRedisError } from './errors.ts';

export const unsafeFlag = '--allow-unsafe-redis';

const wanted: readonly (readonly [setting: string, value: string, otherwise: string])[] = [
  ['appendonly', 'yes', 'it keeps no log of its writes'],
  ['appendfsync', 'always', 'it answers before a write is on disk'],
  ['maxmemory-policy', 'noeviction', 'it drops keys when its memory is full'],
];

export interface Durability {
  /** What is wrong about the settings, as clauses for people. */
  readonly faults: readonly string[];
  /** A replica may take over, and the server can wait for it: a write counts when one has it in its append-only file too. */
  readonly waits: boolean;
}

/** Reads the settings of one server. */
export async function durabilityOf(node: RedisNode): Promise<Durability> {
  const { faults, waits } = await roleOf(node);
  return { faults: [...faults, ...(await settingFaults(node))], waits };
}

/** The address of a node where there are several. */
export const nodeText = ({ isCluster }: RedisConnection, { address }: RedisNode, text: string): string =>
  isCluster ? `${address}: ${text}` : text;

export const riskOf = (address: string, faults: readonly string[]): string =>
  `Redis at ${address} may lose writes that it acknowledged, and payouts would then be made twice: ${faults.join('; ')}.`;

/**
 * @returns what is wrong with each node, which is reported
 * @throws UnsafeRedisError that names every setting at fault, unless `allowUnsafe`: then it is a warning
 */
export async function assertDurable(params: {
  readonly connection: RedisConnection;
  readonly allowUnsafe: boolean;
  readonly onWarning: (message: string) => void;
}): Promise<ReadonlyMap<RedisNode, Durability>> {
  const { connection, allowUnsafe, onWarning } = params;
  const { address } = connection;
  if (!connection.isCluster) for (const node of connection.nodes()) await refuseCluster(node);
  const found = new Map<RedisNode, Durability>();
  for (const node of connection.nodes()) found.set(node, await durabilityOf(node));
  const faults = faultsOf(connection, found);
  if (faults.length === 0) return found;
  const what = riskOf(address, faults);
  if (!allowUnsafe) throw new UnsafeRedisError(`${what} Correct this, or accept the risk with ${unsafeFlag}.`);
  onWarning(`${what} Allowed by ${unsafeFlag}.`);
  return found;
}

export const faultsOf = (connection: RedisConnection, found: ReadonlyMap<RedisNode, Durability>): readonly string[] =>
  [...found].flatMap(([node, { faults }]) => faults.map((fault) => nodeText(connection, node, fault)));

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const isRefusal = (error: unknown): boolean => (error as Error | null)?.name === 'ReplyError';

async function refuseCluster({ client, address }: RedisNode): Promise<void> {
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
    `Redis at ${address} is a node of a Redis Cluster, and REDIS_URL names only this one. Name several of its nodes, comma separated: REDIS_URL=redis://one:6379,redis://two:6379.`,
  );
}

/** Since this version a client can wait until a replica has its writes in its append-only file (WAITAOF). */
const waitsSince = [7, 2] as const;

async function roleOf(node: RedisNode): Promise<Durability> {
  const { client } = node;
  try {
    const found = await client.info('replication');
    const role = /^role:(\w+)/m.exec(found)?.[1];
    if (role !== 'master') return { faults: [`its role is ${role ?? 'unknown'} (REDIS_URL must name the master)`], waits: false };
    const replicas = Math.max(connectedReplicas(found), node.replicas());
    if (replicas === 0) return { faults: [], waits: false };
    const version = /^redis_version:(\S+)/m.exec(await client.info('server'))?.[1] ?? 'unknown';
    if (knowsWaitaof(version)) return { faults: [], waits: true };
    return {
      faults: [
        `it has ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}, a failover loses what they have not received yet, and Redis ${version} cannot wait for them (use Redis 7.2 or later, or no replicas)`,
      ],
      waits: false,
    };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { faults: [`its role cannot be read (${reasonOf(error)}; permit the user INFO)`], waits: false };
  }
}

/** @param info the section of replication */
export const connectedReplicas = (info: string): number => Number(/^connected_slaves:(\d+)/m.exec(info)?.[1] ?? 0);

function knowsWaitaof(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > waitsSince[0] || (major === waitsSince[0] && minor >= waitsSince[1]);
}

async function settingFaults({ client }: RedisNode): Promise<string[]> {
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
