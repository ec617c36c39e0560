/**
 * Reads a topic for oneself: from where one likes, in the order of each partition, without leaving a trace. A group of
 * its own without other members assigns the partitions; nothing is committed, and it is deleted in the end.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaReadError, readError, seconds } from './errors.ts';
import { createGroupMember, type GroupMember } from './group/group-member.ts';
import type { KafkaFactory } from './kafka-factory.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import { createRendezvous, type Rendezvous } from './rendezvous.ts';
import type { TopicRecord } from './topic-record.ts';
import { createTopicOffsets, type TopicOffsets } from './offsets/topic-offsets.ts';

export type { TopicRecord } from './topic-record.ts';

/**
 * - `time`: records whose time is not before these milliseconds since the epoch
 * - `lastOf`: the last so many offsets of each partition; fewer records where offsets have gaps
 */
export type TopicStart = 'beginning' | 'now' | { readonly time: number } | { readonly lastOf: number };

export interface ReadTopicParams {
  /** A new client for each call. */
  readonly createKafka: KafkaFactory;
  readonly topic: string;
  readonly from: TopicStart;
  /** `end`: where each partition ends when the reading begins; what is in an open transaction comes after it. */
  readonly until: 'end' | 'never';
  readonly signal: AbortSignal;
  /** The group's name begins with it: the user needs Read on groups like this. */
  readonly groupPrefix: string;
}

const heartbeatEveryMs = 1_000;
const restartAfterMs = 1_000;
const joiningMs = 3_000;
/** Nothing can be reached, or nothing arrives of what is there, for so long. */
const patienceMs = 60_000;
/** Brokers that just started answer that they are loading. */
const startsWithinMs = 15_000;

/** Where to go on in each partition, and where to end. */
interface ReadRange {
  readonly next: Map<number, bigint>;
  readonly ends: ReadonlyMap<number, bigint> | undefined;
}

/**
 * Holds one answer of each broker at most; the next is asked for when the records of the last are taken.
 *
 * When the signal is aborted, a reading `until: 'never'` just ends; one to the `end` is not complete and throws the
 * signal's reason.
 *
 * @throws {MissingTopicError} when there is no such topic
 * @throws {KafkaReadError} when nothing can be read, also after some time of reading
 */
export async function* readTopic(params: ReadTopicParams): AsyncGenerator<TopicRecord, void, undefined> {
  const { createKafka, topic, until, signal } = params;
  const groupId = `${params.groupPrefix}-${randomUUID()}`;
  const offsets = createTopicOffsets(createKafka, topic);
  const startedAt = performance.now();
  let hasJoined = false;
  try {
    signal.throwIfAborted();
    const course = await firstRange(params, offsets, startedAt);
    let aliveAt = startedAt;
    while (!isDone(course)) {
      const attempt = readAsMember(params, groupId, course);
      try {
        yield* attempt.records();
      } catch (cause) {
        signal.throwIfAborted();
        if (attempt.aliveAt() !== undefined) {
          hasJoined = true;
          aliveAt = attempt.aliveAt() as number;
        }
        const triedForMs = performance.now() - aliveAt;
        const error = readError(cause, { topic, groupId, brokers: createKafka.brokers, triedForMs });
        if (error.code !== 'unreachable' || triedForMs > (hasJoined ? patienceMs : startsWithinMs)) throw error;
        await sleep(restartAfterMs, undefined, { signal });
      } finally {
        await attempt.leave();
      }
    }
  } catch (cause) {
    if (signal.aborted) {
      if (until === 'never') return;
      throw signal.reason;
    }
    throw readError(cause, { topic, groupId, brokers: createKafka.brokers, triedForMs: performance.now() - startedAt });
  } finally {
    // Without members and commits the brokers forget the group by themselves; this only makes it sooner.
    await offsets.deleteGroup(groupId).catch(() => undefined);
    await offsets.close().catch(() => undefined);
  }
}

/** A topic that was just made, or a broker that was just started, may not know its leaders yet. */
async function firstRange(params: ReadTopicParams, offsets: TopicOffsets, startedAt: number): Promise<ReadRange> {
  const { topic, signal, createKafka } = params;
  for (;;) {
    try {
      return await rangeOf(params, offsets);
    } catch (cause) {
      signal.throwIfAborted();
      const triedForMs = performance.now() - startedAt;
      const { code } = readError(cause, { topic, groupId: params.groupPrefix, brokers: createKafka.brokers, triedForMs });
      if (code !== 'unreachable' || triedForMs > startsWithinMs) throw cause;
      await sleep(restartAfterMs, undefined, { signal });
    }
  }
}

async function rangeOf({ from, until }: ReadTopicParams, offsets: TopicOffsets): Promise<ReadRange> {
  const ranges = await offsets.ranges();
  const atTime = typeof from === 'object' && 'time' in from ? await offsets.offsetsAt(from.time) : undefined;
  const next = new Map<number, bigint>();
  for (const [partition, { begin, end }] of ranges) {
    if (from === 'beginning') next.set(partition, begin);
    else if (from === 'now') next.set(partition, end);
    else if ('time' in from) next.set(partition, atTime?.get(partition) ?? end);
    else next.set(partition, later(begin, end - BigInt(from.lastOf)));
  }
  const ends = until === 'never' ? undefined : new Map([...ranges].map(([partition, { end }]) => [partition, end]));
  return { next, ends };
}

const later = (one: bigint, other: bigint): bigint => (one > other ? one : other);

const isDone = (course: ReadRange): boolean => waitsFor(course) === undefined && course.ends !== undefined;

/** A partition that has not come to its end. */
function waitsFor({ next, ends }: ReadRange): number | undefined {
  for (const [partition, end] of ends ?? []) if ((next.get(partition) ?? 0n) < end) return partition;
  return undefined;
}

interface Attempt {
  /** Ends when all partitions have; throws when the member crashed, nothing arrives, or the signal is aborted. */
  records(): AsyncGenerator<TopicRecord, void, undefined>;
  /** When this member last was one; undefined when it never was. By `performance.now()`. */
  aliveAt(): number | undefined;
  leave(): Promise<void>;
}

function readAsMember({ createKafka, topic, signal }: ReadTopicParams, groupId: string, course: ReadRange): Attempt {
  const rendezvous: Rendezvous<readonly TopicRecord[]> = createRendezvous();
  let aliveAt: number | undefined;
  let hasLeft = false;
  let arrivedAt = performance.now();
  const alive = (): void => void (aliveAt = performance.now());
  /** Any offset that is passed shows that reading makes progress. */
  const passed = (partition: number, next: bigint): void => {
    arrivedAt = performance.now();
    course.next.set(partition, later(next, course.next.get(partition) ?? 0n));
    if (isDone(course)) rendezvous.end();
  };
  const onBatch = async (batch: FetchedBatch): Promise<void> => {
    const { partition } = batch;
    const from = course.next.get(partition) ?? 0n;
    const end = course.ends?.get(partition);
    const wanted = batch.records.filter(({ offset }) => offset >= from && (end === undefined || offset < end));
    const given = rendezvous.send(wanted);
    const beating = beat(batch, given);
    const isTaken = await given;
    await beating;
    if (!isTaken) return;
    batch.resolve((batch.records.at(-1) as TopicRecord).offset);
    alive();
    passed(partition, batch.next);
  };
  const member: GroupMember = createGroupMember({
    kafka: createKafka(),
    groupId,
    topic,
    events: {
      onJoined() {
        if (hasLeft) void member.leave().catch(() => undefined);
        alive();
        for (const [partition, offset] of course.next) member.seek(partition, offset);
      },
      onLeft: () => undefined,
      onFetched: () => undefined,
      onPassed: passed,
      onBatch,
      onCrash: (error) => rendezvous.fail(error),
    },
  });
  const started = member.start().catch((cause: unknown) => rendezvous.fail(cause));
  const abort = (): void => rendezvous.fail(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const watch = setInterval(() => {
    const partition = rendezvous.isWaiting() ? waitsFor(course) : undefined;
    if (partition === undefined) arrivedAt = performance.now();
    else if (performance.now() - arrivedAt > patienceMs) rendezvous.fail(stalled(topic, partition, course));
  }, heartbeatEveryMs);

  return {
    async *records() {
      for await (const records of rendezvous.receive()) {
        for (const record of records) {
          signal.throwIfAborted();
          yield record;
        }
      }
    },
    aliveAt: () => aliveAt,
    async leave() {
      clearInterval(watch);
      signal.removeEventListener('abort', abort);
      rendezvous.end();
      hasLeft = true;
      // A member that is still joining must be one before it can leave; who stops need not wait for that for long.
      await Promise.race([started, sleep(joiningMs, undefined, { ref: false })]);
      await member.leave().catch(() => undefined);
    },
  };
}

/** The reader of the records may be slow; the group must not conclude that this member died. */
async function beat(batch: FetchedBatch, given: Promise<unknown>): Promise<void> {
  const taken = new AbortController();
  void given.then(() => taken.abort());
  while (!taken.signal.aborted) {
    await sleep(heartbeatEveryMs, undefined, { signal: taken.signal }).catch(() => undefined);
    // The group has no other member: what goes wrong here, the next fetch meets too, and reports.
    if (!taken.signal.aborted) await batch.heartbeat().catch(() => undefined);
  }
}

const stalled = (topic: string, partition: number, { next, ends }: ReadRange): KafkaReadError =>
  new KafkaReadError(
    'stalled',
    topic,
    `Reading ${topic} has stalled although Kafka answers: partition ${partition} is at offset ${next.get(partition)} of ${ends?.get(partition)}, and nothing arrived for ${seconds(patienceMs)}. Try again; if that does not help, check the brokers.`,
  );
