import { systemClock } from '../clock.ts';
import { serversOf, type Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { checkKafka, kafkaOf } from '../kafka/client.ts';
import { createLogger } from '../logger.ts';
import { paintFor, printable } from '../terminal/format.ts';
import { ensureTopics, planTopics, type TopicReport } from '../kafka/topics.ts';

interface TopicsOptions {
  readonly partitions: string;
  readonly replication?: string;
  readonly json?: boolean;
}

/** Makes what is missing and checks the rest. Exit 0: all well, warnings included; 2: something must be mended. */
export async function topics(config: Config, options: TopicsOptions): Promise<ExitCode> {
  serversOf(config, 'disburse topics');
  const { settings } = config;
  const partitions = count('--partitions', options.partitions);
  const replication = options.replication === undefined ? undefined : count('--replication', options.replication);
  const logger = createLogger(settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const createKafka = kafkaOf(config, (level, message) => logger[level](message));
  await checkKafka(createKafka, { clock: systemClock });
  const plan = planTopics({ prefix: settings.KAFKA_TOPIC_PREFIX, partitions, replication, retentionMs: settings.LEDGER_RETENTION });
  const reports = await ensureTopics(createKafka, plan, { clock: systemClock });
  const isBroken = reports.some(({ problems }) => problems.some(({ severity }) => severity === 'error'));
  process.stdout.write(
    options.json === true ? `${JSON.stringify({ ok: !isBroken, topics: reports })}\n` : `${reports.map(text).join('\n')}\n`,
  );
  return isBroken ? exitCodes.needsALook : exitCodes.ok;
}

function count(flag: string, given: string): number {
  const value = Number(given);
  if (/^\d{1,5}$/.test(given) && value > 0) return value;
  throw new CommandError(exitCodes.usage, `${flag} ${JSON.stringify(given)}: expected a whole number above 0.`);
}

function text({ topic, state, problems }: TopicReport): string {
  const paint = paintFor(process.stdout, process.env);
  const lines = problems.map(({ severity, message, mend }) => {
    const word = severity === 'error' ? paint('red', 'wrong') : paint('yellow', 'warning');
    return `  ${word}: ${printable(message)}\n    ${printable(mend)}`;
  });
  return [`${printable(topic)}: ${state === 'problems' ? 'there' : state}`, ...lines].join('\n');
}
