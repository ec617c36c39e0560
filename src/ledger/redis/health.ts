/**
 * Whether Redis keeps what it acknowledges and has memory for it, while instances work. A change for the worse stops new
 * intents and is reported once; the outcomes of what was sent are written all the same, or as soon as there is memory.
 */
import type { IntentGate } from '../../../batches/ports/intent-gate.ts';
import type { Worker } from '../../../batches/pipeline/worker.ts';
import { monotonicClock, systemClock } from '../../clock.ts';
import type { RedisConnection, RedisNode } from '../../redis/connection.ts';
import { connectedReplicas, durabilityOf, faultsOf, riskOf, unsafeFlag, type Durability } from './durability-check.ts';

/** Its ticks look at memory and settings of every node. */
export interface RedisHealth extends IntentGate, Worker {
  /** Reads the settings of the server that the connection leads to now. False: it may not be used. Rejects when they cannot be read now. */
  isSafe(node: RedisNode): Promise<boolean>;
  /** A write to the node counts when a replica of it has it in its append-only file. */
  waits(node: RedisNode): boolean;
  /** Whether a replica had the latest writes in time. */
  noteReplica(node: RedisNode, hasWritten: boolean): void;
  /** A node of a cluster answered that no master has a slot, or that it is on its way. */
  noteNoSlot(message: string): void;
  /** Redis refused a write for want of memory, or because it cannot write its files. */
  noteFull(what: 'memory' | 'disk'): void;
  /** Resolves when a write would not be refused for its size, or the connection is closed. */
  untilThereIsMemory(): Promise<void>;
}

const tickMs = 1_000;
const ticksBetweenChecks = 60;
const pauseMs = 200;
/** Shares of maxmemory: outcomes of what is in flight must fit into the rest. */
const [closedAbove, openBelow] = [0.95, 0.93];

type Trouble = 'unsafe' | 'memory' | 'disk' | 'replica';

interface HealthParams {
  readonly connection: RedisConnection;
  readonly allowUnsafe: boolean;
  /** What the start found and has reported. */
  readonly found: ReadonlyMap<RedisNode, Durability>;
  readonly onWarning: (message: string) => void;
}

const isReady = ({ client }: RedisNode): boolean => client.status === 'ready';

export function createRedisHealth(params: HealthParams): RedisHealth {
  const { connection } = params;
  const gate = createTroubleGate();
  const durability = durabilityNotes(params, gate);
  const { noteMemory, noteDisk } = roomNotes(params, gate);
  let ticks = 0;
  const ready = (): readonly RedisNode[] => connection.nodes().filter(isReady);

  return {
    name: 'Redis health',
    isOpen: gate.isOpen,
    waitUntilOpen: gate.waitUntilOpen,
    async tick() {
      const isCheck = ticks++ % ticksBetweenChecks === 0;
      if (isCheck) await connection.refresh();
      try {
        if (ready().length > 0) {
          noteMemory(await memoryShareOf(ready()));
          if (gate.has('disk')) noteDisk(!(await canWriteFiles(ready())));
        }
      } catch {
        // A connection that fails now is verified when it is back.
      }
      for (const node of ready()) await durability.look(node, isCheck).catch(() => undefined);
      return tickMs;
    },
    isSafe: durability.isSafe,
    waits: durability.waits,
    noteReplica: replicaNotes(params, gate),
    noteNoSlot: slotNotes(params),
    noteFull: (what) => (what === 'memory' ? noteMemory(1) : noteDisk(true)),
    async untilThereIsMemory() {
      while (connection.nodes().some(({ client }) => client.status !== 'end')) {
        await systemClock.sleep(pauseMs);
        if (ready().length === 0) continue;
        const share = await memoryShareOf(ready()).catch(() => 1);
        noteMemory(share);
        if (share < openBelow) return;
      }
    },
  };
}

interface TroubleGate extends IntentGate {
  has(trouble: Trouble): boolean;
  set(trouble: Trouble, isThere: boolean): void;
}

/** Open while there is no trouble. */
function createTroubleGate(): TroubleGate {
  const troubles = new Set<Trouble>();
  let waiting: (() => void)[] = [];
  return {
    has: (trouble) => troubles.has(trouble),
    set(trouble, isThere) {
      if (isThere) troubles.add(trouble);
      else troubles.delete(trouble);
      if (troubles.size > 0) return;
      for (const wake of waiting) wake();
      waiting = [];
    },
    isOpen: () => troubles.size === 0,
    async waitUntilOpen(signal) {
      signal.throwIfAborted();
      if (troubles.size === 0) return;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const onAbort = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      waiting.push(resolve);
      await promise.finally(() => signal.removeEventListener('abort', onAbort));
    },
  };
}

/** What is known of each node. A server that had a replica goes on to wait for one: the replica may come back and take over. */
function durabilityNotes({ connection, allowUnsafe, found, onWarning }: HealthParams, gate: TroubleGate) {
  const { address } = connection;
  const known = new Map(found);
  let reported = faultsOf(connection, known).join('; ');

  const report = (): void => {
    const faults = faultsOf(connection, known);
    const text = faults.join('; ');
    gate.set('unsafe', text !== '' && !allowUnsafe);
    if (text === reported) return;
    reported = text;
    if (text === '') onWarning(`Redis at ${address} keeps what it acknowledges again.${allowUnsafe ? '' : ' Sending continues.'}`);
    else
      onWarning(`${riskOf(address, faults)} ${allowUnsafe ? `Allowed by ${unsafeFlag}.` : 'Nothing new is sent until it is corrected.'}`);
  };
  const check = async (node: RedisNode): Promise<Durability> => {
    const its = await durabilityOf(node);
    const waited = !connection.isCluster && known.get(node)?.waits === true;
    for (const other of known.keys()) if (!connection.nodes().includes(other)) known.delete(other);
    known.set(node, { ...its, waits: its.waits || waited });
    report();
    return its;
  };
  return {
    async isSafe(node: RedisNode): Promise<boolean> {
      return (await check(node)).faults.length === 0 || allowUnsafe;
    },
    waits: (node: RedisNode): boolean => !allowUnsafe && known.get(node)?.waits === true,
    /** Reads the settings when it is time for that, or as soon as there is a replica. */
    async look(node: RedisNode, isCheck: boolean): Promise<void> {
      const isReplicated = known.get(node)?.waits === true;
      if (isCheck || (!isReplicated && connectedReplicas(await node.client.info('replication')) > 0)) await check(node);
    },
  };
}

function replicaNotes({ connection, onWarning }: HealthParams, gate: TroubleGate) {
  const behind = new Set<RedisNode>();
  return (node: RedisNode, hasWritten: boolean): void => {
    for (const other of behind) if (!connection.nodes().includes(other)) behind.delete(other);
    if (!hasWritten && !behind.has(node))
      onWarning(
        `No replica of Redis at ${node.address} has the latest writes in its append-only file. Nothing new is sent until one has, because it may take over: check that a replica is connected and has appendonly yes.`,
      );
    if (hasWritten && behind.has(node)) onWarning(`A replica of Redis at ${node.address} has all writes again: sending continues.`);
    if (hasWritten) behind.delete(node);
    else behind.add(node);
    gate.set('replica', behind.size > 0);
  };
}

/** What goes on is reported once in so long. */
const slotReportEveryMs = 60_000;

function slotNotes({ connection: { address }, onWarning }: HealthParams) {
  let [movingUntil, missingUntil] = [0, 0];
  return (message: string): void => {
    const now = monotonicClock.now();
    if (message.startsWith('CLUSTERDOWN')) {
      if (now < missingUntil) return;
      missingUntil = now + slotReportEveryMs;
      onWarning(
        `The Redis Cluster at ${address} has no master for some slots (${message}). What they hold waits until a master serves them. With cluster-require-full-coverage yes, everything else waits too.`,
      );
    } else if (now >= movingUntil) {
      movingUntil = now + slotReportEveryMs;
      onWarning(`A slot of the Redis Cluster at ${address} is on its way to another node. What it holds waits until it has arrived.`);
    }
  };
}

function roomNotes({ connection: { address }, onWarning }: HealthParams, gate: TroubleGate) {
  return {
    noteMemory(share: number): void {
      if (!gate.has('memory') && share > closedAbove) {
        onWarning(
          `Redis at ${address} uses ${Math.floor(share * 100)} % of its maxmemory. Nothing new is sent until it is below ${openBelow * 100} %: raise maxmemory. Outcomes are written as far as they fit, and then as soon as there is memory.`,
        );
        gate.set('memory', true);
      } else if (gate.has('memory') && share < openBelow) {
        onWarning(`Redis at ${address} has memory again: sending continues.`);
        gate.set('memory', false);
      }
    },
    noteDisk(isFull: boolean): void {
      if (isFull === gate.has('disk')) return;
      if (isFull)
        onWarning(
          `Redis at ${address} cannot write its files and refuses writes. Nothing new is sent until it can: free space on its disk. Outcomes are written then.`,
        );
      else onWarning(`Redis at ${address} can write its files again: sending continues.`);
      gate.set('disk', isFull);
    },
  };
}

/** Used memory as a share of maxmemory, at the fullest node; 0 without one, or where the user may not read it. */
async function memoryShareOf(nodes: readonly RedisNode[]): Promise<number> {
  const shares = await Promise.all(
    nodes.map(async ({ client }) => {
      const text = await client.info('memory').catch((error: unknown) => {
        if ((error as Error | null)?.name === 'ReplyError') return '';
        throw error;
      });
      const bytesOf = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? 0);
      const most = bytesOf('maxmemory');
      return most === 0 ? 0 : bytesOf('used_memory') / most;
    }),
  );
  return Math.max(...shares);
}

async function canWriteFiles(nodes: readonly RedisNode[]): Promise<boolean> {
  const texts = await Promise.all(nodes.map(({ client }) => client.info('persistence')));
  return texts.every((text) => !/^(?:aof_last_write_status|rdb_last_bgsave_status):err/m.test(text));
}
