/**
 * Runs scripts and reads on the ledger's Redis. Calls of the same turn of the event loop leave as one pipeline, so that
 * one sync of the append-only file serves many writes.
 *
 * A call whose reply is lost waits until Redis is back and is made again with the same arguments: every script detects
 * by them whether it was carried out already. Every new connection is verified before a call uses it: a ledger that
 * holds less than this process has seen is broken, and stays so.
 */
import { LedgerClosedError } from '../errors.ts';
import { systemClock } from '../../clock.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { otherGeneration, sendCalls, type Argument, type Call, type CallResult } from './calls.ts';
import { LedgerDataLossError, refusedCall, type LedgerPlace } from './errors.ts';
import { shards, type KeyNames } from './key-names.ts';
import type { Script } from './scripts.ts';
import { createVerifiedConnection, type Verification, type VerifiedConnection } from './verified-connection.ts';
import { createWriteCounters, type WriteCounters } from './write-counters.ts';

/** The reply of a script: its first word, the shard's counter, and what follows. */
export interface Reply {
  readonly answer: string;
  readonly counter: string;
  readonly values: readonly string[];
  /** The call was made more than once: an earlier one may have been carried out. */
  readonly repeated: boolean;
}

/** @property mayPostpone a write that finds no memory is not kept until there is some, but answered `postponed` */
export interface RunOptions {
  readonly mayPostpone: boolean;
}

export interface ScriptClient {
  /** Key 1 and argument 1, meta and generation with writer, are added. */
  run(shard: number, script: Script, keys: readonly string[], args: readonly Argument[], options?: RunOptions): Promise<Reply>;
  /** A plain command, in lower case, that only reads; `hgetall` returns an object. */
  read(shard: number, command: string, ...args: readonly string[]): Promise<unknown>;
  /** The same, with the reply as bytes. */
  readBytes(shard: number, command: string, ...args: readonly string[]): Promise<Buffer | null>;
  /** Runs a whole operation of the ledger, which `close` waits for. */
  tracked<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Accepts nothing more; waits for what is under way, but not for a Redis that is away. Removes this process's write
   * counter from the ledger. Idempotent.
   */
  close(): Promise<void>;
}

export interface ScriptClientParams {
  readonly connection: RedisConnection;
  readonly place: LedgerPlace;
  readonly names: KeyNames;
  readonly generation: string;
  /** This process's short id, without spaces; '' for one that only reads. */
  readonly writer: string;
  /** The counters as they were found, by shard. */
  readonly counters: readonly number[];
  readonly onBroken: (error: LedgerDataLossError) => void;
  /** Asked on every new connection before it is used: false while the server may not be used. Rejects when it cannot say now. */
  readonly isSafe?: () => Promise<boolean>;
  /** Called when Redis refuses a write because its memory or its disk is full; the write waits until there is room. */
  readonly onFull?: (what: 'memory' | 'disk') => void;
  /** Receives the ledger's time with every reply of a script. */
  readonly onTime?: (time: LedgerTimeSeen) => void;
}

/** The time of a shard, which is Redis TIME and an offset; milliseconds. */
export interface LedgerTimeSeen {
  readonly nowMs: number;
  readonly offsetMs: number;
}

const pipelineLimit = 1_000;
const pauseMs = 200;
/** These pass: it is loading, a script runs long, it has become a replica and another one the master, its disk is full. */
const passing = /^(LOADING|BUSY|TRYAGAIN|MASTERDOWN|READONLY|CLUSTERDOWN|MISCONF)\b/;
/** Redis 6 puts what a command in a script met behind words of its own. Nothing was written: the first write is refused. */
const noMemory = /^OOM\b|-OOM command not allowed/;
const noMaster = /^(READONLY|MASTERDOWN)/;

/** What the parts of the client share. */
interface State {
  readonly params: ScriptClientParams;
  readonly counters: WriteCounters;
  waiting: Call[];
  scheduled: boolean;
  failure: LedgerDataLossError | undefined;
  closing: boolean;
  ended: boolean;
  link: VerifiedConnection | undefined;
}

export function createScriptClient(params: ScriptClientParams): ScriptClient {
  const state: State = {
    params,
    counters: createWriteCounters(params),
    waiting: [],
    scheduled: false,
    failure: undefined,
    closing: false,
    ended: false,
    link: undefined,
  };
  state.link = createVerifiedConnection({
    connection: params.connection,
    verify: () => verify(state),
    onVerified: () => schedule(state),
    onLost() {
      if (state.closing) rejectQueued(state, new LedgerClosedError());
    },
  });
  const { names, generation, writer } = params;
  const underWay = new Set<Promise<unknown>>();
  const ask = (call: Pick<Call, 'shard' | 'script' | 'command' | 'args' | 'bytes' | 'mayPostpone'>): Promise<never> =>
    new Promise((resolve, reject) => enqueue(state, { ...call, whole: false, repeated: false, resolve, reject }));

  return {
    run: (shard, script, keys, args, { mayPostpone } = { mayPostpone: false }) =>
      ask({
        shard,
        script,
        command: 'evalsha',
        args: [String(keys.length + 1), names.meta(shard), ...keys, `${generation} ${writer}`, ...args],
        bytes: false,
        mayPostpone,
      }) as Promise<Reply>,
    read: (shard, command, ...args) =>
      ask({ shard, script: undefined, command, args, bytes: false, mayPostpone: false }) as Promise<unknown>,
    readBytes: (shard, command, ...args) =>
      ask({ shard, script: undefined, command, args, bytes: true, mayPostpone: false }) as Promise<Buffer | null>,
    async tracked(work) {
      if (state.failure !== undefined) throw state.failure;
      if (state.closing) throw new LedgerClosedError();
      const mine = work();
      underWay.add(mine);
      try {
        return await mine;
      } finally {
        underWay.delete(mine);
      }
    },
    async close() {
      state.closing = true;
      if (!isVerified(state)) rejectQueued(state, new LedgerClosedError());
      await Promise.allSettled(underWay);
      if (state.ended) return;
      state.ended = true;
      state.link?.close();
      await removeOwnFields(state);
    },
  };
}

const isVerified = ({ link }: State): boolean => link?.isVerified() ?? false;

function enqueue(state: State, call: Call): void {
  if (state.failure !== undefined) call.reject(state.failure);
  else if (state.ended) call.reject(new LedgerClosedError());
  else {
    state.waiting.push(call);
    if (isVerified(state)) schedule(state);
    // No call waits for a Redis that is away once the ledger is being closed.
    else if (state.closing) rejectQueued(state, new LedgerClosedError());
  }
}

function schedule(state: State): void {
  if (state.scheduled) return;
  state.scheduled = true;
  setImmediate(() => {
    state.scheduled = false;
    flush(state);
  });
}

function rejectQueued(state: State, error: Error): void {
  const queued = state.waiting;
  state.waiting = [];
  for (const call of queued) call.reject(error);
}

function markBroken(state: State, what: string): void {
  if (state.failure !== undefined) return;
  state.failure = new LedgerDataLossError(state.params.place, what);
  rejectQueued(state, state.failure);
  state.params.onBroken(state.failure);
}

function flush(state: State): void {
  if (!isVerified(state)) return;
  while (state.waiting.length > 0) {
    const calls = state.waiting.slice(0, pipelineLimit);
    state.waiting = state.waiting.slice(pipelineLimit);
    send(state, calls).catch((cause: unknown) => {
      for (const call of calls) call.reject(cause);
    });
  }
}

async function send(state: State, calls: readonly Call[]): Promise<void> {
  const { connection, names, generation } = state.params;
  const epoch = state.link?.epoch() ?? 0;
  const results = await sendCalls(connection.client, names, generation, calls);
  for (const [index, call] of calls.entries()) settle(state, call, results[index] ?? [new Error('no answer')], epoch);
}

function settle(state: State, call: Call, [error, value]: CallResult, epoch: number): void {
  if (error !== null) {
    fail(state, call, error, epoch);
    return;
  }
  if (value === otherGeneration || (call.script !== undefined && (value as readonly unknown[])[0] === 'lost')) {
    markBroken(state, 'was emptied or replaced while it was in use');
    enqueue(state, call);
    return;
  }
  if (call.script === undefined) {
    call.resolve(value as never);
    return;
  }
  const [answer = '', counters = '', ...values] = value as string[];
  const counter = state.counters.note(call.shard, counters);
  const [, , nowMs, offsetMs] = counters.split(' ');
  if (nowMs !== undefined) state.params.onTime?.({ nowMs: Number(nowMs), offsetMs: Number(offsetMs) });
  call.resolve({ answer, counter, values, repeated: call.repeated } satisfies Reply as never);
}

function fail(state: State, call: Call, error: Error, epoch: number): void {
  if (error.name !== 'ReplyError') {
    call.repeated = true;
    state.link?.interrupt(epoch);
    enqueue(state, call);
  } else if (error.message.startsWith('NOSCRIPT')) {
    call.whole = true;
    enqueue(state, call);
  } else if (passing.test(error.message)) {
    call.repeated = true;
    if (noMaster.test(error.message)) state.link?.interrupt(epoch);
    if (error.message.startsWith('MISCONF')) state.params.onFull?.('disk');
    void systemClock.sleep(pauseMs).then(() => enqueue(state, call));
  } else if (noMemory.test(error.message)) {
    state.params.onFull?.('memory');
    // An earlier call of a repeated one may have been carried out: its answer is needed.
    if (call.mayPostpone && !call.repeated)
      call.resolve({ answer: 'postponed', counter: '', values: [], repeated: false } satisfies Reply as never);
    else void systemClock.sleep(pauseMs).then(() => enqueue(state, call));
  } else {
    call.reject(refusedCall(state.params.place, error));
  }
}

/** Whether the new connection leads to a ledger that holds all that this process has seen. */
async function verify(state: State): Promise<Verification> {
  if (state.failure !== undefined) return 'refused';
  const { connection, names, isSafe = () => Promise.resolve(true) } = state.params;
  if (!(await isSafe().catch(() => false))) return 'retry';
  const pipeline = connection.client.pipeline();
  for (const shard of shards) pipeline.hmget(names.meta(shard), ...state.counters.fields);
  const results = ((await pipeline.exec()) ?? []) as CallResult[];
  if (results.length !== shards.length || results.some(([error]) => error !== null)) return 'retry';
  const loss = state.counters.loss(results.map(([, value]) => value as readonly (string | null)[]));
  if (loss === undefined) return 'verified';
  markBroken(state, loss);
  return 'refused';
}

/** A closed process no longer needs its write counter. What stays because Redis was away is dropped by others, in time. */
async function removeOwnFields(state: State): Promise<void> {
  const own = state.counters.ownFields(state.params.names);
  if (own.length === 0 || !isVerified(state) || state.failure !== undefined) return;
  const pipeline = state.params.connection.client.pipeline();
  for (const [key, field] of own) pipeline.hdel(key, field);
  await pipeline.exec();
}

/** Redis TIME, in milliseconds since the epoch. */
export async function redisTime(calls: ScriptClient): Promise<number> {
  const [seconds, microseconds] = (await calls.read(0, 'time')) as readonly string[];
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}
