/** A Kafka in this process that answers as a test says, and notes what it was asked. */
import type { ProducerRecord, RecordMetadata } from 'kafkajs';
import type { CreateKafka } from '../../../producers/kafka/topic-client.ts';

export interface FakeSend {
  readonly partition: number;
  readonly values: readonly string[];
  readonly record: ProducerRecord;
}

export interface FakeKafka {
  readonly createKafka: CreateKafka;
  /** In the order in which they began. */
  readonly sends: FakeSend[];
  /** The most sends of one partition that were under way at once. */
  readonly mostAtOnce: () => number;
  readonly disconnected: () => number;
}

/** As a broker answers that wrote all of it. */
export const written = (topic: string, partition: number, baseOffset: bigint | number): RecordMetadata[] => [
  { topicName: topic, partition, errorCode: 0, baseOffset: String(baseOffset), logAppendTime: '-1' },
];

/** An error as kafkajs throws it for an answer of the protocol. */
export const protocolError = (type: string): Error =>
  Object.assign(new Error(`as the broker says: ${type}`), { name: 'KafkaJSProtocolError', type });

export function createFakeKafka(params: {
  /** Called for each send; `number` counts from 0. */
  readonly answer: (send: FakeSend, number: number) => Promise<RecordMetadata[]>;
  readonly connect?: () => Promise<void>;
  readonly partitions?: () => number;
  readonly maxMessageBytes?: string;
}): FakeKafka {
  const { answer, connect = () => Promise.resolve(), partitions = () => 4, maxMessageBytes = '1048588' } = params;
  const sends: FakeSend[] = [];
  const under = new Map<number, number>();
  let most = 0;
  let disconnected = 0;
  const producer = {
    connect,
    async send(record: ProducerRecord): Promise<RecordMetadata[]> {
      const partition = record.messages[0]?.partition as number;
      const values = record.messages.map(({ value }) => String(value));
      const send = { partition, values, record };
      const number = sends.push(send) - 1;
      const now = (under.get(partition) ?? 0) + 1;
      under.set(partition, now);
      most = Math.max(most, now);
      try {
        return await answer(send, number);
      } finally {
        under.set(partition, (under.get(partition) ?? 0) - 1);
      }
    },
    async disconnect() {
      disconnected += 1;
    },
  };
  const admin = {
    connect,
    disconnect: () => Promise.resolve(),
    fetchTopicMetadata: async ({ topics }: { topics: string[] }) => ({
      topics: topics.map((name) => ({ name, partitions: Array.from({ length: partitions() }, (_, partitionId) => ({ partitionId })) })),
    }),
    describeConfigs: async () => ({ resources: [{ configEntries: [{ configName: 'max.message.bytes', configValue: maxMessageBytes }] }] }),
  };
  const createKafka = (() => ({ producer: () => producer, admin: () => admin })) as unknown as CreateKafka;
  return { createKafka, sends, mostAtOnce: () => most, disconnected: () => disconnected };
}
