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
import { isElsewhere, sendByKey } from '../../redis/by-key.ts';
import type { RedisNode } from '../../redis/connection.ts';
import type { ScriptClientParams } from './script-client-params.ts';
import { otherGeneration, sendCalls, type Argument, type Call, type CallResult } from './calls.ts';
import { LedgerDataLossError, refusedCall } from './errors.ts';
import { resultsOf, unitsOf } from './groups.ts';
import type { Script } from './scripts.ts';
import { createNodeLinks, type NodeLinks } from './node-links.ts';
import { verifyShards, type Verification, type VerifiedConnection } from './verified-connection.ts';
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

export type { LedgerTimeSeen, ScriptClientParams } from './script-client-params.ts';

const noOptions: RunOptions = { mayPostpone: false };
const pipelineLimit = 1_000;
const pauseMs = 200;
/** These pass: it is loading, a script runs long, it has become a replica and another one the master, its disk is full. */
const passing = /^(LOADING|BUSY|MASTERDOWN|READONLY|MISCONF)\b/;
/** Redis 6 puts what a command in a script met behind words of its own. Nothing was written: the first write is refused. */
const noMemory = /^OOM\b|-OOM command not allowed/;
const noMaster = /^(READONLY|MASTERDOWN)/;

/** What the parts of the client share. */
interface State {
  readonly params: ScriptClientParams;
  readonly counters: WriteCounters;
  /** By shard. */
  readonly waiting: Call[][];
  /** Where an answer is waited for. */
  readonly busy: Set<VerifiedConnection>;
  scheduled: boolean;
  failure: LedgerDataLossError | undefined;
  closing: boolean;
  ended: boolean;
  links: NodeLinks | undefined;
}

export function createScriptClient(params: ScriptClientParams): ScriptClient {
  const state: State = {
    params,
    counters: createWriteCounters(params),
    waiting: params.names.shards.map(() => []),
    busy: new Set(),
    scheduled: false,
    failure: undefined,
    closing: false,
    ended: false,
    links: undefined,
  };
  state.links = createNodeLinks({
    connection: params.connection,
    names: params.names,
    verify: (node, its) => verify(state, node, its),
    onVerified: () => schedule(state),
    onLost() {
      if (state.closing) rejectUnreachable(state);
    },
  });
  const underWay = new Set<Promise<unknown>>();
  const ask = (call: Pick<Call, 'shard' | 'script' | 'command' | 'keys' | 'args' | 'bytes' | 'mayPostpone'>): Promise<never> =>
    new Promise((resolve, reject) => {
      const { shard, script, command, keys, args, bytes, mayPostpone } = call;
      enqueue(state, { shard, script, command, keys, args, bytes, mayPostpone, whole: false, repeated: false, resolve, reject });
    });

  return {
    run: (shard, script, keys, args, { mayPostpone } = noOptions) =>
      ask({ shard, script, command: 'evalsha', keys, args, bytes: false, mayPostpone }) as Promise<Reply>,
    read: (shard, command, ...args) =>
      ask({ shard, script: undefined, command, keys: [], args, bytes: false, mayPostpone: false }) as Promise<unknown>,
    readBytes: (shard, command, ...args) =>
      ask({ shard, script: undefined, command, keys: [], args, bytes: true, mayPostpone: false }) as Promise<Buffer | null>,
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
      rejectUnreachable(state);
      await Promise.allSettled(underWay);
      if (state.ended) return;
      state.ended = true;
      await removeOwnFields(state);
      state.links?.close();
    },
  };
}

const linkOf = ({ links }: State, shard: number): VerifiedConnection | undefined => links?.of(shard);

function enqueue(state: State, call: Call): void {
  if (state.failure !== undefined) call.reject(state.failure);
  else if (state.ended) call.reject(new LedgerClosedError());
  else {
    state.waiting[call.shard]?.push(call);
    if (linkOf(state, call.shard) !== undefined) schedule(state);
    // No call waits for a Redis that is away once the ledger is being closed.
    else if (state.closing) rejectUnreachable(state);
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

function rejectQueued(state: State, error: Error, isIn: (shard: number) => boolean = () => true): void {
  for (const shard of state.params.names.shards)
    if (isIn(shard)) for (const call of state.waiting[shard]?.splice(0) ?? []) call.reject(error);
}

/** What waits for a node that is away. */
const rejectUnreachable = (state: State): void =>
  rejectQueued(state, new LedgerClosedError(), (shard) => linkOf(state, shard) === undefined);

function markBroken(state: State, what: string): void {
  if (state.failure !== undefined) return;
  state.failure = new LedgerDataLossError(state.params.place, what);
  rejectQueued(state, state.failure);
  state.params.onBroken(state.failure);
}

/**
 * Each node gets the calls of all its shards together, one pipeline at a time: what comes meanwhile leaves together, so that
 * one script, one sync and one wait for a replica serve many writes.
 */
function flush(state: State): void {
  const byLink = new Map<VerifiedConnection, Call[]>();
  for (const shard of state.params.names.shards) {
    const link = linkOf(state, shard);
    const waiting = state.waiting[shard] ?? [];
    if (link === undefined || waiting.length === 0 || state.busy.has(link)) continue;
    const calls = byLink.get(link) ?? [];
    byLink.set(link, calls);
    calls.push(...waiting.splice(0, pipelineLimit - calls.length));
    if (waiting.length > 0) schedule(state);
  }
  for (const [link, calls] of byLink)
    send(state, link, calls).catch((cause: unknown) => {
      for (const call of calls) call.reject(cause);
    });
}

async function send(state: State, link: VerifiedConnection, calls: readonly Call[]): Promise<void> {
  const { waits: waitsAt, onReplica } = state.params;
  const epoch = link.epoch();
  const waits = waitsAt?.(link.node) ?? false;
  state.busy.add(link);
  try {
    const units = unitsOf(calls);
    const sent = units.map((unit) => unit.sent);
    const { results, isReplicated } = await sendCalls(link.node.client, { ...state.params, waits }, sent);
    if (isReplicated !== undefined) onReplica?.(link.node, isReplicated);
    const via = { link, epoch, counts: !waits || isReplicated === true };
    units.forEach((unit, index) => {
      const own = resultsOf(unit, results[index] ?? noAnswer());
      unit.calls.forEach((call, at) => settle(state, call, own[at] ?? noAnswer(), via));
    });
  } finally {
    if (state.busy.delete(link)) schedule(state);
  }
}

const noAnswer = (): CallResult => [new Error('no answer')];

/** On which connection a call was made. */
interface Via {
  readonly link: VerifiedConnection;
  readonly epoch: number;
  /** No failover can undo what was written. */
  readonly counts: boolean;
}

function settle(state: State, call: Call, [error, value]: CallResult, via: Via): void {
  if (error !== null) {
    fail(state, call, error, via);
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
  if (!via.counts) {
    call.repeated = true;
    void systemClock.sleep(pauseMs).then(() => enqueue(state, call));
    return;
  }
  const reply = value as readonly string[];
  const [answer = '', counters = ''] = reply;
  const [counter = '', lastOwn = '0', nowMs, offsetMs] = counters.split(' ');
  state.counters.note(call.shard, Number(counter), Number(lastOwn));
  if (nowMs !== undefined) state.params.onTime?.({ nowMs: Number(nowMs), offsetMs: Number(offsetMs) });
  call.resolve({ answer, counter, values: reply.slice(2), repeated: call.repeated } satisfies Reply as never);
}

function fail(state: State, call: Call, error: Error, { link, epoch }: Via): void {
  if (error.name !== 'ReplyError') {
    call.repeated = true;
    link.interrupt(epoch);
    enqueue(state, call);
  } else if (error.message.startsWith('NOSCRIPT')) {
    call.whole = true;
    enqueue(state, call);
  } else if (isElsewhere(error)) {
    if (error.message.startsWith('MOVED')) state.params.connection.noteMoved(error.message);
    else state.params.onNoSlot?.(error.message);
    void systemClock.sleep(pauseMs).then(() => enqueue(state, call));
  } else if (passing.test(error.message)) {
    call.repeated = true;
    if (noMaster.test(error.message)) link.interrupt(epoch);
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

async function verify(state: State, node: RedisNode, its: readonly number[]): Promise<Verification> {
  if (state.failure !== undefined) return 'refused';
  const found = await verifyShards(state.params, state.counters, { node, shards: its });
  if (typeof found === 'string') return found;
  markBroken(state, found.loss);
  return 'refused';
}

/** A closed process no longer needs its write counter. What stays because Redis was away is dropped by others, in time. */
async function removeOwnFields(state: State): Promise<void> {
  const { connection, names } = state.params;
  if (state.failure !== undefined) return;
  const own = state.counters.ownFields().filter(([shard]) => linkOf(state, shard) !== undefined);
  const commands = own.map(([shard, field]) => ({ key: names.meta(shard), command: ['hdel', names.meta(shard), field] as const }));
  await sendByKey(connection, commands).catch(() => undefined);
}
