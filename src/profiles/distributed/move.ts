/** Export and import of the ledger in Redis. */
import { randomBytes, randomUUID } from 'node:crypto';
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';
import { createTopicPublisher } from '../../../producers/kafka/publisher.ts';
import { openResultsTopic } from '../../../producers/results-topic.ts';
import { monotonicClock, systemClock } from '../../clock.ts';
import { redisParams, type Config } from '../../config/config.ts';
import { isLoopback } from '../../config/values.ts';
import { CommandError, exitCodes } from '../../exit.ts';
import { kafkaOf, type CreateKafka } from '../../kafka/client.ts';
import { isFullyCommitted } from '../../kafka/consumer-group.ts';
import { topicNames } from '../../kafka/topic-plan.ts';
import type { MovedSummary } from '../../ledger/sealed-chunks.ts';
import { openRedisSource } from '../../ledger/redis/export.ts';
import { beginImport, openRedisLedger } from '../../ledger/redis/ledger.ts';
import type { Logger } from '../../logger.ts';
import { connectRedis, type RedisConnection } from '../../redis/connection.ts';
import { bindingOf } from '../binding.ts';
import { exportLedger, importLedger, type Imported, type LedgerItem, type OpenTarget } from '../move-ledger.ts';
import type { MoveParams } from '../profile.ts';
import { transitionSettings } from '../transition-settings.ts';
import { sharedLedgerKey } from './connect.ts';
import { newestMarks } from './newest-marks.ts';
import { redisTarget } from './move-target.ts';
import { assertNoInstance } from './rebuild.ts';

const publishCloseMs = 10_000;

const kafka = (config: Config, logger: Logger): CreateKafka => kafkaOf(config, (level, message) => logger[level](message));

export async function exportDistributed({ config, path, logger }: MoveParams): Promise<MovedSummary> {
  const { settings } = config;
  const ledgerKey = sharedLedgerKey(config);
  const createKafka = kafka(config, logger);
  await assertNoInstance(config, createKafka);
  const { instructions } = topicNames(settings.KAFKA_TOPIC_PREFIX);
  if (!(await isFullyCommitted(createKafka, settings.KAFKA_GROUP, instructions)))
    throw new CommandError(
      exitCodes.usage,
      `${instructions} has messages that no instance has read: they are not in the ledger, and would be left behind. Pause with disburse pause --all, let disburse serve read them, stop it, and export again.`,
    );
  const connection = await connectRedis(redisParams(config, (message) => logger.warn(message)));
  try {
    const source = await openRedisSource({
      connection,
      prefix: settings.REDIS_PREFIX,
      ledgerKey,
      exportId: randomUUID(),
      to: path,
      now: () => systemClock.now(),
      ids: randomUUID,
    });
    return await exportLedger({ source, path, ledgerKey, salt: randomBytes(32) });
  } finally {
    await connection.close();
  }
}

export async function importDistributed(params: MoveParams): Promise<Imported> {
  const { config, path, by, stopping, logger } = params;
  const ledgerKey = sharedLedgerKey(config);
  const createKafka = kafka(config, logger);
  await assertNoInstance(config, createKafka);
  const connection = await connectRedis(redisParams(config, (message) => logger.warn(message)));
  try {
    return await importLedger({
      path,
      ledgerKey,
      binding: bindingOf(config),
      settings: transitionSettings(config, ledgerKey),
      by,
      now: () => systemClock.now(),
      signal: stopping.signal,
      onWarning: (message) => logger.warn(message),
      open: (moved) => openTarget(params, { createKafka, connection, ledgerKey, moved }),
    });
  } finally {
    await connection.close();
  }
}

interface Connection {
  readonly createKafka: CreateKafka;
  readonly connection: RedisConnection;
  readonly ledgerKey: Buffer;
  readonly moved: LedgerItem;
}

async function openTarget(
  { config, stopping, logger, newLedger, allowUnsafeRedis }: MoveParams,
  { createKafka, connection, ledgerKey, moved }: Connection,
): Promise<OpenTarget> {
  const { settings } = config;
  const binding = bindingOf(config);
  const topics = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const { marks } = await newestMarks(createKafka, topics.results, stopping.signal);
  const mayCreate = isLoopback(binding.gateway) || newLedger;
  const common = { connection, prefix: settings.REDIS_PREFIX, binding, ledgerKey, ids: randomUUID, shardCount: settings.LEDGER_SHARDS };
  const { lineage, newest, barrier } = moved;
  const generation = await beginImport({ ...common, mayCreate, lineage, newest, barrier, marksSeen: marks });
  const warn = (message: string): void => logger.warn(message);
  const ledger = await openRedisLedger({
    ...common,
    keys: createKeyDerivation(binding.project),
    mayCreate: false,
    marksSeen: [],
    hasResults: true,
    allow: { unsafe: allowUnsafeRedis },
    onWarning: warn,
    onBroken: (cause) => stopping.stop(cause.message),
    importing: true,
  });
  const publisher = createTopicPublisher({ createKafka, clock: systemClock, onWarning: warn });
  const sink = openResultsTopic({ publisher, topic: topics.results, clock: monotonicClock, onWarning: warn });
  return {
    target: redisTarget(ledger, common),
    sink,
    ledgerMark: `${generation}.0.0`,
    async close() {
      await sink.close();
      await publisher.close(publishCloseMs);
      await ledger.close();
    },
  };
}
