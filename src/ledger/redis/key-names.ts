/**
 * The names of a ledger's keys: `<prefix>:{NN}:<what>`. NN is the shard, and the braces make it the hash tag of Redis
 * Cluster: all that one transition touches is in one slot. These names are on disk: never change one.
 */
import { hash } from 'node:crypto';
import type { Occurrence } from '../../../batches/instruction/instruction.ts';
import type { Status } from '../../../batches/record/status.ts';
import { statusCode } from '../codes.ts';
import { claimRangeOf, createSharding, type ShardCount, type Sharding } from './sharding.ts';

/** Occurrences of a stream that share a hash: about 64 of them are in each of 16 shards, which Redis keeps in its compact form. */
const bucketSize = 1024;

/**
 * Numbers of entries and admissions: microseconds since 2025, times 16, plus shard. Where a ledger has more shards, two numbers
 * of one shard are as many more microseconds apart, so that the numbers of all shards still differ. In every ledger they are
 * below 2^53 until 2042.
 */
const numbersInMicrosecond = 16;
const numbersBegin = Date.UTC(2025, 0, 1);
export const timeOfNumber = (number: number): number => timeOfMicroseconds(Math.floor(number / numbersInMicrosecond));
/** @param microseconds as a shard keeps its newest number, without the shard */
export const timeOfMicroseconds = (microseconds: number): number => numbersBegin + Math.floor(microseconds / 1000);
/** A number without its shard. */
export const microsecondsAt = (ms: number): number => Math.max(0, Math.floor((ms - numbersBegin) * 1000));
export const numberAtTime = (ms: number): number => Math.max(0, (ms - numbersBegin) * 1000 * numbersInMicrosecond);

/** Three levels of buckets: what is full in one has this many siblings in the next. */
const levels = [64, 1_024, 16_384] as const;
const levelsBegin = [0, 64, 64 + 1_024] as const;
/** In each shard. */
export const bucketCount = 64 + 1_024 + 16_384;

/** The numbers of the three buckets that something may be in. @param hex its SHA-1, whose first bits are its shard: buckets are of the last ones */
const bucketsOf = (hex: string): readonly number[] => {
  const place = parseInt(hex.slice(1, 8), 16);
  return levels.map((size, level) => (levelsBegin[level] ?? 0) + (place % size));
};

/** The numbers of the buckets that the packed record may be in. */
export const packedBucketsOf = (recordId: string): readonly number[] => bucketsOf(hash('sha1', recordId, 'hex'));

export interface KeyNames extends Sharding {
  /**
   * Hash: generation, state, counter, last number, shard, number of shards if it is not 16, binding, key check, dead letters, last decision to pause everything; for each process that writes,
   * as `w:<short id>`, `<counter of its last write> <when, s>`, and the highest counter `forgotten` of those dropped.
   */
  meta(shard: number): string;
  /** Hash: texts that many records share, by number, and their numbers, by text. */
  names(shard: number): string;
  /** String: header line, mutable line, immutable line. */
  record(shard: number, recordId: string): string;
  /** Hash: outcomes of the occurrences of one range of a stream, by position. */
  places(shard: number, occurrence: Pick<Occurrence, 'stream' | 'position'>): string;
  /** Hash: the shard that each place of a range of a file belongs to, by position; in the shard of the range. */
  claims(place: Pick<Occurrence, 'stream' | 'position'>): string;
  /** Hash: the highest sequence published under a record id that has no record. */
  loose(shard: number): string;
  /** String: attempt, line break, sealed body. */
  body(shard: number, recordId: string): string;
  /** List: the audit trail of the record, as `trails.ts` encodes its entries. */
  trail(shard: number, recordId: string): string;
  /** Sorted set: records that have an alert which no person has acknowledged, by the number of their admission. */
  alerted(shard: number): string;
  /** Hash: what is paused, as JSON, by batch id; '' for everything. Every shard has all of it. */
  pauses(shard: number): string;
  /** Hash: the record that each session belongs to, by session id; a few sessions share a hash, which stays compact. */
  sessions(shard: number, sessionId: string): string;
  /** Hash: packed records by record id, as `packed-record.ts` encodes them. */
  packedBucket(shard: number, bucket: number): string;
  /** The buckets that this one may be in. */
  packed(shard: number, recordId: string): readonly string[];
  /** The same. @param hex at least 8 digits of the SHA-1 of the record id */
  packedByHash(shard: number, hex: string): readonly string[];
  /** String: the numbers of the buckets that packed records of the batch are in, in two bytes each; a number may be there more than once. */
  packedOf(shard: number, batchId: string): string;
  /** Hashes: the record ids that packed sessions belong to, as `sessions.ts` encodes them. @param hex at least 8 digits of the SHA-1 of the session id */
  packedSessions(shard: number, hex: string): readonly string[];
  /** Hash: record ids that packed claims name by a hash, while their records are not packed. */
  longIds(shard: number): string;
  /** Hash: counts, amounts, first sends of a batch in this shard, how many of its records are open here, and the last decision to pause it. */
  tally(shard: number, batchId: string): string;
  /** Sorted set: records of the batch in this status, by the number of the change that brought them to it. */
  index(shard: number, batchId: string, status: Status): string;
  /** Those of all statuses that a record can have, in the order of their codes, from 1. */
  indexes(shard: number, batchId: string): string[];
  /** Sorted set: records that are not final, by the number of their admission. */
  open(shard: number): string;
  /** Set: the names of the tallies, in this shard, of batches that have open records here. */
  active(shard: number): string;
  /** Sorted set: records of all batches, by when an instance should move them. */
  queue(shard: number): string;
  /** Sorted set: records of the batch, by `dueAt`. */
  due(shard: number, batchId: string): string;
  /** Sorted set: duplicates in the batch, as `<record id>:<order>:<sequence>`, by their numbers. */
  duplicates(shard: number, batchId: string): string;
  /** Sorted set: numbers of unpublished events, by when they were decided or taken over. */
  outboxTimes(shard: number): string;
  /** Hash: unpublished events by number. */
  outboxEvents(shard: number): string;
  /** Hash: what is pinned of a batch, its state, and how far it was enqueued. */
  batch(batchId: string): string;
  /** Sorted set: the batches of this shard, by the number of their creation. */
  batches(shard: number): string;
  /** Sorted set: those of them that are of files and are running or waiting. */
  unfinished(shard: number): string;
  /** Set: positions of the stream whose messages are dead letters. */
  deadLetters(shard: number, stream: string): string;
  /**
   * Sorted set: final statuses of batches, as `<code>:<batch id>`, that have records with details, by the number of the first
   * of these records or a lower one.
   */
  ends(shard: number): string;
  /** Hash, in schema 1 only: up to which number the details of a batch and status were purged. */
  dropped(shard: number): string;
  /** String, empty: written where a write has to be waited for. */
  sync(shard: number): string;
  /** Matches the keys of the ledger whose names begin so behind the shard: `r:`. */
  patternOf(what: string): string;
  /** Matches every key of the ledger, however many shards it has, and no other. */
  readonly pattern: string;
}

const tagOf = (shard: number): string => String(shard).padStart(2, '0');
const recordCodes = Object.entries(statusCode)
  .filter(([status]) => !['received', 'conflict', 'duplicate'].includes(status))
  .map(([, code]) => code)
  .sort((a, b) => a - b);

export function createKeyNames(prefix: string, shardCount: ShardCount): KeyNames {
  const sharding = createSharding(shardCount);
  const { shardOf, shardOfClaims } = sharding;
  const bases = sharding.shards.map((shard) => `${prefix}:{${tagOf(shard)}}:`);
  const name = (shard: number, rest: string): string => `${bases[shard] ?? ''}${rest}`;
  /** Made once: every step of a record names many of these. */
  const oneEach = (rest: string): ((shard: number) => string) => {
    const names = sharding.shards.map((shard) => name(shard, rest));
    return (shard) => names[shard] ?? '';
  };
  return {
    ...sharding,
    meta: oneEach('meta'),
    names: oneEach('names'),
    record: (shard, recordId) => name(shard, `r:${recordId}`),
    places: (shard, { stream, position }) => name(shard, `p:${stream}:${Math.floor(position / bucketSize)}`),
    claims: (place) => name(shardOfClaims(place), `c:${place.stream}:${claimRangeOf(place)}`),
    loose: oneEach('loose'),
    body: (shard, recordId) => name(shard, `b:${recordId}`),
    trail: (shard, recordId) => name(shard, `a:${recordId}`),
    alerted: oneEach('alerts'),
    pauses: oneEach('pauses'),
    sessions: (shard, sessionId) => name(shard, `s:${hash('sha1', sessionId, 'hex').slice(1, 4)}`),
    packedBucket: (shard, bucket) => name(shard, `k:${bucket}`),
    packed: (shard, recordId) => packedBucketsOf(recordId).map((bucket) => name(shard, `k:${bucket}`)),
    packedByHash: (shard, hex) => bucketsOf(hex).map((bucket) => name(shard, `k:${bucket}`)),
    packedOf: (shard, batchId) => name(shard, `m:${batchId}`),
    packedSessions: (shard, hex) => bucketsOf(hex).map((bucket) => name(shard, `q:${bucket}`)),
    longIds: oneEach('long'),
    tally: (shard, batchId) => name(shard, `t:${batchId}`),
    index: (shard, batchId, status) => name(shard, `i:${statusCode[status]}:${batchId}`),
    indexes: (shard, batchId) => recordCodes.map((code) => name(shard, `i:${code}:${batchId}`)),
    open: oneEach('open'),
    active: oneEach('active'),
    queue: oneEach('queue'),
    due: (shard, batchId) => name(shard, `d:${batchId}`),
    duplicates: (shard, batchId) => name(shard, `u:${batchId}`),
    outboxTimes: oneEach('outbox:times'),
    outboxEvents: oneEach('outbox:events'),
    batch: (batchId) => name(shardOf(batchId), `batch:${batchId}`),
    batches: oneEach('batches'),
    unfinished: oneEach('batches:unfinished'),
    deadLetters: (shard, stream) => name(shard, `dead:${stream}`),
    ends: oneEach('ends'),
    dropped: oneEach('dropped'),
    sync: oneEach('sync'),
    patternOf: (what) => `${prefix}:{[0-6][0-9]}:${what}*`,
    pattern: `${prefix}:{[0-6][0-9]}:*`,
  };
}
