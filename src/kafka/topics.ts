/** The three topics: what they should be like, making what is missing, and what to mend about the rest. */
import type { Admin, ConfigEntries, PartitionMetadata } from 'kafkajs';
import type { Clock } from '../../batches/ports/clock.ts';
import { whyOf } from '../../producers/kafka/publish-error.ts';
import { formatDuration } from '../duration.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { CreateKafka } from './client.ts';

export interface TopicNames {
  readonly instructions: string;
  readonly results: string;
  readonly deadLetters: string;
}

export const topicNames = (prefix: string): TopicNames => ({
  instructions: `${prefix}.instructions`,
  results: `${prefix}.results`,
  deadLetters: `${prefix}.dead-letters`,
});

/** @property replication copies of each record; undefined: 3, or as many as there are brokers */
export interface TopicPlan {
  readonly topic: string;
  readonly partitions: number;
  readonly replication: number | undefined;
  readonly retentionMs: number;
  /** Whether something is lost when a record goes before its time: the ledger is rebuilt from these. */
  readonly precious: boolean;
}

export function planTopics(params: {
  readonly prefix: string;
  readonly partitions: number;
  readonly replication?: number | undefined;
  /** LEDGER_RETENTION. */
  readonly retentionMs: number;
}): readonly TopicPlan[] {
  const { prefix, partitions, replication, retentionMs } = params;
  const { instructions, results, deadLetters } = topicNames(prefix);
  const plan = (topic: string, precious: boolean): TopicPlan => ({ topic, partitions, replication, retentionMs, precious });
  return [plan(instructions, true), plan(results, true), plan(deadLetters, false)];
}

/**
 * @property severity `error`: records are lost or cannot be written; `warning`: it works, at a risk
 * @property mend what to do, mostly a command
 */
export interface TopicProblem {
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly mend: string;
}

export interface TopicReport {
  readonly topic: string;
  readonly state: 'created' | 'ok' | 'problems';
  /** Of a created topic too, when the cluster made it otherwise than asked. */
  readonly problems: readonly TopicProblem[];
}

/** The publisher's batches and the largest instruction fit into this. */
const leastMessageBytes = 1_000_000;
const defaultReplication = 3;
const leadersWithinMs = 30_000;
const pollMs = 200;
/** `ConfigResourceTypes.TOPIC` of kafkajs. */
const topicResource = 2;

interface Cluster {
  readonly admin: Admin;
  readonly clock: Clock;
  readonly address: string;
  readonly brokers: number;
}

/**
 * Makes the topics that are missing and checks those that are there; changes none.
 *
 * @throws {CommandError} exit 3 when Kafka does not answer
 */
export async function ensureTopics(
  createKafka: CreateKafka,
  plans: readonly TopicPlan[],
  { clock }: { readonly clock: Clock },
): Promise<readonly TopicReport[]> {
  return asked(createKafka, async (admin) => {
    const { brokers } = await admin.describeCluster();
    const cluster: Cluster = { admin, clock, address: createKafka.brokers[0] ?? '', brokers: brokers.length };
    const reports: TopicReport[] = [];
    for (const plan of plans) reports.push(await ensure(cluster, plan));
    return reports;
  });
}

/**
 * For the start of what needs them.
 *
 * @throws {CommandError} exit 1, naming those that are missing; exit 3 when Kafka does not answer
 */
export async function topicsExist(createKafka: CreateKafka, topics: readonly string[]): Promise<void> {
  const missing = await asked(createKafka, async (admin) => {
    const found = await Promise.all(topics.map((topic) => lookUp(admin, topic)));
    return topics.filter((_, index) => found[index] === undefined);
  });
  if (missing.length === 0) return;
  const [which, it] = missing.length === 1 ? ['topic', 'it'] : ['topics', 'them'];
  throw new CommandError(
    exitCodes.usage,
    `Kafka at ${createKafka.brokers.join(', ')} has no ${which} ${missing.join(', ')}: make ${it} with \`disburse topics\`, or correct KAFKA_TOPIC_PREFIX.`,
  );
}

async function asked<Answer>(createKafka: CreateKafka, question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
  const admin = createKafka().admin();
  try {
    await admin.connect();
    return await question(admin);
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    const message = `Kafka at ${createKafka.brokers.join(', ')} does not tell about its topics: ${whyOf(cause)}.`;
    throw new CommandError(exitCodes.stopped, message, { cause });
  } finally {
    // Only takes down what nobody uses any more.
    await admin.disconnect().catch(() => undefined);
  }
}

/** kafkajs's word for an error of the protocol, of the innermost error that has one. */
function typesOf(error: unknown): string[] {
  const types: string[] = [];
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    if ('type' in at && typeof at.type === 'string') types.push(at.type);
    if ('errors' in at && Array.isArray(at.errors)) for (const one of at.errors) types.push(...typesOf(one));
  }
  return types;
}

/** Undefined when there is no such topic. */
async function lookUp(admin: Admin, topic: string): Promise<readonly PartitionMetadata[] | undefined> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.find(({ name }) => name === topic)?.partitions;
  } catch (cause) {
    if (typesOf(cause).includes('UNKNOWN_TOPIC_OR_PARTITION')) return undefined;
    if (typesOf(cause).includes('TOPIC_AUTHORIZATION_FAILED')) {
      throw new CommandError(exitCodes.usage, `Kafka does not let this user see the topic ${topic}: grant it Describe on it.`, { cause });
    }
    throw cause;
  }
}

async function ensure(cluster: Cluster, plan: TopicPlan): Promise<TopicReport> {
  const { topic } = plan;
  const found = await lookUp(cluster.admin, topic);
  if (found !== undefined) {
    const problems = await check(cluster, plan, found);
    return { topic, state: problems.length === 0 ? 'ok' : 'problems', problems };
  }
  const problem = await create(cluster, plan);
  if (problem !== undefined) return { topic, state: 'problems', problems: [problem] };
  return { topic, state: 'created', problems: await check(cluster, plan, await whenLed(cluster, plan)) };
}

const replicationOf = ({ replication }: TopicPlan, brokers: number): number => replication ?? Math.min(defaultReplication, brokers);

const settingsOf = (plan: TopicPlan, replication: number): Readonly<Record<string, string>> => ({
  'cleanup.policy': 'delete',
  'retention.ms': String(plan.retentionMs),
  'retention.bytes': '-1',
  'min.insync.replicas': replication >= 3 ? '2' : '1',
  'unclean.leader.election.enable': 'false',
});

const refusals: ReadonlySet<string> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'POLICY_VIOLATION',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_CONFIG',
  'INVALID_PARTITIONS',
  'INVALID_TOPIC_EXCEPTION',
]);

/** Answers why it could not be made. */
async function create(cluster: Cluster, plan: TopicPlan): Promise<TopicProblem | undefined> {
  const { topic, partitions } = plan;
  const replication = replicationOf(plan, cluster.brokers);
  const settings = settingsOf(plan, replication);
  try {
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    await cluster.admin.createTopics({
      // Waiting inside was seen to reject on three brokers.
      waitForLeaders: false,
      topics: [{ topic, numPartitions: partitions, replicationFactor: replication, configEntries }],
    });
    return undefined;
  } catch (cause) {
    const types = typesOf(cause);
    // Somebody else was faster.
    if (types.includes('TOPIC_ALREADY_EXISTS')) return undefined;
    if (!types.some((type) => refusals.has(type))) throw cause;
    const config = Object.entries(settings).map(([name, value]) => ` --config ${name}=${value}`);
    return {
      severity: 'error',
      message: `The topic does not exist, and Kafka does not make it for us: ${innermost(cause)}.`,
      mend: `kafka-topics.sh --bootstrap-server ${cluster.address} --create --topic ${topic} --partitions ${partitions} --replication-factor ${replication}${config.join('')}`,
    };
  }
}

const innermost = (error: unknown): string => {
  const errors = error instanceof Error && 'errors' in error && Array.isArray(error.errors) ? (error.errors as unknown[]) : [];
  return whyOf(errors[0] ?? error);
};

/** Brokers learn of a new topic one after the other. */
async function whenLed({ admin, clock }: Cluster, { topic, partitions }: TopicPlan): Promise<readonly PartitionMetadata[]> {
  const deadline = clock.now() + leadersWithinMs;
  for (;;) {
    const found = await lookUp(admin, topic).catch((cause: unknown) => {
      if (typesOf(cause).includes('LEADER_NOT_AVAILABLE')) return undefined;
      throw cause;
    });
    if (found !== undefined && found.length >= Math.min(partitions, 1) && found.every(({ leader }) => leader >= 0)) return found;
    if (clock.now() >= deadline) {
      const message = `The topic ${topic} was made, and after ${formatDuration(leadersWithinMs)} it still has partitions without a leader: see the brokers' logs.`;
      throw new CommandError(exitCodes.stopped, message);
    }
    await clock.sleep(pollMs);
  }
}

async function check(cluster: Cluster, plan: TopicPlan, partitions: readonly PartitionMetadata[]): Promise<readonly TopicProblem[]> {
  const settings = await settingsFound(cluster, plan.topic);
  if (settings === undefined) {
    const mend = `kafka-acls.sh --bootstrap-server ${cluster.address} --add --allow-principal User:… --operation DescribeConfigs --topic ${plan.topic}`;
    return [
      { severity: 'warning', message: 'This user may not read its settings, so they were not checked.', mend },
      ...shapeProblems(cluster, plan, partitions),
    ];
  }
  return [...shapeProblems(cluster, plan, partitions), ...settingProblems(cluster, plan, partitions, settings)];
}

/** Undefined when we may not know them. */
async function settingsFound({ admin, clock }: Cluster, topic: string): Promise<ReadonlyMap<string, string> | undefined> {
  const deadline = clock.now() + leadersWithinMs;
  for (;;) {
    try {
      const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: topicResource, name: topic }] });
      const entries: readonly ConfigEntries[] = resources[0]?.configEntries ?? [];
      return new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
    } catch (cause) {
      const types = typesOf(cause);
      if (types.some((type) => type.endsWith('_AUTHORIZATION_FAILED'))) return undefined;
      // We have seen it, and the broker that was asked has not yet.
      if (!types.includes('UNKNOWN_TOPIC_OR_PARTITION') || clock.now() >= deadline) throw cause;
      await clock.sleep(pollMs);
    }
  }
}

const inDays = (ms: number): string => `${Number((ms / 86_400_000).toFixed(2))} days`;
const copiesOf = (partitions: readonly PartitionMetadata[]): number => Math.min(...partitions.map(({ replicas }) => replicas.length));

function shapeProblems({ address, brokers }: Cluster, plan: TopicPlan, found: readonly PartitionMetadata[]): TopicProblem[] {
  const { topic, partitions } = plan;
  const problems: TopicProblem[] = [];
  const wanted = replicationOf(plan, brokers);
  const copies = copiesOf(found);
  if (found.length < partitions) {
    problems.push({
      severity: 'warning',
      message: `It has ${found.length} partitions instead of ${partitions}, so fewer instances can work at once.`,
      mend: `kafka-topics.sh --bootstrap-server ${address} --alter --topic ${topic} --partitions ${partitions}`,
    });
  }
  if (copies < wanted) {
    problems.push({
      severity: 'warning',
      message: `Each record is kept on ${copies} of ${brokers} brokers instead of ${wanted}${copies === 1 ? ': with that broker its records are lost' : ''}.`,
      mend: `kafka-reassign-partitions.sh --bootstrap-server ${address} --execute, with a plan that gives each partition of ${topic} ${wanted} replicas`,
    });
  }
  return problems;
}

function settingProblems(
  { address }: Cluster,
  { topic, precious, retentionMs }: TopicPlan,
  partitions: readonly PartitionMetadata[],
  settings: ReadonlyMap<string, string>,
): TopicProblem[] {
  const problems: TopicProblem[] = [];
  const copies = copiesOf(partitions);
  const number = (name: string): number => Number(settings.get(name) ?? Number.NaN);
  const problem = (severity: TopicProblem['severity'], message: string, setting: string): void => {
    const mend = `kafka-configs.sh --bootstrap-server ${address} --alter --entity-type topics --entity-name ${topic} --add-config ${setting}`;
    problems.push({ severity, message, mend });
  };

  const inSync = number('min.insync.replicas');
  if (inSync > copies) {
    problem(
      'error',
      `min.insync.replicas=${inSync} is more than its ${copies} replicas: nothing can be written.`,
      `min.insync.replicas=${Math.max(copies - 1, 1)}`,
    );
  } else if (copies > 1 && inSync === copies) {
    problem(
      'warning',
      `min.insync.replicas=${inSync} is all of its replicas: one broker down, and nothing can be written.`,
      `min.insync.replicas=${copies - 1}`,
    );
  } else if (copies > 2 && inSync < 2) {
    problem(
      'warning',
      `min.insync.replicas=${inSync}: what was written to a single broker counts as written, and is lost with it.`,
      'min.insync.replicas=2',
    );
  }
  if (settings.get('unclean.leader.election.enable') === 'true') {
    problem(
      'error',
      'unclean.leader.election.enable=true: what was written can be lost with a broker.',
      'unclean.leader.election.enable=false',
    );
  }
  const messageBytes = number('max.message.bytes');
  if (messageBytes < leastMessageBytes) {
    problem(
      'warning',
      `max.message.bytes=${messageBytes}: records up to ${leastMessageBytes} bytes must fit.`,
      'max.message.bytes=1048588',
    );
  }
  const policy = settings.get('cleanup.policy') ?? '';
  if (policy.includes('compact')) {
    problem(
      'error',
      `cleanup.policy=${policy}: only the newest record of each key stays, and those without a key are refused.`,
      'cleanup.policy=delete',
    );
  }
  if (!precious) return problems;
  const retention = number('retention.ms');
  if (retention >= 0 && retention < retentionMs) {
    problem(
      'error',
      `retention.ms=${retention} (${inDays(retention)}) is shorter than LEDGER_RETENTION (${inDays(retentionMs)}): the ledger could not be rebuilt.`,
      `retention.ms=${retentionMs}`,
    );
  }
  const retentionBytes = number('retention.bytes');
  if (retentionBytes >= 0) problem('error', `retention.bytes=${retentionBytes}: records go before their time.`, 'retention.bytes=-1');
  return problems;
}
