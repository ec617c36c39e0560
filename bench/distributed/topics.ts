/** The topics of one run: made, filled, counted, read, removed. By kafkajs, beside whatever is measured. */
import type { Admin, Kafka, KafkaMessage } from 'kafkajs';
import { Partitioners } from 'kafkajs';
import { topics as topicsCommand, type Bench, type Meeting } from '../contenders.ts';
import { run } from '../measure.ts';
import type { InstructionMessage } from './events.ts';

const usualPartitions = 12;
const messagesPerSend = 2_000;
const joinsWithinMs = 60_000;

export interface Topics {
  readonly instructions: string;
  readonly results: string;
  readonly deadLetters: string;
  /** How many records a topic has had. */
  count(topic: string): Promise<number>;
  /** Instruction events that the group has not committed. */
  lag(groupId: string): Promise<number>;
  remove(): Promise<void>;
}

/**
 * The topics as `disburse topics` makes them, but that the broker itself stamps results when it appends them: what the
 * producer's time of a result is earlier than its arrival at the broker.
 */
export async function makeTopics(
  bench: Bench,
  kafka: Kafka,
  meeting: Meeting,
  { partitions = usualPartitions, copies = 1 }: { readonly partitions?: number; readonly copies?: 1 | 3 } = {},
): Promise<Topics> {
  const prefix = meeting.KAFKA_TOPIC_PREFIX;
  const [instructions, results, deadLetters] = [`${prefix}.instructions`, `${prefix}.results`, `${prefix}.dead-letters`];
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.createTopics({
      topics: [
        {
          topic: results,
          numPartitions: partitions,
          replicationFactor: copies,
          configEntries: [...resultsSettings, { name: 'min.insync.replicas', value: copies === 3 ? '2' : '1' }],
        },
      ],
      waitForLeaders: false,
    });
    await run(topicsCommand(bench, { meeting, partitions }));
  } catch (cause) {
    await admin.disconnect();
    throw cause;
  }
  const count = async (topic: string): Promise<number> =>
    (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  return {
    instructions,
    results,
    deadLetters,
    count,
    lag: async (groupId) => (await count(instructions)) - (await committed(admin, groupId, instructions)),
    async remove() {
      await admin.deleteTopics({ topics: [instructions, results, deadLetters] });
      await admin.disconnect();
    },
  };
}

const resultsSettings = [
  { name: 'message.timestamp.type', value: 'LogAppendTime' },
  { name: 'cleanup.policy', value: 'delete' },
  { name: 'retention.ms', value: '-1' },
  { name: 'retention.bytes', value: '-1' },
];

/** -1 means a partition without a commit. */
async function committed(admin: Admin, groupId: string, topic: string): Promise<number> {
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
  return (found?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(Number(offset), 0), 0);
}

export interface EventProducer {
  send(messages: readonly (InstructionMessage & { readonly timestamp?: string })[]): Promise<void>;
  close(): Promise<void>;
}

/** Acknowledged by the broker, not packed, the record id as the key. */
export async function openProducer(kafka: Kafka, topic: string): Promise<EventProducer> {
  const producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  return {
    send: async (messages) => void (await producer.send({ topic, acks: -1, messages: [...messages] })),
    close: () => producer.disconnect(),
  };
}

export async function fill(kafka: Kafka, topics: Topics, messages: Iterable<InstructionMessage>, count: number): Promise<void> {
  const producer = await openProducer(kafka, topics.instructions);
  try {
    let batch: InstructionMessage[] = [];
    for (const message of messages) {
      if (batch.push(message) < messagesPerSend) continue;
      await producer.send(batch);
      batch = [];
    }
    if (batch.length > 0) await producer.send(batch);
  } finally {
    await producer.close();
  }
  const there = await topics.count(topics.instructions);
  if (there !== count) throw new Error(`${there} events on the topic instead of ${count}`);
}

/** One record of the results topic. */
export interface SeenResult {
  readonly recordId: string;
  readonly value: Buffer;
  /** When the broker appended it, milliseconds since the epoch. */
  readonly at: number;
}

export interface Watch {
  /** How many were read. */
  read(): number;
  /** Resolves when this holds, asked after each batch that was read; rejects when reading has failed. */
  until(holds: () => boolean, withinMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** Reads results from the beginning as they come. Resolves when the first fetch can begin. */
export async function watchResults(kafka: Kafka, topics: Topics, onResult: (result: SeenResult) => void): Promise<Watch> {
  const consumer = kafka.consumer({ groupId: `${topics.results}-watch`, maxWaitTimeInMs: 500 });
  let read = 0;
  let wake: (() => void) | undefined;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const joined = new Promise<void>((resolve) => void consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
  // A broker that has just started says that it is loading: the client then begins again by itself.
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) failed.reject(payload.error);
  });
  await consumer.connect();
  await consumer.subscribe({ topic: topics.results, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, heartbeat }) => {
      try {
        for (const message of batch.messages) onResult(seen(message));
      } catch (cause) {
        // The client would only try the batch again.
        failed.reject(cause);
        return;
      }
      read += batch.messages.length;
      wake?.();
      await heartbeat();
    },
  });
  await inTime(Promise.race([joined, failed.promise]), joinsWithinMs, () => 'the measuring consumer did not join its group');
  const untilHolds = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      const more = new Promise<void>((resolve) => (wake = resolve));
      await Promise.race([more, failed.promise]);
    }
  };
  return {
    read: () => read,
    until: (holds, withinMs) => inTime(untilHolds(holds), withinMs, () => `only ${read} results were read`),
    stop: () => consumer.disconnect(),
  };
}

async function inTime<T>(work: Promise<T>, withinMs: number, what: () => string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${what()} in ${withinMs / 1000} s`)), withinMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const seen = ({ key, value, timestamp }: KafkaMessage): SeenResult => ({
  recordId: key?.toString() ?? '',
  value: value ?? Buffer.alloc(0),
  at: Number(timestamp),
});
