/** The connection of an instance to Redis: to one server, or to the nodes of a Redis Cluster. */
import { connectCluster } from './cluster.ts';
import { createNode } from './node.ts';
import type { RedisConnection, RedisParams } from './port.ts';
import { urlsOf } from './urls.ts';

export { RedisError, type RedisConnection, type RedisNode } from './port.ts';
export { addressOf } from './urls.ts';

const defaultWaitMs = 10_000;

/** @throws RedisError when Redis cannot be reached in time, or refuses us */
export async function connectRedis(params: RedisParams): Promise<RedisConnection> {
  const { url, caFile, onWarning, waitMs = defaultWaitMs } = params;
  const urls = urlsOf(url);
  if (urls.length > 1) return connectCluster({ urls, caFile, onWarning, waitMs });
  const node = createNode({ url, caFile, onWarning });
  await node.connect(waitMs);
  return {
    address: node.address,
    isCluster: false,
    nodes: () => [node],
    nodeOf: () => node,
    noteMoved: () => undefined,
    refresh: () => Promise.resolve(),
    onChange: () => () => undefined,
    ready: node.ready,
    async close() {
      node.client.disconnect();
    },
  };
}
