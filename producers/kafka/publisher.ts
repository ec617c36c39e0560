/**
 * Writes records to Kafka topics so that what resolves is surely there: one send in flight for each partition, every
 * answer proven, the same batch again until it is. A record may be written twice, never lost; readers de-duplicate.
 */
import type { Clock } from '../../batches/ports/clock.ts';
import { createPartitionProducer, type PartitionProducer } from './partition-producer.ts';
import { partitionOf } from './murmur2.ts';
import { PublishError } from './publish-error.ts';
import { recordBytes, type TopicRecord } from './record.ts';
import { createTopicClient, type CreateKafka, type TopicClient } from './topic-client.ts';

/** As long as Java's clients keep them: partitions may be added. */
const countMaxAgeMs = 300_000;
const newTopicPauseMs = 500;
const newTopicPauses = 4;
const closesWithinMs = 2_000;

export interface TopicPublisher {
  /**
   * Resolves when the record is proven to be written. Records for one partition are written in the order of the
   * calls; when one is rejected as unproven, so are all behind it.
   *
   * @throws PublishError after the deadline `unproven`, which is retriable: publish it again; at once when it is permanent
   */
  publish(params: TopicRecord & { readonly topic: string; readonly partition: number }): Promise<{ readonly offset: bigint }>;
  /** Resolves when few enough records wait. Who publishes a stream awaits this before each record, and so bounds what is held. */
  room(): Promise<void>;
  /**
   * As Java's default partitioner. For a record without a key, give any text that shall decide.
   *
   * @throws PublishError
   */
  partitionFor(topic: string, key: Uint8Array | string): Promise<number>;
  /** Sends what waits for at most so long, rejects the rest (`closed`), and leaves Kafka. Idempotent. */
  close(withinMs: number): Promise<void>;
}

/**
 * @property deadlineMs how long a record is tried for
 * @property onWarning told once when a topic stops taking records, until it takes them again
 */
export interface PublisherOptions {
  readonly createKafka: CreateKafka;
  readonly clock: Clock;
  readonly onWarning: (message: string) => void;
  readonly deadlineMs?: number;
  /** What may wait at most, of all topics. */
  readonly maxRecords?: number;
  readonly maxBytes?: number;
}

interface Topic {
  readonly client: TopicClient;
  readonly lanes: Map<number, PartitionProducer>;
  count: { readonly at: number; readonly partitions: number } | undefined;
  counting: Promise<number> | undefined;
  inTrouble: boolean;
}

export function createTopicPublisher(options: PublisherOptions): TopicPublisher {
  const { createKafka, clock, onWarning, deadlineMs = 60_000, maxRecords = 10_000, maxBytes = 32_000_000 } = options;
  const topics = new Map<string, Topic>();
  let waitingRecords = 0;
  let waitingBytes = 0;
  let freed: PromiseWithResolvers<void> | undefined;
  let closing: Promise<void> | undefined;

  const topicOf = (name: string): Topic => {
    let topic = topics.get(name);
    if (topic === undefined) {
      const client = createTopicClient({ createKafka, topic: name });
      topic = { client, lanes: new Map(), count: undefined, counting: undefined, inTrouble: false };
      topics.set(name, topic);
    }
    return topic;
  };
  const laneOf = (name: string, partition: number): PartitionProducer => {
    const topic = topicOf(name);
    let lane = topic.lanes.get(partition);
    if (lane === undefined) {
      lane = createPartitionProducer({
        client: topic.client,
        topic: name,
        partition,
        clock,
        deadlineMs,
        onTrouble(error) {
          if (!topic.inTrouble) onWarning(`${error.message} It is tried again.`);
          topic.inTrouble = true;
        },
        onWritten() {
          topic.inTrouble = false;
        },
      });
      topic.lanes.set(partition, lane);
    }
    return lane;
  };
  const closed = (topic: string): PublishError => new PublishError('closed', topic, `Publishing to ${topic} is closed.`);
  const hasRoom = (): boolean => waitingRecords < maxRecords && waitingBytes < maxBytes;
  const release = (bytes: number): void => {
    waitingRecords -= 1;
    waitingBytes -= bytes;
    if (freed === undefined || !hasRoom()) return;
    freed.resolve();
    freed = undefined;
  };

  const countOf = async (topic: Topic, patience: number): Promise<number> => {
    try {
      return await topic.client.partitions();
    } catch (cause) {
      if (!(cause instanceof PublishError)) throw cause;
      // Partitions never become fewer: what was known is good enough until Kafka answers.
      if (topic.count !== undefined && cause.retriable) return topic.count.partitions;
      // Brokers learn of a new topic one after the other.
      if (cause.code !== 'unknown_topic' || patience === 0) throw cause;
      await clock.sleep(newTopicPauseMs);
      return countOf(topic, patience - 1);
    }
  };
  const refreshCount = async (topic: Topic): Promise<number> => {
    try {
      const partitions = await countOf(topic, newTopicPauses);
      topic.count = { at: clock.now(), partitions };
      return partitions;
    } finally {
      topic.counting = undefined;
    }
  };
  const partitionsOf = async (name: string): Promise<number> => {
    const topic = topicOf(name);
    if (topic.count !== undefined && clock.now() - topic.count.at < countMaxAgeMs) return topic.count.partitions;
    return (topic.counting ??= refreshCount(topic));
  };

  const end = async (withinMs: number): Promise<void> => {
    const all = [...topics.values()];
    const lanes = all.flatMap((topic) => [...topic.lanes.values()]);
    await within(clock, withinMs, Promise.all(lanes.map((lane) => lane.idle())));
    for (const lane of lanes) lane.stop();
    await within(clock, closesWithinMs, Promise.all(all.map(({ client }) => client.close())));
    freed?.resolve();
  };

  return {
    async publish({ topic, partition, key, value, headers = {} }) {
      if (closing !== undefined) throw closed(topic);
      const record = { key, value, headers, at: clock.now() };
      const bytes = recordBytes(record);
      waitingRecords += 1;
      waitingBytes += bytes;
      try {
        return await new Promise((resolve, reject) => laneOf(topic, partition).push({ record, bytes, resolve, reject }));
      } finally {
        release(bytes);
      }
    },
    async room() {
      while (!hasRoom() && closing === undefined) await (freed ??= Promise.withResolvers<void>()).promise;
    },
    async partitionFor(topic, key) {
      if (closing !== undefined) throw closed(topic);
      return partitionOf(typeof key === 'string' ? Buffer.from(key, 'utf8') : key, await partitionsOf(topic));
    },
    close: (withinMs) => (closing ??= end(withinMs)),
  };
}

async function within(clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> {
  const enough = new AbortController();
  const late = clock.sleep(ms, enough.signal).catch(() => undefined);
  await Promise.race([promise, late]);
  enough.abort();
}
