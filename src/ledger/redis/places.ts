/**
 * Which shard a place of a file belongs to. A record is in the shard of its id, so that two record ids with one place are
 * compared nowhere if their shards differ: the place is claimed first, in a shard that follows from the place alone. Within
 * the claimed shard the admission decides. A claim without an admission is harmless: the same message claims it again.
 *
 * Places of topics are not claimed: partition and offset come from the broker, and a message has one record id.
 */
import type { Occurrence } from '../../../batches/instruction/instruction.ts';
import type { KeyNames } from './key-names.ts';
import { claimRangeOf } from './sharding.ts';
import type { RunOptions, ScriptClient } from './script-client.ts';
import { scripts } from './scripts.ts';

export type Place = Pick<Occurrence, 'stream' | 'position'>;

export interface PlaceClaims {
  /** Returns the shard that the place belongs to, which is `shard` unless another one has claimed it. */
  claim(place: Place, shard: number): Promise<number>;
  /** The same; null when Redis has no memory for it now. */
  claimNow(place: Place, shard: number): Promise<number | null>;
}

interface Claim {
  readonly position: number;
  readonly shard: number;
  readonly resolve: (holder: number | null) => void;
  readonly reject: (cause: unknown) => void;
}

/** Claims of the same turn of the event loop that are in one range share a script. */
interface Group {
  readonly stream: string;
  readonly options: RunOptions;
  readonly claims: Claim[];
}

/** Takes the place of the token of the admission at places that came with an import. Tokens of admissions are longer. */
export const movedToken = 'moved';
/** Behind that token, at a place that is in several shards: it, and the shard of the former ledger as its export names it. */
export const copyMark = '.';

export const isFilePlace = ({ stream }: Pick<Occurrence, 'stream'>): boolean => stream.startsWith('file:');

export function createPlaceClaims({ calls, names }: { readonly calls: ScriptClient; readonly names: KeyNames }): PlaceClaims {
  let waiting = new Map<string, Group>();

  const send = async ({ stream, options, claims }: Group): Promise<void> => {
    const [first] = claims;
    if (first === undefined) return;
    const place = { stream, position: first.position };
    const args = claims.flatMap(({ position, shard }) => [String(position), String(shard)]);
    try {
      const { answer, values } = await calls.run(names.shardOfClaims(place), scripts.claimPlaces, [names.claims(place)], args, options);
      for (const [index, { resolve }] of claims.entries()) resolve(answer === 'postponed' ? null : Number(values[index]));
    } catch (cause) {
      for (const { reject } of claims) reject(cause);
    }
  };
  const sendAll = (): void => {
    const groups = waiting;
    waiting = new Map();
    for (const group of groups.values()) void send(group);
  };

  const ask = (place: Place, shard: number, options: RunOptions): Promise<number | null> => {
    const { stream, position } = place;
    if (!isFilePlace(place)) return Promise.resolve(shard);
    if (waiting.size === 0) setImmediate(sendAll);
    const range = `${stream}:${claimRangeOf(place)}:${options.mayPostpone}`;
    let group = waiting.get(range);
    if (group === undefined) waiting.set(range, (group = { stream, options, claims: [] }));
    const { claims } = group;
    return new Promise((resolve, reject) => claims.push({ position, shard, resolve, reject }));
  };

  return {
    claim: (place, shard) => ask(place, shard, { mayPostpone: false }) as Promise<number>,
    claimNow: (place, shard) => ask(place, shard, { mayPostpone: true }),
  };
}
