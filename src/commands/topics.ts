import { systemClock } from '../clock.ts';
import { serversOf, type Config } from '../config/config.ts';
import { exitCodes, type ExitCode } from '../exit.ts';
import { kafkaOf } from '../kafka/client.ts';
import { checkKafka } from '../kafka/reachability.ts';
import type { TopicReport } from '../kafka/topic-plan.ts';
import { createLogger } from '../logger.ts';
import { counted, paintFor, printable } from '../terminal/format.ts';
import { instancesOf, topicReports, topicsView } from '../views/topics.ts';

interface TopicsOptions {
  readonly partitions: number;
  readonly replication?: number;
  readonly check?: boolean;
  readonly json?: boolean;
}

/** Creates what is missing, or only reports it, and verifies the rest. Exit 0: no errors, warnings included; 2: something must be corrected. */
export async function topics(config: Config, { partitions, replication, check = false, json }: TopicsOptions): Promise<ExitCode> {
  serversOf(config, 'disburse topics');
  const { settings } = config;
  const logger = createLogger(settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const createKafka = kafkaOf(config, (level, message) => logger[level](message));
  await checkKafka(createKafka, { clock: systemClock });
  const reports = await topicReports(createKafka, config, { clock: systemClock, partitions, replication, create: !check });
  const view = topicsView({ reports, instances: await instancesOf(createKafka, config) });
  const readers = `${counted(view.instances, 'instance reads', 'instances read')} instructions (group ${printable(settings.KAFKA_GROUP)})`;
  process.stdout.write(json === true ? `${JSON.stringify(view)}\n` : `${[...reports.map(text), readers].join('\n')}\n`);
  return view.ok ? exitCodes.ok : exitCodes.needsAttention;
}

function text({ topic, state, problems }: TopicReport): string {
  const paint = paintFor(process.stdout, process.env);
  const lines = problems.map(({ severity, message, fix }) => {
    const word = severity === 'error' ? paint('red', 'error') : paint('yellow', 'warning');
    return `  ${word}: ${printable(message)}\n    ${printable(fix)}`;
  });
  return [`${printable(topic)}: ${state === 'problems' ? 'exists' : state}`, ...lines].join('\n');
}
