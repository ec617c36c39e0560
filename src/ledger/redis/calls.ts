/** Calls to the ledger's Redis, and the pipeline that carries them. */
import type { Redis } from 'ioredis';
import type { KeyNames } from './key-names.ts';
import type { Script } from './scripts.ts';

export type Argument = string | Buffer;

export interface Call {
  readonly shard: number;
  /** Undefined for a plain command. */
  readonly script: Script | undefined;
  readonly command: string;
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

export type CallResult = readonly [error: Error | null, value?: unknown];

/** The value of a read whose shard belongs to another generation. */
export const otherGeneration = Symbol('other generation');

/**
 * Sends the calls as one pipeline; the results are in their order. A plain read does not compare the generation, so the
 * generation of each shard that was read is asked for behind all of them: a generation never comes back.
 */
export async function sendCalls(
  client: Redis,
  names: Pick<KeyNames, 'meta'>,
  generation: string,
  calls: readonly Call[],
): Promise<CallResult[]> {
  const pipeline = client.pipeline();
  for (const { script, command, args, bytes, whole } of calls) {
    if (script === undefined) pipeline[bytes ? 'callBuffer' : 'call'](command, [...args] as string[]);
    else if (whole) pipeline.call('eval', [script.text, ...args]);
    else pipeline.call('evalsha', [script.sha, ...args]);
  }
  const read = [...new Set(calls.filter(({ script }) => script === undefined).map(({ shard }) => shard))];
  for (const shard of read) pipeline.hget(names.meta(shard), 'generation');
  const results = ((await pipeline.exec()) ?? []) as CallResult[];
  const generations = new Map(read.map((shard, index) => [shard, results[calls.length + index]]));
  return calls.map((call, index) => {
    const result = results[index] ?? [new Error('no answer')];
    return call.script === undefined ? checkedRead(result, generations.get(call.shard), generation) : result;
  });
}

function checkedRead(result: CallResult, found: CallResult | undefined, generation: string): CallResult {
  if (result[0] !== null || found === undefined) return result;
  if (found[0] !== null) return found;
  return found[1] === generation ? result : [null, otherGeneration];
}
