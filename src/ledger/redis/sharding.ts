/**
 * The shards of one ledger: how many there are, and which of them a text, a place or a number belongs to. The number is
 * chosen when the ledger is created and kept in each shard. What is on disk follows from it: it never changes.
 */
import { hash } from 'node:crypto';
import type { Occurrence } from '../../../batches/instruction/instruction.ts';

type Place = Pick<Occurrence, 'stream' | 'position'>;

/** Each is a power of two, so that the first bits of a hash name the shard. */
export type ShardCount = 16 | 32 | 64;
/** Of a ledger that was created without a choice, and of every one that does not say how many it has. */
export const defaultShardCount = 16;
export const mostShards = 64;

export interface Sharding {
  readonly shards: readonly number[];
  shardOf(text: string): number;
  /** @param hex the SHA-1 of a text, or at least its first two digits */
  shardOfHex(hex: string): number;
  /** The shard of an occurrence is that of the record it names; only without one its place counts. */
  shardOfPlace(place: Place): number;
  /** Follows from the place alone. */
  shardOfClaims(place: Place): number;
  /** Numbers of entries and admissions contain their shard; see `numbersInMicrosecond`. */
  shardOfNumber(number: number): number;
  /** Microseconds between two numbers of one shard. */
  readonly step: number;
  /** How an export names the shard; see `shardsOfExported`. */
  exported(shard: number): number;
  /**
   * The shards of this ledger that have what was in a shard of an exported one, whatever the number of that: with more shards
   * here, each may have it.
   *
   * @param exported the shard itself, 0 to 15, of a ledger of 16; with 32 or 64 shards their number is added: 32 to 63, 64 to 127
   */
  shardsOfExported(exported: number): readonly number[];
}

/** Places of a file that share a hash of claims, which Redis keeps in its compact form. */
const claimRange = 128;
export const claimRangeOf = ({ position }: Pick<Occurrence, 'position'>): number => Math.floor(position / claimRange);

export function createSharding(count: ShardCount): Sharding {
  const shardOfHex = (hex: string): number => Math.floor((parseInt(hex.slice(0, 2), 16) * count) / 256);
  const shardOf = (text: string): number => shardOfHex(hash('sha1', text, 'hex'));
  return {
    shards: Array.from({ length: count }, (_, shard) => shard),
    shardOf,
    shardOfHex,
    shardOfPlace: ({ stream, position }) => shardOf(`${stream}:${position}`),
    shardOfClaims: (place) => shardOf(`${place.stream}:${claimRangeOf(place)}`),
    shardOfNumber: (number) => number % count,
    step: count / defaultShardCount,
    exported: (shard) => (count === defaultShardCount ? shard : count + shard),
    shardsOfExported(exported) {
      const from = exported < 32 ? 16 : exported < 64 ? 32 : 64;
      const shard = from === defaultShardCount ? exported : exported - from;
      const first = Math.floor((shard * count) / from);
      return Array.from({ length: Math.max(1, count / from) }, (_, index) => first + index);
    },
  };
}
