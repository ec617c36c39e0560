/**
 * A member of a consumer group, in our own shapes: the only place where kafkajs fetches, commits and rejoins for us.
 *
 * Never restarts by itself: a crash is the end of this member, and another member is made from a client of
 * its own, as clients of one `Kafka` share what they know of offsets.
 */
import kafkajs, { type EachBatchPayload, type IHeaders, type Kafka, type KafkaMessage } from 'kafkajs';
import { unpackRecords } from '../compression/codecs.ts';
import type { FetchedBatch } from '../fetched-batch.ts';
import { poisonOf } from '../poison-batch.ts';
import { stickyAssigner } from './sticky-assigner.ts';
import type { TopicRecord } from '../topic-record.ts';

/** What the broker waits for a sign of life before it gives our partitions to others. */
export const sessionTimeoutMs = 10_000;
/** How long it waits for all members to let go when the group rebalances. */
export const rebalanceTimeoutMs = 30_000;
const heartbeatIntervalMs = 1_000;
/** Unpacked in one go, so a large fetch would hold up everything else; a record that is larger comes all the same. */
const bytesPerPartition = 128 * 1024;
const bytesAtOnce = 256 * 1024;
/** A batch waits while others are worked on; with a worker for each, no partition waits for another. */
const partitionsAtOnce = 512;

export interface MemberEvents {
  /** A new generation of the group; nothing of an older one may be resolved or committed any more. Called before its first fetch. */
  onJoined(partitions: readonly number[]): void;
  /** The generation is over. */
  onLeft(): void;
  /** A fetch was answered by this broker. */
  onFetched(node: string): void;
  /** A fetch brought nothing but what is not for us (marks of transactions, what was aborted), up to `next`. */
  onPassed(partition: number, next: bigint, end: bigint): void;
  /** The next fetch waits for it. What it rejects with decides: as kafkajs names errors, it rejoins or crashes. */
  onBatch(batch: FetchedBatch): Promise<void>;
  /** It is over, and disconnected. */
  onCrash(error: Error): void;
}

export interface GroupMember {
  /** Connects and joins; what goes wrong later comes by `onCrash`. */
  start(): Promise<void>;
  /** Inside `onJoined` only: where the first fetch begins. */
  seek(partition: number, offset: bigint): void;
  /** Waits for the batches under way, leaves the group and disconnects. */
  leave(): Promise<void>;
}

export function createGroupMember(params: { kafka: Kafka; groupId: string; topic: string; events: MemberEvents }): GroupMember {
  const { kafka, groupId, topic, events } = params;
  registerCodecs();
  let owned: readonly number[] = [];
  const consumer = kafka.consumer({
    groupId,
    partitionAssigners: [stickyAssigner(topic, () => owned)],
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: heartbeatIntervalMs,
    rebalanceTimeout: rebalanceTimeoutMs,
    maxWaitTimeInMs: 500,
    maxBytesPerPartition: bytesPerPartition,
    maxBytes: bytesAtOnce,
    metadataMaxAge: 30_000,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 200, retries: 3, maxRetryTime: 1_000, restartOnFailure: async () => false },
  });
  // Their listeners are called at once, so before the first fetch of a new generation.
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    owned = payload.memberAssignment[topic] ?? [];
    events.onJoined(owned);
  });
  consumer.on(consumer.events.REBALANCING, () => events.onLeft());
  consumer.on(consumer.events.FETCH, ({ payload }) => events.onFetched(String(payload.nodeId)));
  consumer.on(consumer.events.CRASH, ({ payload }) => events.onCrash(payload.error));
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    // Batches with records come here too, worked on or not.
    if (payload.batchSize === 0) events.onPassed(payload.partition, BigInt(payload.lastOffset) + 1n, BigInt(payload.highWatermark));
  });

  return {
    async start() {
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: partitionsAtOnce,
        eachBatch: (payload) => events.onBatch(fetchedBatch(payload)),
      });
    },
    seek: (partition, offset) => consumer.seek({ topic, partition, offset: String(offset) }),
    leave: () => consumer.disconnect(),
  };
}

function fetchedBatch({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary }: EachBatchPayload): FetchedBatch {
  const { topic, partition } = batch;
  return {
    partition,
    records: batch.messages.map((message) => topicRecord(topic, partition, message)),
    next: BigInt(batch.lastOffset()) + 1n,
    end: BigInt(batch.highWatermark),
    resolve: (offset) => resolveOffset(String(offset)),
    heartbeat,
    commit: (positions) =>
      commitOffsetsIfNecessary({
        topics: [{ topic, partitions: [...positions].map(([id, offset]) => ({ partition: id, offset: String(offset) })) }],
      }),
  };
}

function topicRecord(topic: string, partition: number, message: KafkaMessage): TopicRecord {
  const { key, value, headers } = message;
  const poison = poisonOf(value);
  return {
    topic,
    partition,
    offset: BigInt(message.offset),
    timestamp: Number(message.timestamp),
    isBrokerTime: isBrokerTime(message),
    key,
    value: poison !== undefined && value?.length === 0 ? null : value,
    headers: plainHeaders(headers ?? {}),
    ...(poison === undefined ? {} : { poison }),
  };
}

/** As the protocol numbers it. kafkajs keeps it beside each message, and its types do not name it. */
const logAppendTime = 1;

const isBrokerTime = (message: KafkaMessage & { readonly batchContext?: { readonly timestampType?: number } }): boolean =>
  message.batchContext?.timestampType === logAppendTime;

function plainHeaders(headers: IHeaders): Record<string, Buffer> {
  const plain: [string, Buffer][] = [];
  for (const [name, given] of Object.entries(headers)) {
    const value = Array.isArray(given) ? given.at(-1) : given;
    if (value !== undefined && value !== null) plain.push([name, Buffer.from(value)]);
  }
  return Object.fromEntries(plain);
}

// Node.js finds no such names among the exports.
const { CompressionCodecs, CompressionTypes } = kafkajs;
let registered = false;

/** kafkajs has one table of codecs for all clients; what it packs itself stays as it is. */
function registerCodecs(): void {
  if (registered) return;
  registered = true;
  const packGzip = (CompressionCodecs[CompressionTypes.GZIP]() as { compress: unknown }).compress;
  CompressionCodecs[CompressionTypes.GZIP] = () => ({ compress: packGzip, decompress: (packed: Buffer) => unpackRecords('gzip', packed) });
  const readOnly = (name: 'snappy' | 'lz4' | 'zstd') => () => ({
    compress: () => Promise.reject(new Error(`batches are not compressed with ${name} here`)),
    decompress: (packed: Buffer) => unpackRecords(name, packed),
  });
  CompressionCodecs[CompressionTypes.Snappy] = readOnly('snappy');
  CompressionCodecs[CompressionTypes.LZ4] = readOnly('lz4');
  CompressionCodecs[CompressionTypes.ZSTD] = readOnly('zstd');
}
