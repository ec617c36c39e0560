/** The connections to the nodes that hold the ledger's shards, each used for a shard only once that is verified on it. */
import type { RedisConnection, RedisNode } from '../../redis/connection.ts';
import type { KeyNames } from './key-names.ts';
import { createVerifiedConnection, type Verification, type VerifiedConnection } from './verified-connection.ts';

export interface NodeLinks {
  /** The connection to use for the shard; undefined while there is none. */
  of(shard: number): VerifiedConnection | undefined;
  /** Stops listening. */
  close(): void;
}

export function createNodeLinks(params: {
  readonly connection: RedisConnection;
  readonly names: Pick<KeyNames, 'meta' | 'shards'>;
  readonly verify: (node: RedisNode, shards: readonly number[]) => Promise<Verification>;
  readonly onVerified: () => void;
  readonly onLost: () => void;
}): NodeLinks {
  const { connection, names, verify, onVerified, onLost } = params;
  const links = new Map<RedisNode, VerifiedConnection>();
  let holders: readonly RedisNode[] = [];

  const add = (node: RedisNode): VerifiedConnection =>
    createVerifiedConnection({
      node,
      shardsOf: () => names.shards.filter((shard) => holders[shard] === node),
      verify: (its) => verify(node, its),
      onVerified,
      onLost,
    });
  const update = (): void => {
    holders = names.shards.map((shard) => connection.nodeOf(names.meta(shard)));
    const used = new Set(holders);
    for (const [node, link] of links) {
      if (used.has(node)) continue;
      link.close();
      links.delete(node);
    }
    for (const node of used) {
      const link = links.get(node);
      if (link === undefined) links.set(node, add(node));
      else link.shardsChanged();
    }
    // Calls may wait for a shard that no connection has any more.
    onLost();
  };
  const stop = connection.onChange(update);
  update();

  return {
    of(shard) {
      const holder = holders[shard];
      const link = holder === undefined ? undefined : links.get(holder);
      return link?.isVerified(shard) === true ? link : undefined;
    },
    close() {
      stop();
      for (const link of links.values()) link.close();
      links.clear();
    },
  };
}
