/** What a test of the distributed profile has: a world, names of its own on shared servers, topics, instances. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Kafka, logLevel, type IHeaders } from 'kafkajs';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { Env, Running } from '../support/cli.ts';
import { inWorld, type World, type WorldOptions } from './world.ts';

export interface Servers {
  readonly kafkaBrokers: string;
  readonly redisUrl: string;
  /** What else it takes to get in. */
  readonly env?: Record<string, string>;
}

export interface Message {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Instance extends Running {
  /** Where it answers over HTTP. */
  readonly url: string;
}

interface ProduceParams {
  readonly keys?: readonly string[];
  readonly headers?: IHeaders;
  /** The instructions by default. */
  readonly to?: 'instructions' | 'results';
}

export interface Cluster extends World {
  readonly prefix: string;
  /** The variables of the distributed profile, beside the world's. */
  readonly names: Record<string, string>;
  /** Starts an instance and waits until it is in the group. */
  serve(more?: Env): Promise<Instance>;
  produce(values: readonly unknown[], params?: ProduceParams): Promise<void>;
  read(topic: 'instructions' | 'results' | 'dead-letters' | 'alerts'): Promise<readonly Message[]>;
  /** How many messages lie there; far quicker than reading them. */
  count(topic: 'instructions' | 'results' | 'dead-letters' | 'alerts'): Promise<number>;
  results(): Promise<readonly ResultEvent[]>;
  /** Moves the group of the instances to the end of the instructions, as one did whose results were lost with it. */
  commitAll(): Promise<void>;
  /** Removes everything that the ledger has in Redis, as FLUSHALL does; other tests share the server. */
  wipeRedis(): Promise<void>;
  alterTopic(topic: 'instructions' | 'results', settings: Readonly<Record<string, string>>): Promise<void>;
}

/** @param what for people; a function returns what was found last */
export const until = async (what: string | (() => string), holds: () => Promise<boolean> | boolean, withinMs = 120_000): Promise<void> => {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms for ${typeof what === 'string' ? what : what()}`);
    await sleep(100);
  }
};

/** Longer than a machine stalls a process that has something under way. */
const quietMs = 4_000;

/** Waits until what was under way has arrived at the gateway; answers how many payments there are then. */
export async function quietPayments({ sandbox }: Pick<World, 'sandbox'>): Promise<number> {
  let [payments, since] = [-1, 0];
  await until('the payments to end', () => {
    const now = sandbox.payments().length;
    if (now !== payments) [payments, since] = [now, performance.now()];
    return performance.now() - since >= quietMs;
  });
  return payments;
}

/** Payments whose session no result shows: when the ledger is lost, they cannot be asked for any more. */
export async function untoldPayments({ sandbox, results }: Pick<Cluster, 'sandbox' | 'results'>): Promise<number> {
  const told = new Set((await results()).map((event) => event.session_id));
  return sandbox.payments().filter((payment) => !told.has(payment.session_id)).length;
}

/** The test's own client, by the same way in. */
function clientOf({ kafkaBrokers, env = {} }: Servers): Kafka {
  const { KAFKA_SSL_CA_FILE: ca, KAFKA_SASL_USERNAME: username = '', KAFKA_SASL_PASSWORD: password = '' } = env;
  return new Kafka({
    brokers: kafkaBrokers.split(','),
    logLevel: logLevel.NOTHING,
    ...(ca === undefined ? {} : { ssl: { ca: [readFileSync(ca)] }, sasl: { mechanism: 'plain', username, password } }),
  });
}

/** `ConfigResourceTypes.TOPIC` of kafkajs, which Node.js does not find among its exports. */
const topicResource = 2;

/** Results of the same event id count once: a sink may repeat itself. */
export const once = (events: readonly ResultEvent[]): ResultEvent[] => [
  ...new Map(events.map((event) => [event.event_id, event])).values(),
];

export const inCluster = (
  servers: Servers,
  options: WorldOptions & { readonly partitions?: number },
  work: (cluster: Cluster) => Promise<void>,
): Promise<void> =>
  inWorld(options, async (world) => {
    const prefix = `t${randomBytes(6).toString('hex')}`;
    const names = {
      KAFKA_BROKERS: servers.kafkaBrokers,
      REDIS_URL: servers.redisUrl,
      KAFKA_TOPIC_PREFIX: prefix,
      KAFKA_GROUP: prefix,
      REDIS_PREFIX: prefix,
      LEDGER_KEY_FILE: world.write('ledger.key', `${randomBytes(32).toString('base64')}\n`),
      HTTP_PORT: '0',
      ...servers.env,
    };
    const kafka = clientOf(servers);
    const running: Running[] = [];
    const begin: World['begin'] = (args, more = {}) => {
      const one = world.begin(args, { ...names, ...more });
      running.push(one);
      return one;
    };
    const command: World['command'] = (args, more) => begin(args, more).ended;
    const made = await command(['topics', '--partitions', String(options.partitions ?? 4)]);
    if (made.code !== 0) throw new Error(`topics: ${made.stderr}`);

    const read: Cluster['read'] = async (name) => {
      const topic = `${prefix}.${name}`;
      const admin = kafka.admin();
      await admin.connect();
      const ends = await admin.fetchTopicOffsets(topic);
      await admin.disconnect();
      const left = new Map(ends.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, BigInt(high)]));
      const found: Message[] = [];
      if (left.size === 0) return found;
      const consumer = kafka.consumer({ groupId: `${prefix}-reader-${randomBytes(4).toString('hex')}` });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      const done = Promise.withResolvers<void>();
      await consumer.run({
        autoCommit: false,
        eachMessage: async ({ partition, message }) => {
          const headers = Object.fromEntries(Object.entries(message.headers ?? {}).map(([key, value]) => [key, String(value)]));
          const { offset, key, value } = message;
          found.push({ topic, partition, offset, key: key?.toString() ?? null, value: value?.toString() ?? null, headers });
          if (BigInt(offset) + 1n >= (left.get(partition) ?? 0n)) left.delete(partition);
          if (left.size === 0) done.resolve();
        },
      });
      await done.promise;
      await consumer.disconnect();
      return found;
    };

    const offsets = kafka.admin();
    await offsets.connect();
    const count: Cluster['count'] = async (name) => {
      const ends = await offsets.fetchTopicOffsets(`${prefix}.${name}`);
      return ends.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
    };

    const cluster: Cluster = {
      ...world,
      get sandbox() {
        return world.sandbox;
      },
      prefix,
      names,
      begin,
      command,
      run: (path, args, more = {}) => world.run(path, args, { ...names, ...more }),
      async serve(more = {}) {
        const one = begin(['serve'], more);
        const url = (): string | undefined => /"url":"(http:[^"]+)"/.exec(one.stderr())?.[1];
        await until('an instance that serves', async () => {
          if (one.child.exitCode !== null) throw new Error(`serve ended with ${one.child.exitCode}: ${one.stderr()}`);
          const at = url();
          return (
            at !== undefined &&
            (await fetch(`${at}/readyz`).then(
              (answer) => answer.ok,
              () => false,
            ))
          );
        });
        return { ...one, url: url() ?? '' };
      },
      async produce(values, { keys, headers, to = 'instructions' } = {}) {
        const producer = kafka.producer();
        await producer.connect();
        const messages = values.map((value, index) => ({
          key: keys?.[index] ?? null,
          value: value === null || Buffer.isBuffer(value) ? value : typeof value === 'string' ? value : JSON.stringify(value),
          ...(headers === undefined ? {} : { headers }),
        }));
        await producer.send({ topic: `${prefix}.${to}`, messages });
        await producer.disconnect();
      },
      read,
      count,
      async alterTopic(name, settings) {
        const admin = kafka.admin();
        await admin.connect();
        const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
        await admin.alterConfigs({
          validateOnly: false,
          resources: [{ type: topicResource, name: `${prefix}.${name}`, configEntries }],
        });
        await admin.disconnect();
      },
      async commitAll() {
        const topic = `${prefix}.instructions`;
        const ends = await offsets.fetchTopicOffsets(topic);
        await offsets.setOffsets({ groupId: prefix, topic, partitions: ends.map(({ partition, high }) => ({ partition, offset: high })) });
      },
      async wipeRedis() {
        const redis = new Redis(servers.redisUrl);
        await redis.eval("for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('UNLINK', key) end", 0, `${prefix}:*`);
        redis.disconnect();
      },
      results: async () => (await read('results')).map(({ value }) => JSON.parse(value ?? '') as ResultEvent),
    };
    try {
      await work(cluster);
    } catch (cause) {
      // What the commands said is what explains it.
      const said = running.map((one, index) => `--- command ${index + 1}\n${one.stderr().slice(-3_000)}`);
      throw new Error(`${cause instanceof Error ? cause.message : String(cause)}\n${said.join('\n')}`, { cause });
    } finally {
      await offsets.disconnect();
      for (const one of running) one.kill('SIGKILL');
      await Promise.all(running.map((one) => one.ended));
      const admin = kafka.admin();
      await admin.connect();
      await admin
        .deleteTopics({ topics: ['instructions', 'results', 'dead-letters', 'alerts'].map((name) => `${prefix}.${name}`) })
        .catch(() => undefined);
      await admin.disconnect();
    }
  });
