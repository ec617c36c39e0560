/**
 * One topic through kafkajs, which is verified and never trusted: every answer to a send must prove that all of it
 * was written. A client for each topic, because kafkajs refuses to write to any topic while one that it knows is gone.
 */
import type { Kafka, Producer, RecordMetadata } from 'kafkajs';
import { PublishError, publishError } from './publish-error.ts';
import type { TopicRecord } from './record.ts';

/** A new one for each call: clients made from one `Kafka` share state. */
export type CreateKafka = () => Pick<Kafka, 'producer' | 'admin'>;

/** How long the leader may take to have a batch on all replicas that are in sync. */
const writtenWithinMs = 15_000;
/** `ConfigResourceTypes.TOPIC` of kafkajs. */
const topicResource = 2;

export interface SentRecord extends TopicRecord {
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface TopicClient {
  /**
   * Writes the records to one partition, in order and next to each other; returns the offset of the first one.
   * Never call it again for the same partition before it has ended.
   *
   * @throws PublishError
   */
  send(partition: number, records: readonly SentRecord[]): Promise<bigint>;
  /** @throws PublishError */
  partitions(): Promise<number>;
  /** The topic's `max.message.bytes`; undefined where we may not know. */
  maxMessageBytes(): Promise<number | undefined>;
  /** Leaves a connection that does not answer any more; the next send makes another. */
  renew(): void;
  close(): Promise<void>;
}

interface Connection {
  readonly producer: Producer;
  readonly connected: Promise<void>;
}

/** What happens while a connection is taken down changes nothing: all that matters was proven before. */
const dropped = (): undefined => undefined;

interface TopicClientDeps {
  readonly createKafka: CreateKafka;
  readonly topic: string;
}

export function createTopicClient(deps: TopicClientDeps): TopicClient {
  let current: Connection | undefined;
  const leave = (connection: Connection): Promise<void> => {
    if (current === connection) current = undefined;
    return connection.producer.disconnect().catch(dropped);
  };
  const connect = (): Connection => {
    const producer = newProducer(deps);
    const connection = { producer, connected: producer.connect() };
    current = connection;
    connection.connected.catch(() => leave(connection));
    return connection;
  };
  return {
    send: (partition, records) => sendProven(deps, current ?? connect(), partition, records),
    partitions: () => countPartitions(deps),
    maxMessageBytes: () => readMaxMessageBytes(deps),
    renew() {
      if (current !== undefined) void leave(current);
    },
    async close() {
      if (current !== undefined) await leave(current);
    },
  };
}

const newProducer = ({ createKafka }: TopicClientDeps): Producer =>
  createKafka().producer({
    allowAutoTopicCreation: false,
    idempotent: false,
    metadataMaxAge: 30_000,
    createPartitioner:
      () =>
      ({ message }) => {
        if (message.partition === undefined) throw new TypeError('a record without a partition');
        return message.partition;
      },
  });

/** Asks Kafka by a connection of its own. */
async function ask<Answer>(
  { createKafka }: TopicClientDeps,
  question: (admin: ReturnType<Kafka['admin']>) => Promise<Answer>,
): Promise<Answer> {
  const admin = createKafka().admin();
  try {
    await admin.connect();
    return await question(admin);
  } finally {
    await admin.disconnect().catch(dropped);
  }
}

async function countPartitions(deps: TopicClientDeps): Promise<number> {
  const { topic } = deps;
  let count: number | undefined;
  try {
    const { topics } = await ask(deps, (admin) => admin.fetchTopicMetadata({ topics: [topic] }));
    count = topics.find(({ name }) => name === topic)?.partitions.length;
  } catch (cause) {
    throw publishError(topic, cause);
  }
  if (count !== undefined && count > 0) return count;
  throw new PublishError('unproven', topic, `Kafka does not report how many partitions ${topic} has.`);
}

async function sendProven(
  deps: TopicClientDeps,
  { producer, connected }: Connection,
  partition: number,
  records: readonly SentRecord[],
): Promise<bigint> {
  const { topic } = deps;
  let answer: RecordMetadata[];
  try {
    await connected;
    answer = await producer.send({
      topic,
      acks: -1,
      timeout: writtenWithinMs,
      messages: records.map(({ key, value, headers = {}, at }) => ({ key, value, headers, partition, timestamp: String(at) })),
    });
  } catch (cause) {
    throw publishError(topic, cause);
  }
  const baseOffset = provenOffset(answer, topic, partition);
  if (baseOffset !== undefined) return baseOffset;
  // This is how kafkajs answers for a partition that does not exist.
  if (answer.length === 0 && partition >= (await countPartitions(deps))) {
    throw new PublishError(
      'unknown_partition',
      topic,
      `The topic ${topic} has no partition ${partition}: it was recreated with fewer partitions. Restart disburse.`,
    );
  }
  throw new PublishError('unproven', topic, `Kafka's answer does not prove that partition ${partition} of ${topic} was written.`);
}

/** Undefined where this user may not read it: it only makes an error message better. */
async function readMaxMessageBytes(deps: TopicClientDeps): Promise<number | undefined> {
  try {
    const { resources } = await ask(deps, (admin) =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: topicResource, name: deps.topic, configNames: ['max.message.bytes'] }],
      }),
    );
    const text = resources[0]?.configEntries.find(({ configName }) => configName === 'max.message.bytes')?.configValue;
    return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

/** Exactly one entry, ours, without an error, and with an offset. */
function provenOffset(answer: readonly RecordMetadata[], topic: string, partition: number): bigint | undefined {
  const [only, ...others] = answer;
  if (only === undefined || others.length > 0) return undefined;
  if (only.topicName !== topic || only.partition !== partition || only.errorCode !== 0) return undefined;
  return /^\d+$/.test(only.baseOffset ?? '') ? BigInt(only.baseOffset as string) : undefined;
}
