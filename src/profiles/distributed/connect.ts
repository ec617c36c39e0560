/** Opens what every command of the distributed profile works with: the ledger in Redis, the topics on Kafka. */
import { randomUUID } from 'node:crypto';
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';
import type { AlertSink } from '../../../batches/ports/alert-sink.ts';
import type { Clock } from '../../../batches/ports/clock.ts';
import type { ResultSink } from '../../../batches/ports/result-sink.ts';
import { createTopicPublisher, type TopicPublisher } from '../../../producers/kafka/publisher.ts';
import { createAlertSink } from '../../../producers/alerts.ts';
import { newestMarks } from './newest-marks.ts';
import { openResultsTopic } from '../../../producers/results-topic.ts';
import { bindingOf } from '../binding.ts';
import { monotonicClock, systemClock } from '../../clock.ts';
import { isLoopback } from '../../config/values.ts';
import { redisParams, type Config } from '../../config/config.ts';
import { CommandError, exitCodes } from '../../exit.ts';
import { kafkaOf, type CreateKafka } from '../../kafka/client.ts';
import { groupMembers } from '../../kafka/consumer-group.ts';
import { checkKafka } from '../../kafka/reachability.ts';
import { loadLedgerKey } from '../../ledger/ledger-key.ts';
import { createRedisClock } from '../../ledger/redis/clock.ts';
import { openRedisLedger, type RedisLedger } from '../../ledger/redis/ledger.ts';
import type { Logger } from '../../logger.ts';
import { connectRedis, type RedisConnection } from '../../redis/connection.ts';
import type { Shutdown } from '../../service/shutdown.ts';
import { planTopics, topicNames, type TopicNames } from '../../kafka/topic-plan.ts';
import { ensureTopics, topicsExist } from '../../kafka/topics.ts';

export interface ConnectParams {
  readonly config: Config;
  readonly logger: Logger;
  readonly stopping: Shutdown;
  readonly newLedger: boolean;
  readonly allowUnsafeRedis: boolean;
}

export interface Connected {
  readonly redis: RedisConnection;
  readonly createKafka: CreateKafka;
  readonly topics: TopicNames;
  readonly topicPublisher: TopicPublisher;
  readonly sink: ResultSink;
  readonly alerts: AlertSink;
  readonly ledger: RedisLedger;
  readonly ledgerKey: Buffer;
  readonly clock: Clock;
  close(): Promise<void>;
}

/** A topic may have changed since it was created. A compacted one loses instructions and is refused; other problems are reported. */
async function checkTopics({ settings }: Config, createKafka: CreateKafka, warn: (message: string) => void): Promise<void> {
  const plan = planTopics({ prefix: settings.KAFKA_TOPIC_PREFIX, partitions: 1, retentionMs: settings.LEDGER_RETENTION });
  for (const { topic, problems } of await ensureTopics(createKafka, plan, { clock: systemClock })) {
    for (const { code, severity, message, fix } of problems) {
      if (severity !== 'error' && code !== 'timestamp_type') continue;
      const told = `${topic}: ${message} ${fix}`;
      if (code === 'cleanup_policy') throw new CommandError(exitCodes.usage, told);
      warn(told);
    }
  }
}

/** @throws {CommandError} exit 1: an instance of an older version would be stopped in the middle of its sends */
async function assertNoFormerInstance({ settings }: Config, createKafka: CreateKafka): Promise<void> {
  const living = await groupMembers(createKafka, settings.KAFKA_GROUP);
  if (living === 0) return;
  throw new CommandError(
    exitCodes.usage,
    `the ledger in Redis is of an older version, and ${living} ${living === 1 ? 'instance is active' : 'instances are active'} in the group ${settings.KAFKA_GROUP} (or died within the last 10 s): stop all of them, and the first start after that migrates the ledger.`,
  );
}

/** What is on its way to Kafka may take so long when we leave; the ledger has what does not make it. */
const publishCloseMs = 10_000;

/** The key that all instances share; never made by itself, for two instances would make two. */
export function sharedLedgerKey({ settings, dataDir }: Config): Buffer {
  if (settings.LEDGER_KEY_FILE === undefined) {
    throw new CommandError(
      exitCodes.usage,
      'LEDGER_KEY_FILE is not set: expected a file with 32 random bytes in base64 (openssl rand -base64 32), the same for all instances.',
    );
  }
  return loadLedgerKey({ dir: dataDir, file: settings.LEDGER_KEY_FILE });
}

/** @throws {CommandError} exit 1 or 3 with one sentence: unreachable, refused, missing topics, a ledger that lost data */
export async function connect(params: ConnectParams): Promise<Connected> {
  const { config, logger, stopping, newLedger, allowUnsafeRedis } = params;
  const { settings } = config;
  const binding = bindingOf(config);
  const ledgerKey = sharedLedgerKey(config);
  const topics = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const createKafka = kafkaOf(config, (level, message) => logger[level](message));
  const warn = (message: string): void => logger.warn(message);
  await checkKafka(createKafka, { clock: systemClock });
  await topicsExist(createKafka, Object.values(topics) as string[]);
  await checkTopics(config, createKafka, warn);
  const redis = await connectRedis(redisParams(config, warn));
  const opened: (() => Promise<unknown>)[] = [() => redis.close()];
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one();
  };
  try {
    const clock = await createRedisClock({ connection: redis, monotonic: monotonicClock });
    opened.push(async () => clock.close());
    const { marks: marksSeen, hasResults } = await newestMarks(createKafka, topics.results, stopping.signal);
    const ledger = await openRedisLedger({
      connection: redis,
      prefix: settings.REDIS_PREFIX,
      binding,
      ledgerKey,
      keys: createKeyDerivation(binding.project),
      ids: randomUUID,
      shardCount: settings.LEDGER_SHARDS,
      mayCreate: isLoopback(binding.gateway) || newLedger,
      marksSeen,
      hasResults,
      allow: { unsafe: allowUnsafeRedis },
      onWarning: warn,
      onBroken: (cause) => stopping.stop(cause.message),
      onTime: clock.note,
      beforeMigration: () => assertNoFormerInstance(config, createKafka),
    });
    opened.push(() => ledger.close());
    const topicPublisher = createTopicPublisher({ createKafka, clock: systemClock, onWarning: warn });
    opened.push(() => topicPublisher.close(publishCloseMs));
    const sink = openResultsTopic({ publisher: topicPublisher, topic: topics.results, clock: monotonicClock, onWarning: warn });
    opened.push(() => sink.close());
    const alertLines = { publisher: topicPublisher, topic: topics.alerts, clock: monotonicClock, onWarning: warn, what: 'alerts' } as const;
    const alerts = createAlertSink(openResultsTopic(alertLines));
    opened.push(() => alerts.close());
    return { redis, createKafka, topics, topicPublisher, sink, alerts, ledger, ledgerKey, clock, close };
  } catch (cause) {
    await close();
    throw cause;
  }
}
