import { randomUUID } from 'node:crypto';
import { createFingerprints } from '../../batches/record/fingerprint.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import { readMessage } from '../../batches/event/read-message.ts';
import { readTopic } from '../../consumers/kafka/read-topic.ts';
import { bindingOf } from '../profiles/binding.ts';
import { monotonicClock, systemClock } from '../clock.ts';
import { redisParams, serversOf, type Config } from '../config/config.ts';
import { sharedLedgerKey } from '../profiles/distributed/connect.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { kafkaOf, type CreateKafka } from '../kafka/client.ts';
import { committedOffsets, groupMembers } from '../kafka/consumer-group.ts';
import { checkKafka } from '../kafka/reachability.ts';
import { createRedisClock } from '../ledger/redis/clock.ts';
import { openRedisLedger } from '../ledger/redis/ledger.ts';
import { beginRebuild, finishRebuild } from '../ledger/redis/rebuild.ts';
import { createTopicSeal } from '../ledger/seal.ts';
import { createLogger } from '../logger.ts';
import { rebuild as rebuildFrom, type RebuildDeps, type RebuildReport } from '../../batches/pipeline/rebuild-ledger.ts';
import { maxInFlight } from '../../batches/pipeline/offsets/assignment.ts';
import { createRebuildIndex } from '../recovery/rebuild-index.ts';
import { connectRedis, type RedisConnection } from '../redis/connection.ts';
import { resultsFromTopic } from '../kafka/results-reader.ts';
import { transitionSettings } from '../profiles/transition-settings.ts';
import { createShutdown, type Shutdown } from '../service/shutdown.ts';
import { grouped } from '../terminal/format.ts';
import { topicNames } from '../kafka/topic-plan.ts';
import { topicsExist } from '../kafka/topics.ts';

interface RebuildOptions {
  readonly yes?: boolean;
  readonly allowUnsafeRedis?: boolean;
  readonly json?: boolean;
}

/** What a rebuild works with, once nothing stands against it. */
interface Session {
  readonly config: Config;
  readonly options: RebuildOptions;
  readonly stopping: Shutdown;
  readonly warn: (message: string) => void;
  readonly ledgerKey: Buffer;
  readonly createKafka: CreateKafka;
  readonly connection: RedisConnection;
}

/**
 * Writes the ledger from the topics, after Redis lost data. Until it has ended, no instance pays; after an interruption
 * it starts from the beginning.
 */
export async function rebuild(config: Config, options: RebuildOptions): Promise<ExitCode> {
  serversOf(config, 'disburse rebuild');
  const { settings } = config;
  if (options.yes !== true) {
    throw new CommandError(
      exitCodes.usage,
      `rebuild replaces everything that Redis holds under ${settings.REDIS_PREFIX} with what the topics ${settings.KAFKA_TOPIC_PREFIX}.results and .instructions hold. Stop all instances, then run it with --yes.`,
    );
  }
  const logger = createLogger(settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const warn = (message: string): void => logger.warn(message);
  const stopping = createShutdown(
    (signal) => process.stderr.write(`${signal}: stopping. Nothing is paid until rebuild has run to its end.\n`),
    () => process.exit(exitCodes.stopped),
  );
  const ledgerKey = sharedLedgerKey(config);
  const createKafka = kafkaOf(config, (level, message) => logger[level](message));
  await assertNoInstance(config, createKafka);
  const connection = await connectRedis(redisParams(config, warn));
  try {
    const report = await rebuildIn({ config, options, stopping, warn, ledgerKey, createKafka, connection });
    process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : `${text(report)}\n`);
    return report.skipped > 0 ? exitCodes.needsALook : exitCodes.ok;
  } catch (cause) {
    if (!stopping.signal.aborted) throw cause;
    throw new CommandError(
      exitCodes.stopped,
      `stopped: ${stopping.why()}. Nothing is paid until rebuild has run to its end: run it again.`,
      { cause },
    );
  } finally {
    stopping.release();
    await connection.close();
  }
}

async function assertNoInstance({ settings }: Config, createKafka: CreateKafka): Promise<void> {
  await checkKafka(createKafka, { clock: systemClock });
  await topicsExist(createKafka, Object.values(topicNames(settings.KAFKA_TOPIC_PREFIX)) as string[]);
  const living = await groupMembers(createKafka, settings.KAFKA_GROUP);
  if (living === 0) return;
  throw new CommandError(
    exitCodes.usage,
    `${living} ${living === 1 ? 'instance works' : 'instances work'} in the group ${settings.KAFKA_GROUP} (or died within the last 10 s): stop all of them first.`,
  );
}

async function rebuildIn(session: Session): Promise<RebuildReport> {
  const { config, options, stopping, warn, ledgerKey, connection } = session;
  const binding = bindingOf(config);
  const clock = await createRedisClock({ connection, monotonic: monotonicClock });
  const common = { connection, prefix: config.settings.REDIS_PREFIX, binding, ledgerKey, ids: randomUUID };
  await beginRebuild(common);
  const ledger = await openRedisLedger({
    ...common,
    keys: createKeyDerivation(binding.project),
    mayCreate: false,
    marksSeen: [],
    hasResults: true,
    allow: { unsafe: options.allowUnsafeRedis === true },
    onWarning: warn,
    onBroken: (cause) => stopping.stop(cause.message),
    rebuilding: true,
  });
  const marks = new Map<string, string>();
  const index = createRebuildIndex();
  let skipped = 0;
  const sources = await openSources(session, { marks, onSkipped: () => (skipped += 1) });
  const settings = transitionSettings(config);
  const found = await rebuildFrom({ ledger, index, settings, fingerprints: createFingerprints(ledgerKey), clock, ...sources }).finally(() =>
    index.close(),
  );
  await finishRebuild({ ...common, marksSeen: [...marks.values()] });
  await ledger.close();
  return { ...found, skipped: found.skipped + skipped };
}

type Sources = Pick<RebuildDeps, 'read' | 'isWithinLimits' | 'backlog' | 'results' | 'instructions' | 'deadLetters' | 'onProgress'>;

async function openSources(
  { config, createKafka, ledgerKey, warn, stopping: { signal } }: Session,
  { marks, onSkipped }: { readonly marks: Map<string, string>; readonly onSkipped: () => void },
): Promise<Sources> {
  const { settings } = config;
  const topics = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const { open } = createTopicSeal(ledgerKey);
  const from = 'beginning';
  const read = (topic: string) => readTopic({ createKafka, topic, from, until: 'end', signal, groupPrefix: 'disburse-rebuild' });
  const results = () =>
    resultsFromTopic(config, {
      from,
      follow: false,
      signal,
      onWarning: warn,
      onSkipped(message) {
        onSkipped();
        warn(message);
      },
    });
  return {
    read: (message) => readMessage(message, { now: message.timestamp, open }),
    isWithinLimits(message) {
      const { MAX_AMOUNT: maxAmount } = settings;
      const found = readMessage(message, { now: message.timestamp, open, ...(maxAmount === undefined ? {} : { maxAmount }) });
      return found.type === 'instruction' && found.reading.ok;
    },
    backlog: {
      topic: topics.instructions,
      committed: await committedOffsets(createKafka, settings.KAFKA_GROUP, topics.instructions),
      window: maxInFlight,
    },
    results: () => noting(marks, results()),
    instructions: () => read(topics.instructions),
    deadLetters: () => places(read(topics.deadLetters)),
    onProgress: (sofar) =>
      void process.stderr.write(`${grouped(sofar.results)} results, ${grouped(sofar.instructions)} instructions read\n`),
  };
}

/** Remembers one mark of each generation of the ledger that the results were published from. */
async function* noting(marks: Map<string, string>, results: AsyncIterable<ResultEvent>) {
  for await (const event of results) {
    const { ledger_mark: mark } = event;
    if (mark !== undefined && /^[^.]+\.\d+\.\d+$/.test(mark)) marks.set(mark.slice(0, mark.indexOf('.')), mark);
    yield event;
  }
}

async function* places(letters: AsyncIterable<{ readonly headers: Readonly<Record<string, Buffer>> }>) {
  for await (const { headers } of letters) {
    const [topic, partition, offset] = ['source_topic', 'source_partition', 'source_offset'].map(
      (name) => headers[name]?.toString('utf8') ?? '',
    );
    yield { stream: `topic:${topic}:${partition}`, position: Number(offset) };
  }
}

const text = ({
  results,
  instructions,
  records,
  settled,
  settled_without_result: settledWithoutResult,
  without_result: withoutResult,
  unread,
  skipped,
  dead_letters: deadLetters,
}: RebuildReport): string =>
  [
    `The ledger was rebuilt from ${grouped(results)} results and ${grouped(instructions)} instructions.`,
    `  records: ${
      Object.entries(records)
        .map(([status, count]) => `${status} ${grouped(count)}`)
        .join(', ') || 'none'
    }`,
    `  ended without a record of their own: ${grouped(settled)}; dead letters: ${grouped(deadLetters)}`,
    withoutResult === 0
      ? '  every instruction has a result'
      : `  ${grouped(withoutResult)} instructions had no result: perhaps sent, so they are unknown now and are never sent as new`,
    ...(settledWithoutResult === 0 ? [] : [`  ${grouped(settledWithoutResult)} occurrences had lost their result: it is published again`]),
    ...(unread === 0 ? [] : [`  ${grouped(unread)} instructions were not started by any instance: they are left for the instances`]),
    ...(skipped === 0 ? [] : [`  ${grouped(skipped)} messages were not understood and are skipped: look at the warnings above`]),
    'Instances may be started again.',
  ].join('\n');
