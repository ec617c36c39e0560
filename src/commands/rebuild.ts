import { randomUUID } from 'node:crypto';
import { createFingerprints } from '../../batches/record/fingerprint.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import { readMessage, type OpenSealed } from '../../batches/event/read-message.ts';
import { readTopic } from '../../consumers/kafka/read-topic.ts';
import { bindingOf } from '../profiles/binding.ts';
import { monotonicClock, systemClock } from '../clock.ts';
import { redisParams, serversOf, type Config } from '../config/config.ts';
import { sharedLedgerKey } from '../profiles/distributed/connect.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { kafkaOf } from '../kafka/client.ts';
import { groupMembers } from '../kafka/consumer-group.ts';
import { checkKafka } from '../kafka/reachability.ts';
import { createRedisClock } from '../ledger/redis/clock.ts';
import { openRedisLedger } from '../ledger/redis/ledger.ts';
import { beginRebuild, finishRebuild } from '../ledger/redis/rebuild.ts';
import { createTopicSeal } from '../ledger/seal.ts';
import { createLogger } from '../logger.ts';
import { rebuild as rebuildFrom, type RebuildReport } from '../recovery/rebuild-ledger.ts';
import { connectRedis } from '../redis/connection.ts';
import { resultsFromTopic } from '../kafka/results-reader.ts';
import { transitionSettings } from '../profiles/transition-settings.ts';
import { createShutdown } from '../service/shutdown.ts';
import { grouped } from '../terminal/format.ts';
import { topicNames } from '../kafka/topic-plan.ts';
import { topicsExist } from '../kafka/topics.ts';

interface RebuildOptions {
  readonly yes?: boolean;
  readonly allowUnsafeRedis?: boolean;
  readonly json?: boolean;
}

/**
 * Writes the ledger anew from the topics, after Redis lost data. Until it has ended, no instance pays; interrupted, it
 * is begun again from the start.
 */
export async function rebuild(config: Config, options: RebuildOptions): Promise<ExitCode> {
  serversOf(config, 'disburse rebuild');
  const { settings } = config;
  if (options.yes !== true) {
    throw new CommandError(
      exitCodes.usage,
      `rebuild replaces everything that Redis holds under ${settings.REDIS_PREFIX}: with what the topics ${settings.KAFKA_TOPIC_PREFIX}.results and .instructions tell. Stop all instances, then run it with --yes.`,
    );
  }
  const logger = createLogger(settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const warn = (message: string): void => logger.warn(message);
  const stopping = createShutdown(
    (signal) => process.stderr.write(`${signal}: stopping. Until rebuild was run to its end nothing is paid.\n`),
    () => process.exit(exitCodes.stopped),
  );
  const { signal } = stopping;
  const ledgerKey = sharedLedgerKey(config);
  const binding = bindingOf(config);
  const topics = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const createKafka = kafkaOf(config, (level, message) => logger[level](message));
  await checkKafka(createKafka, { clock: systemClock });
  await topicsExist(createKafka, Object.values(topics) as string[]);
  const living = await groupMembers(createKafka, settings.KAFKA_GROUP);
  if (living > 0) {
    throw new CommandError(
      exitCodes.usage,
      `${living} ${living === 1 ? 'instance works' : 'instances work'} in the group ${settings.KAFKA_GROUP} (or died within the last 10 s): stop all of them first.`,
    );
  }
  const connection = await connectRedis(redisParams(config, warn));
  try {
    const clock = await createRedisClock({ connection, monotonic: monotonicClock });
    const common = { connection, prefix: settings.REDIS_PREFIX, binding, ledgerKey, ids: randomUUID };
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
    const open: OpenSealed = createTopicSeal(ledgerKey).open;
    const { MAX_AMOUNT: maxAmount } = settings;
    const from = 'beginning';
    const report = await rebuildFrom({
      ledger,
      rules: transitionSettings(config),
      fingerprints: createFingerprints(ledgerKey),
      clock,
      read: (message) => readMessage(message, { now: message.timestamp, open }),
      isWithinLimits: (message) => {
        const found = readMessage(message, { now: message.timestamp, open, ...(maxAmount === undefined ? {} : { maxAmount }) });
        return found.type === 'instruction' && found.reading.ok;
      },
      results: noting(marks, resultsFromTopic(config, { from, follow: false, signal, onWarning: warn })),
      instructions: readTopic({ createKafka, topic: topics.instructions, from, until: 'end', signal, groupPrefix: 'disburse-rebuild' }),
      deadLetters: places(
        readTopic({ createKafka, topic: topics.deadLetters, from, until: 'end', signal, groupPrefix: 'disburse-rebuild' }),
      ),
      onProgress: (sofar) => process.stderr.write(`${grouped(sofar.results)} results, ${grouped(sofar.instructions)} instructions read\n`),
    });
    await finishRebuild({ ...common, marksSeen: [...marks.values()] });
    await ledger.close();
    process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : `${text(report)}\n`);
    return exitCodes.ok;
  } catch (cause) {
    if (!signal.aborted) throw cause;
    throw new CommandError(
      exitCodes.stopped,
      `stopped: ${stopping.why()}. Nothing is paid until rebuild was run to its end: run it again.`,
      {
        cause,
      },
    );
  } finally {
    stopping.release();
    await connection.close();
  }
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
  without_result: withoutResult,
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
      : `  ${grouped(withoutResult)} instructions had no result: perhaps sent, so they are unknown now and are never sent afresh`,
    'Instances may be started again.',
  ].join('\n');
