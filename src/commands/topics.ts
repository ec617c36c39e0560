import { systemClock } from '../clock.ts';
import { serversOf, type Config } from '../config/config.ts';
import { exitCodes, type ExitCode } from '../exit.ts';
import { kafkaOf } from '../kafka/client.ts';
import { checkKafka } from '../kafka/reachability.ts';
import { planTopics, type TopicReport } from '../kafka/topic-plan.ts';
import { ensureTopics } from '../kafka/topics.ts';
import { createLogger } from '../logger.ts';
import { paintFor, printable } from '../terminal/format.ts';

interface TopicsOptions {
  readonly partitions: number;
  readonly replication?: number;
  readonly json?: boolean;
}

/** Creates what is missing and verifies the rest. Exit 0: no errors, warnings included; 2: something must be corrected. */
export async function topics(config: Config, { partitions, replication, json }: TopicsOptions): Promise<ExitCode> {
  serversOf(config, 'disburse topics');
  const { settings } = config;
  const logger = createLogger(settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const createKafka = kafkaOf(config, (level, message) => logger[level](message));
  await checkKafka(createKafka, { clock: systemClock });
  const plan = planTopics({ prefix: settings.KAFKA_TOPIC_PREFIX, partitions, replication, retentionMs: settings.LEDGER_RETENTION });
  const reports = await ensureTopics(createKafka, plan, { clock: systemClock });
  const isBroken = reports.some(({ problems }) => problems.some(({ severity }) => severity === 'error'));
  process.stdout.write(
    json === true ? `${JSON.stringify({ ok: !isBroken, topics: reports.map(toJson) })}\n` : `${reports.map(text).join('\n')}\n`,
  );
  return isBroken ? exitCodes.needsAttention : exitCodes.ok;
}

/** Programs know the fix as `mend`. */
const toJson = ({ problems, ...report }: TopicReport) => ({
  ...report,
  problems: problems.map(({ fix, ...problem }) => ({ ...problem, mend: fix })),
});

function text({ topic, state, problems }: TopicReport): string {
  const paint = paintFor(process.stdout, process.env);
  const lines = problems.map(({ severity, message, fix }) => {
    const word = severity === 'error' ? paint('red', 'error') : paint('yellow', 'warning');
    return `  ${word}: ${printable(message)}\n    ${printable(fix)}`;
  });
  return [`${printable(topic)}: ${state === 'problems' ? 'exists' : state}`, ...lines].join('\n');
}
