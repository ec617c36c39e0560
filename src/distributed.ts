/**
 * The wiring of the distributed profile: the ledger and the limiters in Redis, instructions, results and dead letters
 * on Kafka. `connect` opens what every command of this profile needs; `openInstance` adds what pays.
 */
import { randomUUID } from 'node:crypto';
import { createFingerprints } from '../batches/fingerprint.ts';
import { createKeys } from '../batches/key.ts';
import type { Clock, Gateway, ResultSink, SharedLedger } from '../batches/ports.ts';
import type { ResultEvent } from '../batches/result.ts';
import { readTopic, type TopicStart } from '../consumers/kafka/read-topic.ts';
import { createTopicPublisher, type TopicPublisher } from '../producers/kafka/publisher.ts';
import { openResultsTopic } from '../producers/results-topic.ts';
import type { Signer } from '../producers/signature.ts';
import { bindingOf } from './alone.ts';
import { createApp, type App } from './app.ts';
import { monotonicClock, systemClock } from './clock.ts';
import { isLoopback, serversOf, type Config } from './config.ts';
import { checkKafka, createKafkaFactory, type CreateKafka } from './kafka.ts';
import { loadLedgerKey } from './ledger/ledger-key.ts';
import { openRedisLedger } from './ledger/redis/ledger.ts';
import { createRedisClock } from './ledger/redis/clock.ts';
import { createRedisLimiter } from './limiter/redis.ts';
import type { Logger } from './logger.ts';
import { connectRedis, type RedisConnection } from './redis.ts';
import type { Stopping } from './stopping.ts';
import { topicNames, topicsExist, type TopicNames } from './topics.ts';

export interface ConnectParams {
  readonly config: Config;
  readonly logger: Logger;
  readonly stopping: Stopping;
  readonly newLedger: boolean;
  readonly allowUnsafeRedis: boolean;
}

/** Everything open that a command of the distributed profile works with. */
export interface Connected {
  readonly redis: RedisConnection;
  readonly createKafka: CreateKafka;
  readonly topics: TopicNames;
  readonly topicPublisher: TopicPublisher;
  readonly sink: ResultSink;
  readonly ledger: SharedLedger;
  readonly ledgerKey: Buffer;
  readonly clock: Clock;
  close(): Promise<void>;
}
