/**
 * Calls to the ledger's Redis. What is asked for in the same turn of the event loop goes out as one pipeline, so that
 * one sync of the append-only file serves many writes.
 *
 * A call whose reply is lost waits until Redis is back and is made again, with the same arguments: every script knows
 * by them whether it was carried out already. Before anything is asked of a new connection, the ledger is looked at:
 * one that holds less than this process has seen is broken for good.
 */
import { LedgerClosedError, LedgerWriteError } from '../errors.ts';
import { systemClock } from '../../clock.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { LedgerDataLossError, placeText, type LedgerPlace } from './errors.ts';
import { shards, type KeyNames } from './key-names.ts';
import type { Script } from './scripts.ts';
import { createWriteCounters } from './write-counters.ts';

export type Argument = string | Buffer;

/** What a script answered: its first word, the shard's counter, and what follows. */
export interface Reply {
  readonly answer: string;
  readonly counter: string;
  readonly values: readonly string[];
  /** The call was made more than once: an earlier one may have been carried out. */
  readonly repeated: boolean;
}

export interface ScriptClient {
  /** Key 1 and argument 1, meta and generation with writer, are added. */
  run(shard: number, script: Script, keys: readonly string[], args: readonly Argument[]): Promise<Reply>;
  /** A plain command, in lower case, that only reads; `hgetall` answers an object. */
  read(shard: number, command: string, ...args: readonly string[]): Promise<unknown>;
  /** The same, with the answer's bytes. */
  readBytes(shard: number, command: string, ...args: readonly string[]): Promise<Buffer | null>;
  /** Runs a whole operation of the ledger, which `close` waits for. */
  operation<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Takes nothing more; waits for what is under way, but not for a Redis that is away. What the ledger notes of this
   * process goes with it. Idempotent.
   */
  close(): Promise<void>;
}

interface Call {
  readonly shard: number;
  readonly script: Script | undefined;
  readonly command: string;
  readonly args: readonly Argument[];
  readonly bytes: boolean;
  /** The whole script is sent, because Redis did not know it by its hash. */
  whole: boolean;
  repeated: boolean;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

type Result = readonly [error: Error | null, value?: unknown];

const pipelineLimit = 1_000;
const pauseMs = 200;
/** These pass by themselves: it is loading, a script runs long, it has become a replica and another one the master. */
const passing = /^(LOADING|BUSY|TRYAGAIN|MASTERDOWN|READONLY|CLUSTERDOWN)\b/;

export function createScriptClient(params: {
  readonly connection: RedisConnection;
  readonly place: LedgerPlace;
  readonly names: KeyNames;
  readonly generation: string;
  /** This process's short id, without spaces; '' for one that only reads. */
  readonly writer: string;
  /** The counters as they were found, by shard. */
  readonly counters: readonly number[];
  readonly onBroken: (error: LedgerDataLossError) => void;
}): ScriptClient {
  const { connection, place, names, generation, writer, onBroken } = params;
  const { client } = connection;
  const seen = createWriteCounters(params);
  let waiting: Call[] = [];
  let scheduled = false;
  let failure: LedgerDataLossError | undefined;
  let closing = false;
  let ended = false;
  /** Raised with every connection: what was looked at on a former one says nothing. */
  let epoch = 0;
  let verified = false;
  const underWay = new Set<Promise<unknown>>();

  const markBroken = (what: string): void => {
    if (failure !== undefined) return;
    failure = new LedgerDataLossError(place, what);
    const stranded = waiting;
    waiting = [];
    for (const call of stranded) call.reject(failure);
    onBroken(failure);
  };

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      flush();
    });
  };

  const enqueue = (call: Call): void => {
    if (failure !== undefined) call.reject(failure);
    else if (ended) call.reject(new LedgerClosedError());
    else {
      waiting.push(call);
      if (verified) schedule();
      else if (closing) rejectWaiting();
    }
  };

  /** Nobody waits for a Redis that is away once the ledger is being closed. */
  const rejectWaiting = (): void => {
    const stranded = waiting;
    waiting = [];
    for (const call of stranded) call.reject(new LedgerClosedError());
  };

  const flush = (): void => {
    if (!verified) return;
    while (waiting.length > 0) {
      const calls = waiting.slice(0, pipelineLimit);
      waiting = waiting.slice(pipelineLimit);
      send(calls).catch((cause: unknown) => {
        for (const call of calls) call.reject(cause);
      });
    }
  };

  const send = async (calls: readonly Call[]): Promise<void> => {
    const mine = epoch;
    const pipeline = client.pipeline();
    for (const { script, command, args, bytes, whole } of calls) {
      if (script === undefined) pipeline[bytes ? 'callBuffer' : 'call'](command, [...args] as string[]);
      else if (whole) pipeline.call('eval', [script.text, ...args]);
      else pipeline.call('evalsha', [script.sha, ...args]);
    }
    // A plain read does not look at the generation: it is asked for behind all of them. It never comes back to what it was.
    const read = [...new Set(calls.filter(({ script }) => script === undefined).map(({ shard }) => shard))];
    for (const shard of read) pipeline.hget(names.meta(shard), 'generation');
    const results = ((await pipeline.exec()) ?? []) as Result[];
    const generations = new Map(read.map((shard, index) => [shard, results[calls.length + index]]));
    for (const [index, call] of calls.entries()) {
      const result = results[index] ?? [new Error('no answer')];
      settle(call, call.script === undefined ? ofGeneration(result, generations.get(call.shard)) : result, mine);
    }
  };

  const ofGeneration = (result: Result, found: Result | undefined): Result => {
    if (result[0] !== null || found === undefined) return result;
    if (found[0] !== null) return found;
    return found[1] === generation ? result : [null, lost];
  };

  const settle = (call: Call, [error, value]: Result, mine: number): void => {
    if (error !== null) fail(call, error, mine);
    else if (value === lost || (call.script !== undefined && (value as readonly unknown[])[0] === 'lost')) {
      markBroken('was emptied or replaced while it was in use');
      enqueue(call);
    } else if (call.script === undefined) call.resolve(value as never);
    else {
      const [answer = '', counters = '', ...values] = value as string[];
      const counter = seen.note(call.shard, counters);
      call.resolve({ answer, counter, values, repeated: call.repeated } satisfies Reply as never);
    }
  };

  const fail = (call: Call, error: Error, mine: number): void => {
    if (error.name !== 'ReplyError') {
      call.repeated = true;
      interrupted(mine);
      enqueue(call);
    } else if (error.message.startsWith('NOSCRIPT')) {
      call.whole = true;
      enqueue(call);
    } else if (passing.test(error.message)) {
      call.repeated = true;
      if (/^(READONLY|MASTERDOWN)/.test(error.message)) interrupted(mine);
      void systemClock.sleep(pauseMs).then(() => enqueue(call));
    } else {
      call.reject(
        new LedgerWriteError(`${placeText(place)} refused a step (${error.message}). ${advice(error.message)}`, { cause: error }),
      );
    }
  };

  /** The connection is gone, or leads to a server that hangs or is no master any more. */
  const interrupted = (mine: number): void => {
    if (mine !== epoch || ended) return;
    epoch += 1;
    verified = false;
    if (client.status === 'ready') connection.renew();
  };

  const onClose = (): void => {
    epoch += 1;
    verified = false;
    if (closing) rejectWaiting();
  };

  /** Looks whether the new connection leads to a ledger that holds all that was seen. */
  const onReady = async (): Promise<void> => {
    epoch += 1;
    const mine = epoch;
    while (mine === epoch && !ended && failure === undefined) {
      const pipeline = client.pipeline();
      for (const shard of shards) pipeline.hmget(names.meta(shard), ...seen.fields);
      const results = ((await pipeline.exec()) ?? []) as Result[];
      if (mine !== epoch || ended) return;
      if (results.length === shards.length && results.every(([error]) => error === null)) {
        const loss = seen.loss(results.map(([, value]) => value as readonly (string | null)[]));
        if (loss !== undefined) return markBroken(loss);
        verified = true;
        schedule();
        return;
      }
      await systemClock.sleep(pauseMs);
    }
  };

  /** Who has ended compares nothing any more. What stays because Redis was away is dropped by others, in time. */
  const forget = async (): Promise<void> => {
    const traces = seen.ownFields(names);
    if (traces.length === 0 || !verified || failure !== undefined) return;
    const pipeline = client.pipeline();
    for (const [key, field] of traces) pipeline.hdel(key, field);
    await pipeline.exec();
  };

  const ready = (): void => void onReady();
  client.on('close', onClose);
  client.on('ready', ready);
  if (client.status === 'ready') ready();

  const ask = (call: Pick<Call, 'shard' | 'script' | 'command' | 'args' | 'bytes'>): Promise<never> =>
    new Promise((resolve, reject) => enqueue({ ...call, whole: false, repeated: false, resolve, reject }));

  return {
    run: (shard, script, keys, args) =>
      ask({
        shard,
        script,
        command: 'evalsha',
        args: [String(keys.length + 1), names.meta(shard), ...keys, `${generation} ${writer}`, ...args],
        bytes: false,
      }) as Promise<Reply>,
    read: (shard, command, ...args) => ask({ shard, script: undefined, command, args, bytes: false }) as Promise<unknown>,
    readBytes: (shard, command, ...args) => ask({ shard, script: undefined, command, args, bytes: true }) as Promise<Buffer | null>,
    async operation(work) {
      if (failure !== undefined) throw failure;
      if (closing) throw new LedgerClosedError();
      const mine = work();
      underWay.add(mine);
      try {
        return await mine;
      } finally {
        underWay.delete(mine);
      }
    },
    async close() {
      closing = true;
      if (!verified) rejectWaiting();
      await Promise.allSettled(underWay);
      if (ended) return;
      ended = true;
      client.off('close', onClose);
      client.off('ready', ready);
      await forget();
    },
  };
}

/** Stands for the answer of a read whose shard is of another generation. */
const lost = Symbol('lost');

function advice(message: string): string {
  if (message.startsWith('OOM')) return 'Its memory is full: raise maxmemory. Nothing is lost; run again.';
  if (message.startsWith('MISCONF')) return 'It cannot write its files: make room on its disk. Nothing is lost; run again.';
  if (message.startsWith('NOPERM')) return 'Its user must be permitted all commands on the keys of the prefix. Nothing is lost; run again.';
  if (message.startsWith('NOAUTH') || message.startsWith('WRONGPASS')) return 'Correct user and password in REDIS_URL and run again.';
  return 'Nothing that was told to be done is lost: see what is wrong with Redis and run again.';
}

/** Redis TIME, in milliseconds since the epoch. */
export async function redisTime(calls: ScriptClient): Promise<number> {
  const [seconds, microseconds] = (await calls.read(0, 'time')) as readonly string[];
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}
