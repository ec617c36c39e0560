/** Questions about topics to a cluster, and its errors by their type. */
import type { Admin, ConfigEntries, PartitionMetadata } from 'kafkajs';
import type { Clock } from '../../batches/ports/clock.ts';
import { whyOf } from '../../producers/kafka/publish-error.ts';
import { formatDuration } from '../duration.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { CreateKafka } from './client.ts';

/** Partitions of a topic, as the cluster has them. */
export type Partitions = readonly PartitionMetadata[];

const leadersWithinMs = 30_000;
const pollMs = 200;
/** `ConfigResourceTypes.TOPIC` of kafkajs. */
const topicResource = 2;

/**
 * Connects, asks, disconnects.
 *
 * @throws {CommandError} exit 3 when Kafka does not answer
 */
export async function withAdmin<Answer>(createKafka: CreateKafka, ask: (admin: Admin) => Promise<Answer>): Promise<Answer> {
  const admin = createKafka().admin();
  try {
    await admin.connect();
    return await ask(admin);
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    const message = `Kafka at ${createKafka.brokers.join(', ')} does not report its topics: ${whyOf(cause)}.`;
    throw new CommandError(exitCodes.stopped, message, { cause });
  } finally {
    // Closes a client that is no longer used; its errors change nothing.
    await admin.disconnect().catch(() => undefined);
  }
}

/** Error types of the protocol, as kafkajs names them, of an error and its causes. */
export function errorTypesOf(error: unknown): string[] {
  const types: string[] = [];
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    if ('type' in at && typeof at.type === 'string') types.push(at.type);
    if ('errors' in at && Array.isArray(at.errors)) for (const one of at.errors) types.push(...errorTypesOf(one));
  }
  return types;
}

/** Undefined when there is no such topic. */
export async function lookUp(admin: Admin, topic: string): Promise<Partitions | undefined> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.find(({ name }) => name === topic)?.partitions;
  } catch (cause) {
    const types = errorTypesOf(cause);
    if (types.includes('UNKNOWN_TOPIC_OR_PARTITION')) return undefined;
    if (types.includes('TOPIC_AUTHORIZATION_FAILED')) {
      throw new CommandError(exitCodes.usage, `Kafka does not let this user see the topic ${topic}: grant it Describe on the topic.`, {
        cause,
      });
    }
    throw cause;
  }
}

/**
 * Waits until every partition of a created topic has a leader: brokers learn of a new topic one after the other.
 *
 * @throws {CommandError} exit 3 after 30 s
 */
export async function untilLed(admin: Admin, clock: Clock, topic: string): Promise<Partitions> {
  const deadline = clock.now() + leadersWithinMs;
  for (;;) {
    const found = await lookUp(admin, topic).catch((cause: unknown) => {
      if (errorTypesOf(cause).includes('LEADER_NOT_AVAILABLE')) return undefined;
      throw cause;
    });
    if (found !== undefined && found.length > 0 && found.every(({ leader }) => leader >= 0)) return found;
    if (clock.now() >= deadline) {
      const message = `The topic ${topic} was created, but after ${formatDuration(leadersWithinMs)} some partitions have no leader: see the brokers' logs.`;
      throw new CommandError(exitCodes.stopped, message);
    }
    await clock.sleep(pollMs);
  }
}

/** Undefined when this user may not read them. */
export async function settingsOnCluster(admin: Admin, clock: Clock, topic: string): Promise<ReadonlyMap<string, string> | undefined> {
  const deadline = clock.now() + leadersWithinMs;
  for (;;) {
    try {
      const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: topicResource, name: topic }] });
      const entries: readonly ConfigEntries[] = resources[0]?.configEntries ?? [];
      return new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
    } catch (cause) {
      const types = errorTypesOf(cause);
      if (types.some((type) => type.endsWith('_AUTHORIZATION_FAILED'))) return undefined;
      // The topic exists; the broker that was asked does not know it yet.
      if (!types.includes('UNKNOWN_TOPIC_OR_PARTITION') || clock.now() >= deadline) throw cause;
      await clock.sleep(pollMs);
    }
  }
}
