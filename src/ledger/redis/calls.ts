/** Calls to the ledger's Redis, and the pipeline that carries them. */
import type { Pipeline, Redis } from 'ioredis';
import { ScriptCommand } from '../../redis/script-command.ts';
import type { KeyNames } from './key-names.ts';
import type { Script } from './scripts.ts';

export type Argument = string | Buffer;

export interface Call {
  readonly shard: number;
  /** Undefined for a plain command. */
  readonly script: Script | undefined;
  readonly command: string;
  /** Of a script: behind the meta hash of its shard. */
  readonly keys: readonly string[];
  /** Of a script: behind generation and writer. */
  readonly args: readonly Argument[];
  readonly bytes: boolean;
  /** A write that finds no memory is answered at once. */
  readonly mayPostpone: boolean;
  /** The whole script is sent, because Redis did not know it by its hash. */
  whole: boolean;
  repeated: boolean;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** What is sent of a call, or of a group of them. */
export type Sending = Pick<Call, 'shard' | 'script' | 'command' | 'keys' | 'args' | 'bytes' | 'whole'>;

export type CallResult = readonly [error: Error | null, value?: unknown];

/** The value of a read whose shard belongs to another generation. */
export const otherGeneration = Symbol('other generation');

/** Whether a replica has what was written, where that was asked for; undefined: it was not asked for, or there was no answer. */
export interface Sent {
  readonly results: readonly CallResult[];
  readonly isReplicated: boolean | undefined;
}

/**
 * How long a write may take until a replica has it, in all far below what a call may take. Each wait asks the replicas how far they
 * are, once: an answer that came before they synced their files would be corrected only after a second. A wait ends at once
 * when a former one was enough.
 */
const replicaWaitsMs = [2, 5, 20, 2_000] as const;
const syncKeptMs = 86_400_000;

/**
 * Sends the calls as one pipeline; the results are in their order. A plain read does not compare the generation, so the
 * generation of each shard that was read is asked for behind all of them: a generation never comes back.
 *
 * @param terms.waits behind a script, waits until a replica has everything in its append-only file that was written on this node.
 *   `WAITAOF` waits for the writes of its own connection, so that a write is made for it: a script may have found that an
 *   earlier call, or another process, made the write.
 */
export async function sendCalls(
  client: Redis,
  terms: {
    readonly names: Pick<KeyNames, 'meta' | 'sync'>;
    readonly generation: string;
    readonly writer: string;
    readonly waits: boolean;
  },
  calls: readonly Sending[],
): Promise<Sent> {
  const { names, generation, writer, waits } = terms;
  const pipeline = client.pipeline();
  const begin = `${generation} ${writer}`;
  for (const { shard, script, command, keys, args, bytes, whole } of calls) {
    if (script === undefined) pipeline[bytes ? 'callBuffer' : 'call'](command, args as string[]);
    else {
      const before: Argument[] = [whole ? script.text : script.sha, String(keys.length + 1), names.meta(shard)];
      (pipeline as Pipeline).sendCommand(new ScriptCommand(whole ? 'eval' : 'evalsha', before.concat(keys, begin, args)));
    }
  }
  const read = [...new Set(calls.filter(({ script }) => script === undefined).map(({ shard }) => shard))];
  for (const shard of read) pipeline.hget(names.meta(shard), 'generation');
  const written = waits ? calls.find(({ script }) => script !== undefined) : undefined;
  if (written !== undefined) {
    const key = names.sync(written.shard);
    // A server without memory refuses the first one; the second one is a write wherever the key is known.
    pipeline.set(key, '').pexpire(key, syncKeptMs);
    for (const ms of replicaWaitsMs) pipeline.call('waitaof', '1', '1', String(ms));
  }
  const results = ((await pipeline.exec()) ?? []) as CallResult[];
  const generations = new Map(read.map((shard, index) => [shard, results[calls.length + index]]));
  return {
    results: calls.map((call, index) => {
      const result = results[index] ?? [new Error('no answer')];
      return call.script === undefined ? checkedRead(result, generations.get(call.shard), generation) : result;
    }),
    isReplicated: written === undefined ? undefined : readReplicated(results.slice(calls.length + read.length)),
  };
}

function readReplicated(results: readonly CallResult[]): boolean | undefined {
  const [touched, waited] = [results.at(1), results.at(-1)];
  if (touched === undefined || waited === undefined || (waited[0] !== null && waited[0].name !== 'ReplyError')) return undefined;
  const [local = 0, replicas = 0] = (waited[0] === null ? waited[1] : []) as readonly number[];
  return touched[0] === null && Number(touched[1]) === 1 && Number(local) >= 1 && Number(replicas) >= 1;
}

function checkedRead(result: CallResult, found: CallResult | undefined, generation: string): CallResult {
  if (result[0] !== null || found === undefined) return result;
  if (found[0] !== null) return found;
  return found[1] === generation ? result : [null, otherGeneration];
}
