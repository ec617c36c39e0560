/**
 * The consumer of kafkajs itself, on two brokers that exist only here: a test holds an answer back, or fails it, at
 * the very moment it means. Partition 0 of the one topic is led by broker 1, partition 1 by broker 2; the group has one
 * member. What a broker answers is as plain as the consumer bears; whatever else it may be asked is missing.
 */
import { EventEmitter, once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, ConsumerConfig, Kafka } from 'kafkajs';
import type { KafkaFactory } from '../../../consumers/kafka/kafka-factory.ts';

const require = createRequire(import.meta.url);
const createConsumer = require('kafkajs/src/consumer') as (params: ConsumerConfig & { cluster: object; logger: unknown }) => Consumer;
const { createLogger, LEVELS } = require('kafkajs/src/loggers') as {
  createLogger: (params: { level: number; logCreator: () => () => void }) => unknown;
  LEVELS: { readonly NOTHING: number };
};

/** How long a broker waits for records, at most: less than it is asked to, so that nothing here takes long. */
const longestPollMs = 40;
const nodes = [1, 2];

interface Entry {
  readonly value: string;
  /** The mark of a transaction: it has an offset, and no consumer sees it. */
  readonly isMark: boolean;
}
interface PartitionAsked {
  readonly partition: number;
  readonly fetchOffset: string;
}
interface TopicAsked<Partition> {
  readonly topic: string;
  readonly partitions: readonly Partition[];
}
/** Answers to fetches, by broker; to who asks for offsets beside the consumer; to who joins. */
type Holdable = number | 'offsets' | 'join';
interface Held {
  readonly reached: PromiseWithResolvers<void>;
  readonly released: PromiseWithResolvers<void>;
}

/** An answer that the cluster keeps back from now on. */
export interface HeldAnswer {
  /** Resolves when somebody waits for it. */
  readonly reached: Promise<void>;
  release(): void;
}

/** @property generation of the group at that moment */
export interface Commit {
  readonly generation: number;
  readonly partition: number;
  readonly offset: number;
}

/** As kafkajs makes of what a broker refuses. */
const refusal = (type: string): Error => Object.assign(new Error(type), { name: 'KafkaJSProtocolError', type, retriable: true });

export class StubCluster {
  readonly topic = 'instructions';
  readonly createKafka: KafkaFactory = Object.assign(() => this.#client(), { brokers: ['stub'] });
  /** Generations of the group so far. */
  generation = 0;
  /** How often a member took its leave. */
  left = 0;
  /** The generation in which each broker last answered a fetch. */
  readonly fetchedIn = new Map<number, number>();
  readonly commits: Commit[] = [];
  readonly committed = new Map<number, number>();
  readonly #log: readonly [Entry[], Entry[]] = [[], []];
  readonly #published = new EventEmitter();
  readonly #refused = new Map<number, string>();
  readonly #held = new Map<Holdable, Held>();
  #dealsAnew = false;

  publish(partition: 0 | 1, ...values: readonly string[]): void {
    for (const value of values) this.#log[partition].push({ value, isMark: false });
    this.#published.emit('records');
  }

  publishMark(partition: 0 | 1): void {
    this.#log[partition].push({ value: '', isMark: true });
    this.#published.emit('records');
  }

  /** The next answer of this broker to a fetch is an error of this type. */
  refuseFetch(node: number, type: string): void {
    this.#refused.set(node, type);
  }

  /** Such answers wait until they are released, and tell what is there when they leave. */
  hold(what: Holdable): HeldAnswer {
    const held = { reached: Promise.withResolvers<void>(), released: Promise.withResolvers<void>() };
    this.#held.set(what, held);
    return {
      reached: held.reached.promise,
      release: () => {
        this.#held.delete(what);
        held.released.resolve();
      },
    };
  }

  /** The next heartbeat is answered by this: the group rebalances. */
  dealAnew(): void {
    this.#dealsAnew = true;
  }

  async #pass(what: Holdable): Promise<void> {
    const held = this.#held.get(what);
    held?.reached.resolve();
    await held?.released.promise;
  }

  /** As a broker answers: at once when there is something, else when something comes or the time is over. */
  async #fetch(node: number, asked: readonly PartitionAsked[]): Promise<object[]> {
    const { generation } = this;
    if (asked.every(({ partition, fetchOffset }) => Number(fetchOffset) >= this.#entries(partition).length)) {
      const enough = new AbortController();
      const records = once(this.#published, 'records', { signal: enough.signal }).catch(() => undefined);
      await Promise.race([records, sleep(longestPollMs)]);
      enough.abort();
    }
    // An answer takes a moment: without one, a partition with nothing but marks would be fetched in one go without end.
    await sleep(1);
    await this.#pass(node);
    const type = this.#refused.get(node);
    this.#refused.delete(node);
    if (type !== undefined) throw refusal(type);
    this.fetchedIn.set(node, generation);
    return asked.map(({ partition, fetchOffset }) => this.#answer(partition, Number(fetchOffset)));
  }

  #answer(partition: number, from: number): object {
    const entries = this.#entries(partition);
    const messages = entries.slice(from).map(({ value, isMark }, index) => ({
      offset: String(from + index),
      timestamp: '0',
      key: null,
      value: Buffer.from(value),
      headers: {},
      isControlRecord: isMark,
    }));
    return { partition, errorCode: 0, highWatermark: String(entries.length), abortedTransactions: [], messages };
  }

  #entries = (partition: number): readonly Entry[] => this.#log[partition] ?? [];
  #committedOffset = (partition: number) => ({ partition, offset: String(this.committed.get(partition) ?? -1) });

  #broker(node: number): object {
    return {
      nodeId: node,
      isConnected: () => true,
      joinGroup: async ({ groupProtocols }: { groupProtocols: readonly { name: string; metadata: Buffer }[] }) => {
        await this.#pass('join');
        this.generation += 1;
        this.#dealsAnew = false;
        const [protocol] = groupProtocols;
        return {
          generationId: this.generation,
          groupProtocol: protocol?.name,
          leaderId: 'member',
          memberId: 'member',
          members: [{ memberId: 'member', memberMetadata: protocol?.metadata }],
        };
      },
      syncGroup: async ({ groupAssignment: [own] }: { groupAssignment: readonly { memberAssignment: Buffer }[] }) => own,
      heartbeat: async () => {
        if (this.#dealsAnew) throw refusal('REBALANCE_IN_PROGRESS');
      },
      leaveGroup: async () => void (this.left += 1),
      offsetFetch: async ({ topics }: { topics: readonly TopicAsked<{ partition: number }>[] }) => ({
        responses: topics.map(({ topic, partitions }) => ({
          topic,
          partitions: partitions.map(({ partition }) => this.#committedOffset(partition)),
        })),
      }),
      offsetCommit: async (params: {
        readonly groupGenerationId: number;
        readonly topics: readonly TopicAsked<{ readonly partition: number; readonly offset: string }>[];
      }) => {
        if (params.groupGenerationId !== this.generation) throw refusal('ILLEGAL_GENERATION');
        for (const { partition, offset } of params.topics.flatMap(({ partitions }) => partitions)) {
          this.committed.set(partition, Number(offset));
          this.commits.push({ generation: this.generation, partition, offset: Number(offset) });
        }
      },
      fetch: async ({ topics }: { topics: readonly TopicAsked<PartitionAsked>[] }) => ({
        responses: [{ topicName: this.topic, partitions: await this.#fetch(node, topics[0]?.partitions ?? []) }],
      }),
    };
  }

  /** What kafkajs calls the cluster: its way to all brokers. */
  #cluster(): object {
    const [first, second] = nodes.map((node) => this.#broker(node));
    const nothing = async (): Promise<void> => undefined;
    const offsetsOfGroup = {};
    let isConnected = true;
    return {
      connect: nothing,
      disconnect: async () => void (isConnected = false),
      addMultipleTargetTopics: nothing,
      refreshMetadata: nothing,
      refreshMetadataIfNecessary: nothing,
      getNodeIds: () => (isConnected ? nodes : []),
      findGroupCoordinator: async () => first,
      findBroker: async ({ nodeId }: { nodeId: number }) => (nodeId === 1 ? first : second),
      findTopicPartitionMetadata: () => nodes.map((leader, partitionId) => ({ partitionId, leader, offlineReplicas: [] })),
      committedOffsets: () => offsetsOfGroup,
      defaultOffset: () => '-2',
      fetchTopicsOffset: async (asked: readonly TopicAsked<{ partition: number }>[]) =>
        asked.map(({ topic, partitions }) => ({ topic, partitions: partitions.map(({ partition }) => ({ partition, offset: '0' })) })),
    };
  }

  #client(): Kafka {
    const logger = createLogger({ level: LEVELS.NOTHING, logCreator: () => () => undefined });
    const nothing = async (): Promise<void> => undefined;
    const client = {
      consumer: (config: ConsumerConfig) => createConsumer({ ...config, cluster: this.#cluster(), logger }),
      admin: () => ({
        connect: () => this.#pass('offsets'),
        disconnect: nothing,
        fetchTopicMetadata: nothing,
        fetchTopicOffsets: async () => this.#log.map(({ length }, partition) => ({ partition, low: '0', high: String(length) })),
        fetchOffsets: async () => [{ topic: this.topic, partitions: nodes.map((_, partition) => this.#committedOffset(partition)) }],
      }),
    };
    return client as unknown as Kafka;
  }
}
