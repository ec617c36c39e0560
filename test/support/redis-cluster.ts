/** A Redis Cluster of local processes, as a ledger needs it. The program is the one that `redis-server.ts` finds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { slotCount, slotOf } from '../../src/redis/slots.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

export interface ClusterNode extends RedisServer {
  /** Beside the ledger, as a person does. */
  admin<T>(work: (client: Redis) => Promise<T>): Promise<T>;
}

export interface RedisCluster {
  /** Comma separated. */
  readonly url: string;
  readonly nodes: readonly ClusterNode[];
  /** The master that holds the slot of the key. */
  holder(key: string): Promise<ClusterNode>;
  /** Moves the slot of the key, with all that is in it, as `redis-cli --cluster reshard` does. */
  move(key: string, to: ClusterNode): Promise<void>;
  flush(): Promise<void>;
  stop(): Promise<void>;
}

const settings = '--cluster-enabled yes --cluster-node-timeout 2000 --cluster-require-full-coverage no --repl-diskless-sync-delay 0'.split(
  ' ',
);
const readyWithinMs = 30_000;

/** @param replicas how many of the masters, from the first on, have a replica; these are the last nodes */
export async function startRedisCluster({
  masters,
  replicas = 0,
}: {
  readonly masters: number;
  readonly replicas?: number;
}): Promise<RedisCluster> {
  const nodes = await Promise.all(Array.from({ length: masters + replicas }, startNode));
  try {
    await join(nodes, masters);
  } catch (cause) {
    await Promise.all(nodes.map((node) => node.stop('SIGKILL')));
    throw cause;
  }
  const holder = async (key: string): Promise<ClusterNode> => {
    for (const node of nodes) {
      const ranges = await node.admin(slotsOf).catch(() => undefined);
      const [, , master] = ranges?.find(([from, to]) => from <= slotOf(key) && slotOf(key) <= to) ?? [];
      const found = nodes.find(({ port }) => port === master?.[1]);
      if (found !== undefined) return found;
    }
    throw new Error(`no node knows who holds ${key}`);
  };
  return {
    url: nodes.map(({ url }) => url).join(','),
    nodes,
    holder,
    move: async (key, to) => move(slotOf(key), await holder(key), { to, all: nodes }),
    async flush() {
      for (const node of nodes.slice(0, masters)) await node.admin((client) => client.flushall());
    },
    async stop() {
      // One that waits for its first copy does not end on SIGTERM.
      await Promise.all(nodes.map((node) => node.stop('SIGKILL')));
    },
  };
}

type Range = readonly [from: number, to: number, master: readonly [host: string, port: number, id: string]];
const slotsOf = (client: Redis): Promise<readonly Range[]> => client.call('cluster', 'SLOTS') as Promise<readonly Range[]>;
const idOf = (node: ClusterNode): Promise<string> => node.admin((client) => client.call('cluster', 'MYID') as Promise<string>);

async function startNode(): Promise<ClusterNode> {
  const server = await startRedis({ args: settings });
  return Object.assign(server, {
    async admin<T>(work: (client: Redis) => Promise<T>): Promise<T> {
      const client = new Redis(server.url, { maxRetriesPerRequest: 1, commandTimeout: 10_000 });
      client.on('error', () => undefined);
      try {
        return await work(client);
      } finally {
        client.disconnect();
      }
    },
  });
}

async function join(nodes: readonly ClusterNode[], masters: number): Promise<void> {
  const [first, ...others] = nodes;
  if (first === undefined) throw new RangeError('a cluster has nodes');
  for (const [index, node] of nodes.entries()) {
    await node.admin((client) => client.call('cluster', 'SET-CONFIG-EPOCH', index + 1));
    const [from, to] = [index, index + 1].map((part) => Math.floor((slotCount * part) / masters)) as [number, number];
    if (index < masters)
      await node.admin((client) => client.cluster('ADDSLOTS', ...Array.from({ length: to - from }, (_, at) => from + at)));
  }
  for (const node of others) await first.admin((client) => client.cluster('MEET', '127.0.0.1', node.port));
  await until(nodes, async (client) => ((await client.cluster('INFO')) as string).includes(`cluster_known_nodes:${nodes.length}`));
  for (const [index, node] of nodes.slice(masters).entries()) {
    const masterId = await idOf(nodes[index] as ClusterNode);
    await until([node], async (client) => ((await client.call('cluster', 'NODES')) as string).includes(masterId));
    await node.admin((client) => client.call('cluster', 'REPLICATE', masterId));
  }
  await until(nodes, async (client) => {
    const info = (await client.cluster('INFO')) as string;
    return info.includes('cluster_state:ok') && info.includes(`cluster_slots_assigned:${slotCount}`);
  });
  await until(nodes.slice(masters), async (client) => (await client.info('replication')).includes('master_link_status:up'));
}

async function until(nodes: readonly ClusterNode[], isSo: (client: Redis) => Promise<boolean>): Promise<void> {
  const end = performance.now() + readyWithinMs;
  for (const node of nodes) {
    while (!(await node.admin(isSo).catch(() => false))) {
      if (performance.now() > end)
        throw new Error(`Redis at ${node.url} did not become a node of the cluster in ${readyWithinMs / 1000} s`);
      await sleep(50);
    }
  }
}

async function move(
  slot: number,
  from: ClusterNode,
  { to, all }: { readonly to: ClusterNode; readonly all: readonly ClusterNode[] },
): Promise<void> {
  const [fromId, toId] = [await idOf(from), await idOf(to)];
  await to.admin((client) => client.call('cluster', 'SETSLOT', slot, 'IMPORTING', fromId));
  await from.admin(async (client) => {
    await client.call('cluster', 'SETSLOT', slot, 'MIGRATING', toId);
    for (;;) {
      const keys = (await client.call('cluster', 'GETKEYSINSLOT', slot, 100)) as string[];
      if (keys.length === 0) break;
      await client.call('migrate', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
    }
  });
  for (const node of [to, from, ...all.filter((one) => one !== to && one !== from)])
    await node.admin((client) => client.call('cluster', 'SETSLOT', slot, 'NODE', toId)).catch(() => undefined);
}
