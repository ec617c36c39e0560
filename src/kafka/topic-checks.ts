/** What differs between a topic and its plan, and the command that corrects it. */
import { replicationOf, type TopicPlan, type TopicProblem, type TopicProblemCode } from './topic-plan.ts';
import type { Partitions } from './topic-admin.ts';

/** @property address of one broker, for the commands */
export interface ClusterFacts {
  readonly address: string;
  readonly brokers: number;
}

/** The publisher's batches and the largest instruction fit into this. */
const leastMessageBytes = 1_000_000;

const inDays = (ms: number): string => `${Number((ms / 86_400_000).toFixed(2))} days`;
const replicasOf = (partitions: Partitions): number => Math.min(...partitions.map(({ replicas }) => replicas.length));

export function partitionProblems({ address, brokers }: ClusterFacts, plan: TopicPlan, found: Partitions): TopicProblem[] {
  const { topic, partitions } = plan;
  const problems: TopicProblem[] = [];
  const intended = replicationOf(plan, brokers);
  const replicas = replicasOf(found);
  if (found.length < partitions) {
    problems.push({
      code: 'partitions',
      severity: 'warning',
      message: `It has ${found.length} partitions instead of ${partitions}, so fewer instances can work at the same time.`,
      fix: `kafka-topics.sh --bootstrap-server ${address} --alter --topic ${topic} --partitions ${partitions}`,
    });
  }
  if (replicas < intended) {
    problems.push({
      code: 'replicas',
      severity: 'warning',
      message: `Each record is stored on ${replicas} of ${brokers} brokers instead of ${intended}${replicas === 1 ? ': its records are lost with that broker' : ''}.`,
      fix: `kafka-reassign-partitions.sh --bootstrap-server ${address} --execute, with a plan that gives each partition of ${topic} ${intended} replicas`,
    });
  }
  return problems;
}

/** A setting that is wrong: `NAME=VALUE` to set instead. */
interface Finding extends Omit<TopicProblem, 'fix'> {
  readonly setting: string;
}

export function settingProblems(
  { address }: ClusterFacts,
  plan: TopicPlan,
  found: { readonly partitions: Partitions; readonly settings: ReadonlyMap<string, string> },
): TopicProblem[] {
  const findings = [
    inSyncFinding(found.settings, replicasOf(found.partitions)),
    uncleanFinding(found.settings),
    sizeFinding(found.settings),
    policyFinding(found.settings),
    timeFinding(found.settings),
    ...(plan.isSource ? retentionFindings(found.settings, plan.retentionMs) : []),
  ];
  return findings.flatMap((finding) => {
    if (finding === undefined) return [];
    const { setting, ...problem } = finding;
    const fix = `kafka-configs.sh --bootstrap-server ${address} --alter --entity-type topics --entity-name ${plan.topic} --add-config ${setting}`;
    return [{ ...problem, fix }];
  });
}

type Settings = ReadonlyMap<string, string>;
const numberOf = (settings: Settings, name: string): number => Number(settings.get(name) ?? Number.NaN);
const finding = (code: TopicProblemCode, severity: TopicProblem['severity'], message: string, setting: string): Finding => ({
  code,
  severity,
  message,
  setting,
});

function inSyncFinding(settings: Settings, replicas: number): Finding | undefined {
  const code = 'min_insync_replicas';
  const inSync = numberOf(settings, 'min.insync.replicas');
  if (inSync > replicas) {
    const message = `min.insync.replicas=${inSync} is more than its ${replicas} replicas: nothing can be written.`;
    return finding(code, 'error', message, `min.insync.replicas=${Math.max(replicas - 1, 1)}`);
  }
  if (replicas > 1 && inSync === replicas) {
    const message = `min.insync.replicas=${inSync} equals its replicas: with one broker down nothing can be written.`;
    return finding(code, 'warning', message, `min.insync.replicas=${replicas - 1}`);
  }
  if (replicas > 2 && inSync < 2) {
    const message = `min.insync.replicas=${inSync}: a record on a single broker counts as written, and is lost with that broker.`;
    return finding(code, 'warning', message, 'min.insync.replicas=2');
  }
  return undefined;
}

function uncleanFinding(settings: Settings): Finding | undefined {
  if (settings.get('unclean.leader.election.enable') !== 'true') return undefined;
  const message = 'unclean.leader.election.enable=true: records that were written can be lost with a broker.';
  return finding('unclean_leader_election', 'error', message, 'unclean.leader.election.enable=false');
}

function sizeFinding(settings: Settings): Finding | undefined {
  const bytes = numberOf(settings, 'max.message.bytes');
  if (!(bytes < leastMessageBytes)) return undefined;
  const message = `max.message.bytes=${bytes}: records up to ${leastMessageBytes} bytes must fit.`;
  return finding('max_message_bytes', 'warning', message, 'max.message.bytes=1048588');
}

function policyFinding(settings: Settings): Finding | undefined {
  const policy = settings.get('cleanup.policy') ?? '';
  const isCompacted = policy.split(',').some((part) => part.trim() === 'compact');
  if (!isCompacted) return undefined;
  const message = `cleanup.policy=${policy}: only the newest record of each key is kept, and records without a key are refused.`;
  return finding('cleanup_policy', 'error', message, 'cleanup.policy=delete');
}

function timeFinding(settings: Settings): Finding | undefined {
  const type = settings.get('message.timestamp.type');
  if (type === undefined || type === 'LogAppendTime') return undefined;
  const message = `message.timestamp.type=${type}: records carry the time of their producer, so after a rebuild no open send is resent.`;
  return finding('timestamp_type', 'warning', message, 'message.timestamp.type=LogAppendTime');
}

function retentionFindings(settings: Settings, retentionMs: number): Finding[] {
  const findings: Finding[] = [];
  const retention = numberOf(settings, 'retention.ms');
  if (retention >= 0 && retention < retentionMs) {
    const message = `retention.ms=${retention} (${inDays(retention)}) is shorter than LEDGER_RETENTION (${inDays(retentionMs)}): the ledger could not be rebuilt.`;
    findings.push(finding('retention', 'error', message, `retention.ms=${retentionMs}`));
  }
  const bytes = numberOf(settings, 'retention.bytes');
  if (bytes >= 0) {
    const message = `retention.bytes=${bytes}: records are deleted before their time.`;
    findings.push(finding('retention', 'error', message, 'retention.bytes=-1'));
  }
  return findings;
}
