/** What a node says of the slots of its cluster. */
import { exitCodes } from '../exit.ts';
import { RedisError, type RedisNode } from './port.ts';
import { slotCount } from './slots.ts';

export interface SlotTable {
  /** `host:port` of the master of each slot; undefined where there is none. */
  readonly places: readonly (string | undefined)[];
  readonly masters: ReadonlyMap<string, { readonly host: string; readonly port: number }>;
  /** How many replicas each master has, connected or not, by `host:port`. */
  readonly replicas: ReadonlyMap<string, number>;
}

type Server = readonly [host: string | null, port: number, id: string];
type Range = readonly [from: number, to: number, master: Server];

/** @throws RedisError when the server is no node of a cluster */
export async function readSlots({ client, address }: RedisNode): Promise<SlotTable> {
  const [ranges, nodes] = await Promise.all([
    client.call('cluster', 'SLOTS') as Promise<readonly Range[]>,
    client.call('cluster', 'NODES') as Promise<string>,
  ]).catch((cause: unknown) => {
    throw refusalOf(cause, address);
  });
  const places: (string | undefined)[] = Array.from({ length: slotCount }, () => undefined);
  const masters = new Map<string, { host: string; port: number }>();
  const replicas = new Map<string, number>();
  const replicasOf = countReplicas(nodes);
  for (const [from, to, [itsHost, port, id]] of ranges) {
    // A node that does not know its own address is the one that was asked.
    const host = itsHost === null || itsHost === '' || itsHost === '?' ? (client.options.host ?? '') : itsHost;
    const place = `${host}:${port}`;
    masters.set(place, { host, port });
    replicas.set(place, replicasOf.get(id) ?? 0);
    places.fill(place, from, to + 1);
  }
  return { places, masters, replicas };
}

/** `<id> <address> <flags> <id of its master or -> …`: those that failed count too, because they may take over when they are back. */
function countReplicas(nodes: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of nodes.split('\n')) {
    const [, , flags = '', masterId = '-'] = line.split(' ');
    if (flags.split(',').includes('slave')) counts.set(masterId, (counts.get(masterId) ?? 0) + 1);
  }
  return counts;
}

function refusalOf(cause: unknown, address: string): unknown {
  const { name, message } = cause as Error;
  if (name !== 'ReplyError') return cause;
  if (message.includes('cluster support disabled'))
    return new RedisError(
      exitCodes.usage,
      `REDIS_URL names several servers, as the nodes of one Redis Cluster, but Redis at ${address} is not in cluster mode. Name one server, or the nodes of a cluster.`,
      { cause },
    );
  if (message.startsWith('NOPERM'))
    return new RedisError(
      exitCodes.usage,
      `Redis at ${address} denies its user a permission that disburse needs in a cluster (${message}). Permit CLUSTER SLOTS and CLUSTER NODES.`,
      { cause },
    );
  return cause;
}
