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
  /** Resolves when few enough records wait. A caller that publishes a stream awaits this before each record, which bounds what is held. */
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
 * @property onWarning called once when a topic stops taking records, until it takes them again
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
  readonly name: string;
  readonly client: TopicClient;
  readonly producers: Map<number, PartitionProducer>;
  count: { readonly at: number; readonly partitions: number } | undefined;
  counting: Promise<number> | undefined;
  inTrouble: boolean;
}

const newTopic = (createKafka: CreateKafka, name: string): Topic => ({
  name,
  client: createTopicClient({ createKafka, topic: name }),
  producers: new Map(),
  count: undefined,
  counting: undefined,
  inTrouble: false,
});

type ProducerTerms = Pick<PublisherOptions, 'clock' | 'onWarning'> & { readonly deadlineMs: number };

function producerOf(topic: Topic, partition: number, { clock, deadlineMs, onWarning }: ProducerTerms): PartitionProducer {
  let producer = topic.producers.get(partition);
  if (producer === undefined) {
    producer = createPartitionProducer({
      client: topic.client,
      topic: topic.name,
      partition,
      clock,
      deadlineMs,
      onTrouble(error) {
        if (!topic.inTrouble) onWarning(`${error.message} Retrying.`);
        topic.inTrouble = true;
      },
      onWritten() {
        topic.inTrouble = false;
      },
    });
    topic.producers.set(partition, producer);
  }
  return producer;
}

async function countPartitions(topic: Topic, clock: Clock, triesLeft = newTopicPauses): Promise<number> {
  try {
    return await topic.client.partitions();
  } catch (cause) {
    if (!(cause instanceof PublishError)) throw cause;
    // Partitions never become fewer: what was known is good enough until Kafka answers.
    if (topic.count !== undefined && cause.retriable) return topic.count.partitions;
    // Brokers learn of a new topic one after the other.
    if (cause.code !== 'unknown_topic' || triesLeft === 0) throw cause;
    await clock.sleep(newTopicPauseMs);
    return countPartitions(topic, clock, triesLeft - 1);
  }
}

function partitionsOf(topic: Topic, clock: Clock): Promise<number> {
  const { count } = topic;
  if (count !== undefined && clock.now() - count.at < countMaxAgeMs) return Promise.resolve(count.partitions);
  const refresh = async (): Promise<number> => {
    try {
      const partitions = await countPartitions(topic, clock);
      topic.count = { at: clock.now(), partitions };
      return partitions;
    } finally {
      topic.counting = undefined;
    }
  };
  return (topic.counting ??= refresh());
}

/** How much waits, and when there is room for more. */
function createRoom({ maxRecords, maxBytes }: { readonly maxRecords: number; readonly maxBytes: number }) {
  let records = 0;
  let bytes = 0;
  let freed: PromiseWithResolvers<void> | undefined;
  const isFree = (): boolean => records < maxRecords && bytes < maxBytes;
  return {
    isFree,
    take(size: number): void {
      records += 1;
      bytes += size;
    },
    release(size: number): void {
      records -= 1;
      bytes -= size;
      if (freed === undefined || !isFree()) return;
      freed.resolve();
      freed = undefined;
    },
    wait: (): Promise<void> => (freed ??= Promise.withResolvers<void>()).promise,
    letGo: (): void => freed?.resolve(),
  };
}

const closed = (topic: string): PublishError => new PublishError('closed', topic, `Publishing to ${topic} is closed.`);

export function createTopicPublisher(options: PublisherOptions): TopicPublisher {
  const { createKafka, clock, onWarning, deadlineMs = 60_000, maxRecords = 10_000, maxBytes = 32_000_000 } = options;
  const topics = new Map<string, Topic>();
  const room = createRoom({ maxRecords, maxBytes });
  let closing: Promise<void> | undefined;

  const topicOf = (name: string): Topic => {
    let topic = topics.get(name);
    if (topic === undefined) topics.set(name, (topic = newTopic(createKafka, name)));
    return topic;
  };
  const end = async (withinMs: number): Promise<void> => {
    const all = [...topics.values()];
    const producers = all.flatMap((topic) => [...topic.producers.values()]);
    await within(clock, withinMs, Promise.all(producers.map((producer) => producer.idle())));
    for (const producer of producers) producer.stop();
    await within(clock, closesWithinMs, Promise.all(all.map(({ client }) => client.close())));
    room.letGo();
  };

  return {
    async publish({ topic, partition, key, value, headers = {} }) {
      if (closing !== undefined) throw closed(topic);
      const record = { key, value, headers, at: clock.now() };
      const bytes = recordBytes(record);
      room.take(bytes);
      try {
        const producer = producerOf(topicOf(topic), partition, { clock, deadlineMs, onWarning });
        return await new Promise((resolve, reject) => producer.push({ record, bytes, resolve, reject }));
      } finally {
        room.release(bytes);
      }
    },
    async room() {
      while (!room.isFree() && closing === undefined) await room.wait();
    },
    async partitionFor(topic, key) {
      if (closing !== undefined) throw closed(topic);
      return partitionOf(typeof key === 'string' ? Buffer.from(key, 'utf8') : key, await partitionsOf(topicOf(topic), clock));
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
