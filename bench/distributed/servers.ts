/** A Kafka, of one broker or of three, and a Redis of our own on loopback, started once for a part of the benchmark. */
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { Kafka } from 'kafkajs';
import { createKafkaFactory } from '../../src/kafka/client.ts';
import { startKafka, startRedis } from '../../test/support/local-servers.ts';
import { cpuOfServer } from '../measure.ts';
import type { RedisSource } from '../redis-server.ts';

export interface Servers {
  readonly description: string;
  readonly brokers: string;
  readonly redisUrl: string;
  /** Copies of each partition. */
  readonly copies: 1 | 3;
  /** A new client. */
  kafka(): Kafka;
  /** User and system, since they started. */
  kafkaCpuSeconds(): number;
  redisCpuSeconds(): number;
  /** Where Redis' files are. */
  readonly redisFolder: string;
  /** What its data take now. */
  redisMib(): Promise<number>;
  emptyRedis(): Promise<void>;
  /** The same Redis for a contender that brings none; it finds it empty. */
  readonly redisSource: RedisSource;
  stop(): Promise<void>;
}

const kafkaPom = new URL('../../test/support/kafka.pom.xml', import.meta.url);
/** The first version in the file is the file's own. */
const kafkaVersion = (): string => [...readFileSync(kafkaPom, 'utf8').matchAll(/<version>([^<]+)</g)][1]?.[1] ?? 'of an unknown version';

async function redisVersion(client: Redis): Promise<string> {
  return /redis_version:(\S+)/.exec(await client.info('server'))?.[1] ?? 'of an unknown version';
}

const kafkaText = {
  1: 'one broker, heap of 400 MiB',
  3: 'three brokers, heap of 256 MiB each, three copies of each partition, two of them in every acknowledgement (acks=all)',
} as const;

export interface ServerOptions {
  readonly rewrites: boolean;
  readonly brokers?: 1 | 3;
}

/**
 * @param rewrites whether Redis rewrites its append-only file as it grows, as by default; in a short measurement that
 *   would hit the contender that is measured at that moment
 * @throws {Error} saying what to install
 */
export async function startServers({ rewrites, brokers = 1 }: ServerOptions): Promise<Servers> {
  const kafka = await startKafka({ brokers });
  const stops = [(): Promise<void> => kafka.stop()];
  const stop = async (): Promise<void> => void (await Promise.all(stops.splice(0).map((one) => one())));
  try {
    const redis = await startRedis({ args: rewrites ? [] : ['--auto-aof-rewrite-percentage', '0'] });
    stops.push(() => redis.stop('SIGKILL'));
    const client = new Redis(redis.url, { maxRetriesPerRequest: 1 });
    stops.push(async () => client.disconnect());
    const emptyRedis = async (): Promise<void> => void (await client.flushall());
    const createKafka = createKafkaFactory({ brokers: kafka.brokers.split(','), clientId: 'disburse-bench', logger: () => undefined });
    const kafkaPids = kafka.nodes.map(({ pid }) => pid);
    const redisCpuSeconds = (): number => cpuOfServer(redis.pid);
    const description = [
      `Kafka ${kafkaVersion()}, ${kafkaText[brokers]}, its own defaults for flushing`,
      `Redis ${await redisVersion(client)}, appendonly yes, appendfsync always${rewrites ? '' : ', no rewriting'}`,
    ].join('; ');
    return {
      description,
      brokers: kafka.brokers,
      redisUrl: redis.url,
      copies: brokers,
      kafka: createKafka,
      kafkaCpuSeconds: () => kafkaPids.reduce((sum, pid) => sum + cpuOfServer(pid), 0),
      redisCpuSeconds,
      redisFolder: redis.dir,
      redisMib: async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]) / 2 ** 20,
      emptyRedis,
      redisSource: {
        description,
        async start() {
          await emptyRedis();
          return { url: redis.url, folder: redis.dir, cpuSeconds: redisCpuSeconds, stop: emptyRedis };
        },
      },
      stop,
    };
  } catch (cause) {
    await stop();
    throw cause;
  }
}
