/** Creates missing topics, or reports them, and verifies existing ones; changes none. */
import type { Admin } from 'kafkajs';
import type { Clock } from '../../batches/ports/clock.ts';
import { whyOf } from '../../producers/kafka/publish-error.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { CreateKafka } from './client.ts';
import { errorTypesOf, lookUp, settingsOnCluster, untilLed, withAdmin, type Partitions } from './topic-admin.ts';
import { partitionProblems, settingProblems, type ClusterFacts } from './topic-checks.ts';
import { replicationOf, settingsOf, type TopicPlan, type TopicProblem, type TopicReport } from './topic-plan.ts';

interface Cluster extends ClusterFacts {
  readonly admin: Admin;
  readonly clock: Clock;
}

/**
 * @param options with `create` false nothing is created
 * @throws {CommandError} exit 3 when Kafka does not answer
 */
export async function ensureTopics(
  createKafka: CreateKafka,
  plans: readonly TopicPlan[],
  { clock, create = true }: { readonly clock: Clock; readonly create?: boolean },
): Promise<readonly TopicReport[]> {
  return withAdmin(createKafka, async (admin) => {
    const { brokers } = await admin.describeCluster();
    const cluster: Cluster = { admin, clock, address: createKafka.brokers[0] ?? '', brokers: brokers.length };
    const reports: TopicReport[] = [];
    for (const plan of plans) reports.push(await ensure(cluster, plan, create));
    return reports;
  });
}

/**
 * For the start of a process that needs them.
 *
 * @throws {CommandError} exit 1, naming those that are missing; exit 3 when Kafka does not answer
 */
export async function topicsExist(createKafka: CreateKafka, topics: readonly string[]): Promise<void> {
  const missing = await withAdmin(createKafka, async (admin) => {
    const found = await Promise.all(topics.map((topic) => lookUp(admin, topic)));
    return topics.filter((_, index) => found[index] === undefined);
  });
  if (missing.length === 0) return;
  const [noun, pronoun] = missing.length === 1 ? ['topic', 'it'] : ['topics', 'them'];
  throw new CommandError(
    exitCodes.usage,
    `Kafka at ${createKafka.brokers.join(', ')} has no ${noun} ${missing.join(', ')}: create ${pronoun} with \`disburse topics\`, or correct KAFKA_TOPIC_PREFIX.`,
  );
}

async function ensure(cluster: Cluster, plan: TopicPlan, mayCreate: boolean): Promise<TopicReport> {
  const { admin, clock } = cluster;
  const { topic } = plan;
  const found = await lookUp(admin, topic);
  if (found !== undefined) {
    const problems = await check(cluster, plan, found);
    return { topic, state: problems.length === 0 ? 'ok' : 'problems', problems };
  }
  if (!mayCreate) return { topic, state: 'missing', problems: [missing] };
  const problem = await create(cluster, plan);
  if (problem !== undefined) return { topic, state: 'problems', problems: [problem] };
  return { topic, state: 'created', problems: await check(cluster, plan, await untilLed(admin, clock, topic)) };
}

const missing: TopicProblem = {
  code: 'missing',
  severity: 'error',
  message: 'It does not exist.',
  fix: 'disburse topics, which creates it',
};

/** Errors that no further attempt changes. */
const refusals: ReadonlySet<string> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'POLICY_VIOLATION',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_CONFIG',
  'INVALID_PARTITIONS',
  'INVALID_TOPIC_EXCEPTION',
]);

/** @returns why it could not be created */
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
    const types = errorTypesOf(cause);
    // Another process created it meanwhile.
    if (types.includes('TOPIC_ALREADY_EXISTS')) return undefined;
    if (!types.some((type) => refusals.has(type))) throw cause;
    const config = Object.entries(settings).map(([name, value]) => ` --config ${name}=${value}`);
    return {
      code: 'not_created',
      severity: 'error',
      message: `The topic does not exist and could not be created: ${firstReason(cause)}.`,
      fix: `kafka-topics.sh --bootstrap-server ${cluster.address} --create --topic ${topic} --partitions ${partitions} --replication-factor ${replication}${config.join('')}`,
    };
  }
}

/** kafkajs wraps the reasons of single topics in an error of its own. */
const firstReason = (error: unknown): string => {
  const errors = error instanceof Error && 'errors' in error && Array.isArray(error.errors) ? (error.errors as unknown[]) : [];
  return whyOf(errors[0] ?? error);
};

async function check(cluster: Cluster, plan: TopicPlan, partitions: Partitions): Promise<readonly TopicProblem[]> {
  const settings = await settingsOnCluster(cluster.admin, cluster.clock, plan.topic);
  const problems = partitionProblems(cluster, plan, partitions);
  if (settings !== undefined) return [...problems, ...settingProblems(cluster, plan, { partitions, settings })];
  const unreadable: TopicProblem = {
    code: 'settings_unreadable',
    severity: 'warning',
    message: 'This user may not read its settings, so they were not verified.',
    fix: `kafka-acls.sh --bootstrap-server ${cluster.address} --add --allow-principal User:… --operation DescribeConfigs --topic ${plan.topic}`,
  };
  return [unreadable, ...problems];
}
