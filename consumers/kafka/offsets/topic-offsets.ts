/** Questions about a topic's and a group's offsets, asked beside the consumer by a client of its own. */
import type { Admin } from 'kafkajs';
import { MissingTopicError } from '../errors.ts';
import type { KafkaFactory } from '../kafka-factory.ts';

/** Offsets that a partition has, up to but not with `end`; what belongs to an open transaction comes after the end. */
export interface OffsetRange {
  readonly begin: bigint;
  readonly end: bigint;
}

/** All reject when Kafka does not answer; the next question then asks by a new connection. By partition. */
export interface TopicOffsets {
  /** @throws {MissingTopicError} */
  ranges(): Promise<ReadonlyMap<number, OffsetRange>>;
  /** The first offsets whose time is not before `ms` since the epoch; the end where there is none. */
  offsetsAt(ms: number): Promise<ReadonlyMap<number, bigint>>;
  /** As committed, also when that is no offset (-1: none). */
  committed(groupId: string): Promise<ReadonlyMap<number, bigint>>;
  deleteGroup(groupId: string): Promise<void>;
  close(): Promise<void>;
}

export function createTopicOffsets(createKafka: KafkaFactory, topic: string): TopicOffsets {
  let current: { readonly admin: Admin; readonly connected: Promise<void> } | undefined;

  const connect = (): NonNullable<typeof current> => {
    const admin = createKafka().admin();
    return { admin, connected: admin.connect() };
  };
  const leave = async (): Promise<void> => {
    const left = current;
    current = undefined;
    await left?.admin.disconnect();
  };
  const ask = async <Answer>(question: (admin: Admin) => Promise<Answer>): Promise<Answer> => {
    const asked = (current ??= connect());
    try {
      await asked.connected;
      return await question(asked.admin);
    } catch (cause) {
      if (current === asked) current = undefined;
      // Its failure says nothing that this one does not.
      void asked.admin.disconnect().catch(() => undefined);
      throw cause;
    }
  };
  /** Asked first, as questions about a topic that is missing are repeated for many seconds. */
  const topicExists = async (admin: Admin): Promise<void> => {
    try {
      await admin.fetchTopicMetadata({ topics: [topic] });
    } catch (cause) {
      if (cause instanceof Error && 'type' in cause && cause.type === 'UNKNOWN_TOPIC_OR_PARTITION')
        throw new MissingTopicError(topic, { cause });
      throw cause;
    }
  };

  return {
    ranges: () =>
      ask(async (admin) => {
        await topicExists(admin);
        const found = await admin.fetchTopicOffsets(topic);
        return new Map(found.map(({ partition, low, high }) => [partition, { begin: BigInt(low), end: BigInt(high) }]));
      }),
    offsetsAt: (ms) =>
      ask(async (admin) => {
        await topicExists(admin);
        const found = await admin.fetchTopicOffsetsByTimestamp(topic, ms);
        return new Map(found.map(({ partition, offset }) => [partition, BigInt(offset)]));
      }),
    committed: (groupId) =>
      ask(async (admin) => {
        const found = await admin.fetchOffsets({ groupId, topics: [topic] });
        const partitions = found.find((each) => each.topic === topic)?.partitions ?? [];
        return new Map(partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
      }),
    deleteGroup: (groupId) => ask(async (admin) => void (await admin.deleteGroups([groupId]))),
    close: leave,
  };
}
