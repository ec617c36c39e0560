/** Topics of a test's own on the shared Kafka, and what it does with them. */
import { Kafka, logLevel, type ITopicConfig, type Message } from 'kafkajs';
import type { KafkaFactory } from '../../../consumers/kafka/kafka-factory.ts';
import type { TopicRecord } from '../../../consumers/kafka/topic-record.ts';
import { consume, type Consumption, type ConsumeParams } from '../../../consumers/kafka/group/consume.ts';
import { systemClock } from '../../../src/clock.ts';
import { uniquePrefix } from '../../support/services.ts';

export const createFactory = (brokers: string): KafkaFactory =>
  Object.assign(
    () =>
      new Kafka({
        brokers: brokers.split(','),
        connectionTimeout: 2_000,
        requestTimeout: 17_000,
        retry: { initialRetryTime: 200, maxRetryTime: 2_000, retries: 4 },
        logLevel: logLevel.NOTHING,
      }),
    { brokers: brokers.split(',') },
  );

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until it holds; fails with what it waits for. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not in ${withinMs} ms: ${what}`);
    await pause(20);
  }
}

/** Groups move between brokers and are loaded there, for a moment. */
async function retried<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await ask();
    } catch (cause) {
      if (attempts === 20 || (cause as { retriable?: boolean }).retriable !== true) throw cause;
      await pause(250);
    }
  }
}

export class Broker {
  readonly createKafka: KafkaFactory;
  readonly prefix = uniquePrefix();
  readonly #admin;
  readonly #producer;
  readonly #works: Consumption[] = [];
  readonly warnings: string[] = [];
  #topics: string[] = [];
  #groups: string[] = [];

  constructor(brokers: string) {
    this.createKafka = createFactory(brokers);
    this.#admin = this.createKafka().admin();
    this.#producer = this.createKafka().producer({
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    });
  }

  get admin() {
    return this.#admin;
  }

  async connect(): Promise<void> {
    await Promise.all([this.#admin.connect(), this.#producer.connect()]);
  }

  /** Stops what is left over, and deletes what was made. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#works.map((work) => work.stop()));
    await this.#admin.deleteGroups(this.#groups).catch(() => undefined);
    await this.#admin.deleteTopics({ topics: this.#topics });
    await Promise.all([this.#admin.disconnect(), this.#producer.disconnect()]);
  }

  async topic(partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<string> {
    const topic = `${this.prefix}-${this.#topics.length}`;
    // Some tests write records of long ago, which brokers would otherwise delete at any moment.
    const entries = Object.entries({ 'retention.ms': '-1', ...config });
    await this.make({ topic, numPartitions: partitions, configEntries: entries.map(([name, value]) => ({ name, value })) });
    return topic;
  }

  async make(config: ITopicConfig): Promise<void> {
    if (!this.#topics.includes(config.topic)) this.#topics.push(config.topic);
    await this.#admin.createTopics({ topics: [config], waitForLeaders: false, timeout: 15_000 });
    await this.leads(config.topic, config.numPartitions ?? 1);
  }

  /** Waits until every partition has a leader, also when the broker has just come back. */
  async leads(topic: string, partitions: number): Promise<void> {
    await until(`${topic} has leaders`, async () => {
      const { topics } = await this.#admin.fetchTopicMetadata({ topics: [topic] }).catch(() => ({ topics: [] }));
      const found = topics[0]?.partitions ?? [];
      return found.length === partitions && found.every(({ leader }) => leader >= 0);
    });
  }

  async publish(topic: string, messages: readonly Message[]): Promise<void> {
    // kafkajs sends everything again when one partition of several was not taken; so one at a time.
    for (const [partition, own] of Map.groupBy(messages, (message) => message.partition ?? 0)) {
      const answers = await this.#producer.send({ topic, messages: own.map((message) => ({ ...message, partition })) });
      if (answers.length !== 1 || answers[0]?.errorCode !== 0) throw new Error(`not taken by ${topic}, partition ${partition}`);
    }
  }

  /** Records 0 to count - 1, in turn to the partitions. */
  async publishNumbers(topic: string, count: number, partitions = 1, first = 0): Promise<void> {
    const messages = Array.from({ length: count }, (_, index) => ({ value: String(first + index), partition: index % partitions }));
    await this.publish(topic, messages);
  }

  /** By partition; -1 where nothing was committed. */
  async committed(groupId: string, topic: string): Promise<ReadonlyMap<number, number>> {
    const [found] = await retried(() => this.#admin.fetchOffsets({ groupId, topics: [topic] }));
    return new Map(found?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  /** The group has the topic's name; what the test leaves running is stopped at its end. */
  work(topic: string, params: Partial<ConsumeParams> & Pick<ConsumeParams, 'handle'>): Consumption {
    if (!this.#groups.includes(topic)) this.#groups.push(topic);
    const work = consume({
      createKafka: this.createKafka,
      groupId: topic,
      topic,
      window: 16,
      clock: systemClock,
      onWarning: (message) => this.warnings.push(message),
      drainMs: 5_000,
      ...params,
    });
    this.#works.push(work);
    return work;
  }
}

export const placeOf = ({ partition, offset }: TopicRecord): string => `${partition}:${offset}`;
export const numberOf = ({ value }: TopicRecord): number => Number(value?.toString());
