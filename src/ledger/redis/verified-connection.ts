/**
 * Which shards may be used on the connection to a node of Redis: each is verified on each new connection, and when the node
 * gets it from another one, because there may be another server or an older copy of the ledger behind it.
 */
import { systemClock } from '../../clock.ts';
import type { RedisConnection, RedisNode } from '../../redis/connection.ts';
import type { CallResult } from './calls.ts';
import type { KeyNames } from './key-names.ts';
import type { WriteCounters } from './write-counters.ts';

/** What the check of a connection found. `retry`: the connection failed, or the server is not ready yet. */
export type Verification = 'verified' | 'refused' | 'retry';

export interface VerifiedConnection {
  readonly node: RedisNode;
  /** True while calls of the shard may be sent. */
  isVerified(shard: number): boolean;
  /** Rises with every connection: what was learnt on an earlier one says nothing about this one. */
  epoch(): number;
  /** Calls of this epoch got no answer: the connection is gone, or the server hangs or is no longer the master. */
  interrupt(epoch: number): void;
  /** The node may have other shards. */
  shardsChanged(): void;
  /** Stops listening. The connection itself stays open: it belongs to the caller. */
  close(): void;
}

const retryMs = 200;

interface ConnectionParams {
  readonly node: RedisNode;
  /** Those that are at the node. */
  readonly shardsOf: () => readonly number[];
  readonly verify: (shards: readonly number[]) => Promise<Verification>;
  readonly onVerified: () => void;
  readonly onLost: () => void;
}

interface State {
  epoch: number;
  verified: ReadonlySet<number>;
  checking: boolean;
  closed: boolean;
}

export function createVerifiedConnection(params: ConnectionParams): VerifiedConnection {
  const { node, shardsOf, onLost } = params;
  const { client } = node;
  const state: State = { epoch: 0, verified: new Set(), checking: false, closed: false };

  const start = async (): Promise<void> => {
    const mine = state.epoch;
    state.checking = true;
    await check(state, params);
    if (mine === state.epoch) state.checking = false;
  };
  const lose = (): void => {
    state.epoch += 1;
    state.verified = new Set();
    state.checking = false;
  };
  const ready = (): void => {
    lose();
    void start();
  };
  const close = (): void => {
    lose();
    onLost();
  };
  client.on('close', close);
  client.on('ready', ready);
  if (client.status === 'ready') ready();

  return {
    node,
    isVerified: (shard) => state.verified.has(shard),
    epoch: () => state.epoch,
    interrupt(mine) {
      if (mine !== state.epoch || state.closed) return;
      lose();
      if (client.status === 'ready') node.renew();
    },
    shardsChanged() {
      keepOnly(state, shardsOf());
      if (client.status === 'ready' && !state.checking && !state.closed) void start();
    },
    close() {
      state.closed = true;
      lose();
      client.off('close', close);
      client.off('ready', ready);
    },
  };
}

function keepOnly(state: State, shards: readonly number[]): void {
  state.verified = new Set(shards.filter((shard) => state.verified.has(shard)));
}

/** Ends when all shards of the node are verified, or the connection is no longer this one. */
async function check(state: State, { shardsOf, verify, onVerified }: ConnectionParams): Promise<void> {
  const mine = state.epoch;
  const isCurrent = (): boolean => mine === state.epoch && !state.closed;
  while (isCurrent()) {
    const shards = shardsOf();
    keepOnly(state, shards);
    const missing = shards.filter((shard) => !state.verified.has(shard));
    if (missing.length === 0) return;
    const outcome = await verify(missing);
    if (!isCurrent() || outcome === 'refused') return;
    if (outcome === 'verified') {
      state.verified = new Set([...state.verified, ...missing]);
      onVerified();
    } else await systemClock.sleep(retryMs);
  }
}

/** Whether the node holds all of these shards that this process has seen. */
export async function verifyShards(
  terms: {
    readonly connection: Pick<RedisConnection, 'noteMoved'>;
    readonly names: Pick<KeyNames, 'meta'>;
    readonly isSafe?: ((node: RedisNode) => Promise<boolean>) | undefined;
  },
  counters: Pick<WriteCounters, 'fields' | 'loss'>,
  { node, shards }: { readonly node: RedisNode; readonly shards: readonly number[] },
): Promise<'verified' | 'retry' | { readonly loss: string }> {
  const { connection, names, isSafe = () => Promise.resolve(true) } = terms;
  if (!(await isSafe(node).catch(() => false))) return 'retry';
  const pipeline = node.client.pipeline();
  for (const shard of shards) pipeline.hmget(names.meta(shard), ...counters.fields);
  const results = ((await pipeline.exec()) ?? []) as CallResult[];
  const failure = results.find(([error]) => error !== null)?.[0];
  if (failure?.message.startsWith('MOVED') === true) connection.noteMoved(failure.message);
  if (results.length !== shards.length || failure !== undefined) return 'retry';
  const loss = counters.loss(new Map(shards.map((shard, index) => [shard, results[index]?.[1] as readonly (string | null)[]])));
  return loss === undefined ? 'verified' : { loss };
}
