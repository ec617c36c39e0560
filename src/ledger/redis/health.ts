/**
 * Whether Redis keeps what it acknowledges and has memory for it, while instances work. A change for the worse stops new
 * intents and is reported once; the outcomes of what was sent are written all the same, or as soon as there is memory.
 */
import type { IntentGate } from '../../../batches/ports/intent-gate.ts';
import type { Worker } from '../../../batches/pipeline/worker.ts';
import { systemClock } from '../../clock.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { durabilityFaults, riskOf, unsafeFlag } from './durability-check.ts';

/** Its ticks look at memory and settings. */
export interface RedisHealth extends IntentGate, Worker {
  /** Reads the settings of the server that the connection leads to now. False: it may not be used. Rejects when they cannot be read now. */
  isSafe(): Promise<boolean>;
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

type Trouble = 'unsafe' | 'memory' | 'disk';

interface HealthParams {
  readonly connection: RedisConnection;
  readonly allowUnsafe: boolean;
  /** What the start found and has reported. */
  readonly faults: readonly string[];
  readonly onWarning: (message: string) => void;
}

export function createRedisHealth(params: HealthParams): RedisHealth {
  const { connection, allowUnsafe } = params;
  const { client } = connection;
  const gate = createTroubleGate();
  const noteFaults = faultNotes(params, gate);
  const { noteMemory, noteDisk } = roomNotes(params, gate);
  let ticks = 0;

  return {
    name: 'Redis health',
    isOpen: gate.isOpen,
    waitUntilOpen: gate.waitUntilOpen,
    async tick() {
      const isCheck = ticks++ % ticksBetweenChecks === 0;
      try {
        if (client.status === 'ready') {
          noteMemory(await memoryShareOf(connection));
          if (gate.has('disk')) noteDisk(!(await canWriteFiles(connection)));
          if (isCheck) noteFaults(await durabilityFaults(client));
        }
      } catch {
        // A connection that fails now is verified when it is back.
      }
      return tickMs;
    },
    async isSafe() {
      const faults = await durabilityFaults(client);
      noteFaults(faults);
      return faults.length === 0 || allowUnsafe;
    },
    noteFull: (what) => (what === 'memory' ? noteMemory(1) : noteDisk(true)),
    async untilThereIsMemory() {
      while (client.status !== 'end') {
        await systemClock.sleep(pauseMs);
        if (client.status !== 'ready') continue;
        const share = await memoryShareOf(connection).catch(() => 1);
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

function faultNotes({ connection, allowUnsafe, faults, onWarning }: HealthParams, gate: TroubleGate) {
  const { address } = connection;
  let known = faults.join('; ');
  return (found: readonly string[]): void => {
    const text = found.join('; ');
    gate.set('unsafe', text !== '' && !allowUnsafe);
    if (text === known) return;
    known = text;
    if (text === '') onWarning(`Redis at ${address} keeps what it acknowledges again.${allowUnsafe ? '' : ' Sending continues.'}`);
    else onWarning(`${riskOf(address, found)} ${allowUnsafe ? `Allowed by ${unsafeFlag}.` : 'Nothing new is sent until it is corrected.'}`);
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

/** Used memory as a share of maxmemory; 0 without one, or where the user may not read it. */
async function memoryShareOf({ client }: RedisConnection): Promise<number> {
  const text = await client.info('memory').catch((error: unknown) => {
    if ((error as Error | null)?.name === 'ReplyError') return '';
    throw error;
  });
  const bytesOf = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  const most = bytesOf('maxmemory');
  return most === 0 ? 0 : bytesOf('used_memory') / most;
}

async function canWriteFiles({ client }: RedisConnection): Promise<boolean> {
  const text = await client.info('persistence');
  return !/^(?:aof_last_write_status|rdb_last_bgsave_status):err/m.test(text);
}
