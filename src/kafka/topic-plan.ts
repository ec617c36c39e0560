/** The four topics and their intended settings. */

export interface TopicNames {
  readonly instructions: string;
  readonly results: string;
  readonly deadLetters: string;
  readonly alerts: string;
}

export const topicNames = (prefix: string): TopicNames => ({
  instructions: `${prefix}.instructions`,
  results: `${prefix}.results`,
  deadLetters: `${prefix}.dead-letters`,
  alerts: `${prefix}.alerts`,
});

/**
 * @property replication replicas of each record; undefined: 3, or the number of brokers
 * @property retentionMs how long a record is kept
 * @property isSource whether the ledger is rebuilt from it, so that no record may go before `retentionMs`
 * @property isKept it is created without an end of its records: record ids stay known, and alerts can be read at any time
 */
export interface TopicPlan {
  readonly topic: string;
  readonly partitions: number;
  readonly replication: number | undefined;
  readonly retentionMs: number;
  readonly isSource: boolean;
  readonly isKept: boolean;
}

export function planTopics(params: {
  readonly prefix: string;
  readonly partitions: number;
  readonly replication?: number | undefined;
  /** LEDGER_RETENTION. */
  readonly retentionMs: number;
}): readonly TopicPlan[] {
  const { prefix, partitions, replication, retentionMs } = params;
  const { instructions, results, deadLetters, alerts } = topicNames(prefix);
  const common = { partitions, replication, retentionMs };
  return [
    { ...common, topic: instructions, isSource: true, isKept: false },
    { ...common, topic: results, isSource: true, isKept: true },
    { ...common, topic: deadLetters, isSource: false, isKept: false },
    { ...common, topic: alerts, isSource: false, isKept: true },
  ];
}

const defaultReplication = 3;

export const replicationOf = ({ replication }: TopicPlan, brokers: number): number => replication ?? Math.min(defaultReplication, brokers);

export const settingsOf = (plan: TopicPlan, replication: number): Readonly<Record<string, string>> => ({
  'cleanup.policy': 'delete',
  'retention.ms': plan.isKept ? '-1' : String(plan.retentionMs),
  'retention.bytes': '-1',
  'min.insync.replicas': replication >= 3 ? '2' : '1',
  'unclean.leader.election.enable': 'false',
  // The age of a key is read from it after a rebuild, and the clock of a producer may be wrong.
  'message.timestamp.type': 'LogAppendTime',
});

export type TopicProblemCode =
  | 'missing'
  | 'not_created'
  | 'settings_unreadable'
  | 'partitions'
  | 'replicas'
  | 'min_insync_replicas'
  | 'unclean_leader_election'
  | 'max_message_bytes'
  | 'cleanup_policy'
  | 'retention'
  | 'timestamp_type';

/**
 * @property severity `error`: records are lost or cannot be written; `warning`: it works, at a risk
 * @property fix what to do, mostly a command
 */
export interface TopicProblem {
  readonly code: TopicProblemCode;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly fix: string;
}

/**
 * @property state `created` now, `missing` where none is created, `ok`, or `problems`
 * @property problems of a created topic too, when the cluster created it otherwise than requested
 */
export interface TopicReport {
  readonly topic: string;
  readonly state: 'created' | 'missing' | 'ok' | 'problems';
  readonly problems: readonly TopicProblem[];
}
