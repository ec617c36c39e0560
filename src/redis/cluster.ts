/**
 * The masters of a Redis Cluster, each with a connection of its own, and the table of slots that says which of them holds a
 * key. The library's own cluster client is not used: it sends a command whose reply was lost again by itself, and does not
 * say on which connection a command went, which has to be checked before it is used and may have to wait for a replica.
 *
 * The table is read at the start, when a node says that a slot moved, and as long as a node is away: a replica that takes
 * over is then found.
 */
import { systemClock } from '../clock.ts';
import { exitCodes } from '../exit.ts';
import { createNode, type OwnNode } from './node.ts';
import { RedisError, type RedisConnection } from './port.ts';
import { slotCount, slotOf } from './slots.ts';
import { readSlots, type SlotTable } from './slot-table.ts';
import { addressOf, urlAt } from './urls.ts';

interface ClusterParams {
  readonly urls: readonly [string, ...string[]];
  readonly caFile: string | undefined;
  readonly onWarning: (message: string) => void;
  readonly waitMs: number;
}

const refreshEveryMs = 500;
const seedWaitMs = 1_000;
const whenLost = 'Retrying; work on the slots that it holds is paused until it is back or a replica has taken over.';

interface State {
  readonly params: ClusterParams;
  /** By `host:port`. */
  readonly nodes: Map<string, OwnNode>;
  /** Where each slot is. */
  readonly places: string[];
  readonly listeners: Set<() => void>;
  refreshing: Promise<void> | undefined;
  /** Which node is asked next. */
  turn: number;
  /** Ends the wait between two looks at a cluster that is not whole. */
  watching: boolean;
  closed: boolean;
}

/** @throws RedisError when the cluster cannot be reached in time, is none, or does not hold all slots */
export async function connectCluster(params: ClusterParams): Promise<RedisConnection> {
  const { urls, waitMs } = params;
  const address = addressOf(urls.join(','));
  const state: State = {
    params,
    nodes: new Map(),
    places: [],
    listeners: new Set(),
    refreshing: undefined,
    turn: 0,
    watching: false,
    closed: false,
  };
  try {
    await connectFirst(state, waitMs);
  } catch (cause) {
    close(state);
    throw cause;
  }
  const nodes = (): readonly OwnNode[] => [...state.nodes.values()];
  return {
    address,
    isCluster: true,
    nodes,
    nodeOf(key) {
      const node = state.nodes.get(state.places[slotOf(key)] ?? '') ?? nodes()[0];
      if (node === undefined) throw new TypeError('a cluster without nodes');
      return node;
    },
    noteMoved: (message) => noteMoved(state, message),
    refresh: () => refresh(state),
    onChange(listener) {
      state.listeners.add(listener);
      return () => void state.listeners.delete(listener);
    },
    async ready(signal) {
      for (const node of nodes()) await node.ready(signal);
    },
    async close() {
      close(state);
    },
  };
}

function close(state: State): void {
  state.closed = true;
  for (const { client } of state.nodes.values()) client.disconnect();
}

async function connectFirst(state: State, waitMs: number): Promise<void> {
  const endsAt = performance.now() + waitMs;
  const table = await tableOfSeeds(state, waitMs);
  take(state, table, (node) => node);
  await Promise.all([...state.nodes.values()].map((node) => node.connect(Math.max(endsAt - performance.now(), seedWaitMs))));
  for (const node of state.nodes.values()) follow(state, node);
}

/** Of the nodes that are named the first one that answers and knows them all. */
async function tableOfSeeds({ params }: State, waitMs: number): Promise<SlotTable> {
  const { urls, caFile, onWarning } = params;
  const seeds = urls.map((url) => createNode({ url, caFile, onWarning }));
  const asked = seeds.map(async (seed) => {
    await seed.connect(waitMs);
    const table = await readSlots(seed);
    // One that was just started may not know all others yet.
    const missing = table.places.filter((place) => place === undefined).length;
    if (missing > 0) throw incomplete(addressOf(urls.join(',')), missing);
    return table;
  });
  try {
    return await Promise.any(asked);
  } catch (cause) {
    const { errors } = cause as AggregateError;
    throw errors.find((error) => error instanceof RedisError && error.exitCode === exitCodes.usage) ?? errors[0];
  } finally {
    // Also those that did not answer yet.
    for (const { client } of seeds) client.disconnect();
  }
}

const incomplete = (address: string, missing: number): RedisError =>
  new RedisError(
    exitCodes.stopped,
    `the Redis Cluster at ${address} has no master for ${missing} of its ${slotCount} slots. Repair it (redis-cli --cluster check), then run again.`,
  );

/** Takes what a node said; a slot that it has no master for stays where it was. */
function take(state: State, table: SlotTable, begin: (node: OwnNode) => void): void {
  let changed = false;
  for (const [slot, place] of table.places.entries()) {
    if (place === undefined || state.places[slot] === place) continue;
    state.places[slot] = place;
    changed = true;
  }
  for (const [place, { host, port }] of table.masters) {
    if (!state.nodes.has(place) && state.places.includes(place)) begin(addNode(state, place, host, port));
    state.nodes.get(place)?.noteReplicas(table.replicas.get(place) ?? 0);
  }
  const used = new Set(state.places);
  for (const [place, { client, address }] of state.nodes) {
    if (used.has(place)) continue;
    state.nodes.delete(place);
    client.disconnect();
    state.params.onWarning(`Redis at ${address} holds no slots of the cluster any more: work on them goes on at the nodes that do.`);
  }
  if (changed) for (const listener of state.listeners) listener();
}

function addNode(state: State, place: string, host: string, port: number): OwnNode {
  const { urls, caFile, onWarning } = state.params;
  const node = createNode({ url: urlAt(urls[0], host, port), caFile, onWarning, whenLost });
  state.nodes.set(place, node);
  return node;
}

/** A node that is lost may have been replaced by another one. */
function follow(state: State, { client }: OwnNode): void {
  client.on('close', () => void watch(state));
}

const begin =
  (state: State) =>
  (node: OwnNode): void => {
    follow(state, node);
    node.connectLater();
  };

/** Asks as long as a node is away. */
async function watch(state: State): Promise<void> {
  if (state.watching) return;
  state.watching = true;
  while (!state.closed && [...state.nodes.values()].some(({ client }) => client.status !== 'ready')) {
    await refresh(state);
    await systemClock.sleep(refreshEveryMs);
  }
  state.watching = false;
}

function noteMoved(state: State, message: string): void {
  const [, slot, host = '', port] = /^MOVED (\d+) (.*):(\d+)/.exec(message) ?? [];
  if (slot !== undefined && host !== '') {
    const place = `${host}:${port}`;
    const known = state.places[Number(slot)];
    if (!state.nodes.has(place)) begin(state)(addNode(state, place, host, Number(port)));
    if (known !== place) {
      state.places[Number(slot)] = place;
      for (const listener of state.listeners) listener();
    }
  }
  void refresh(state);
}

const refresh = (state: State): Promise<void> =>
  (state.refreshing ??= ask(state)
    .catch(() => undefined)
    .finally(() => {
      state.refreshing = undefined;
    }));

/** The nodes take turns, because one of them may know less than the others. */
async function ask(state: State): Promise<void> {
  if (state.closed) return;
  const ready = [...state.nodes.values()].filter(({ client }) => client.status === 'ready');
  const node = ready[state.turn++ % Math.max(ready.length, 1)];
  const table = node === undefined ? await tableOfSeeds(state, seedWaitMs) : await readSlots(node);
  if (!state.closed) take(state, table, begin(state));
}
