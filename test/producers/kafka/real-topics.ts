/** Topics on a real broker for one test file: made, read back, and deleted in the end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, IHeaders } from 'kafkajs';
import { createKafkaFactory, type CreateKafka } from '../../../src/kafka/client.ts';

export interface ReadRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

export interface RealTopics {
  readonly createKafka: CreateKafka;
  /** Resolves when every partition has a leader. */
  make(topic: string, partitions: number, config?: Readonly<Record<string, string>>, replication?: number): Promise<string>;
  /** Everything that is on the topic now, in the order of the partitions and offsets. */
  read(topic: string): Promise<readonly ReadRecord[]>;
  /** Deletes what was made. */
  close(): Promise<void>;
}

const withinMs = 60_000;

export function realTopics(brokers: string): RealTopics {
  const createKafka = createKafkaFactory({ brokers: brokers.split(','), clientId: 'test', logger: () => undefined });
  const made: string[] = [];
  const readers = new Map<
    string,
    { readonly consumer: Consumer; readonly records: Map<string, ReadRecord>; readonly next: Map<number, bigint> }
  >();
  const admin = createKafka().admin();
  const connected = admin.connect();

  const readerOf = async (topic: string) => {
    const existing = readers.get(topic);
    if (existing !== undefined) return existing;
    const consumer = createKafka().consumer({ groupId: `${topic}-reader`, maxWaitTimeInMs: 100, allowAutoTopicCreation: false });
    const reader = { consumer, records: new Map<string, ReadRecord>(), next: new Map<number, bigint>() };
    readers.set(topic, reader);
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        const offset = BigInt(message.offset);
        const { key, value, headers = {} } = message;
        reader.records.set(`${partition}/${offset}`, { partition, offset, key, value, headers, timestamp: Number(message.timestamp) });
        reader.next.set(partition, offset + 1n);
      },
    });
    return reader;
  };

  return {
    createKafka,
    async make(topic, partitions, config = {}, replication = 1) {
      await connected;
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
      await admin.createTopics({
        waitForLeaders: false,
        timeout: 15_000,
        topics: [{ topic, numPartitions: partitions, replicationFactor: replication, configEntries }],
      });
      made.push(topic);
      const deadline = performance.now() + withinMs;
      for (;;) {
        const found = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => undefined);
        if (found?.topics[0]?.partitions.length === partitions && found.topics[0].partitions.every(({ leader }) => leader >= 0))
          return topic;
        if (performance.now() > deadline) throw new Error(`the topic ${topic} was not ready in time`);
        await sleep(50);
      }
    },
    async read(topic) {
      await connected;
      const ends = await admin.fetchTopicOffsets(topic);
      const reader = await readerOf(topic);
      const deadline = performance.now() + withinMs;
      while (!ends.every(({ partition, high }) => BigInt(high) === 0n || (reader.next.get(partition) ?? 0n) >= BigInt(high))) {
        if (performance.now() > deadline) throw new Error(`the topic ${topic} was not read to its end in time`);
        await sleep(20);
      }
      return [...reader.records.values()].toSorted((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
    },
    async close() {
      await connected;
      for (const [topic, { consumer }] of readers) {
        await consumer.disconnect();
        await admin.deleteGroups([`${topic}-reader`]);
      }
      if (made.length > 0) await admin.deleteTopics({ topics: made.splice(0) });
      await admin.disconnect();
    },
  };
}
