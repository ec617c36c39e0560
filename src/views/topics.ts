/** The topics of the distributed profile and who reads them, as the command and the console show them. */
import { groupMembers } from '../kafka/consumer-group.ts';
import type { CreateKafka } from '../kafka/client.ts';
import { planTopics, type TopicProblem, type TopicReport } from '../kafka/topic-plan.ts';
import { ensureTopics } from '../kafka/topics.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Config } from '../config/config.ts';

/**
 * Programs know the fix as `mend`.
 *
 * @property instances that read the instructions now: members of the group, of which one that was killed counts for 10 s more
 */
export interface TopicsView {
  readonly ok: boolean;
  readonly instances: number;
  readonly topics: readonly (Omit<TopicReport, 'problems'> & {
    readonly problems: readonly (Omit<TopicProblem, 'fix'> & { readonly mend: string })[];
  })[];
}

export const defaultPartitions = 12;

export interface TopicsParams {
  readonly clock: Clock;
  readonly partitions: number;
  readonly replication?: number | undefined;
  /** False: what is missing is reported, and nothing is changed. */
  readonly create: boolean;
}

/** @throws {CommandError} exit 3 when Kafka does not answer */
export async function topicReports(createKafka: CreateKafka, { settings }: Config, params: TopicsParams): Promise<readonly TopicReport[]> {
  const { clock, partitions, replication, create } = params;
  const plan = planTopics({ prefix: settings.KAFKA_TOPIC_PREFIX, partitions, replication, retentionMs: settings.LEDGER_RETENTION });
  return ensureTopics(createKafka, plan, { clock, create });
}

export const instancesOf = (createKafka: CreateKafka, { settings }: Config): Promise<number> =>
  groupMembers(createKafka, settings.KAFKA_GROUP);

/** @property instances as in `TopicsView` */
export interface TopicsState {
  readonly reports: readonly TopicReport[];
  readonly instances: number;
}

export const topicsView = ({ reports, instances }: TopicsState): TopicsView => ({
  ok: !reports.some(({ problems }) => problems.some(({ severity }) => severity === 'error')),
  instances,
  topics: reports.map(({ problems, ...report }) => ({
    ...report,
    problems: problems.map(({ fix, ...problem }) => ({ ...problem, mend: fix })),
  })),
});
