/**
 * A Kafka for tests, of one or three nodes that are broker and controller at once (KRaft). Each node listens three
 * times on 127.0.0.1: for clients (plain, TLS, SASL), for the other brokers and for the controllers (both plain).
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import type { Certificates } from './certificates.ts';
import { freePort } from './free-port.ts';
import { temporaryFolder } from './keeper.ts';
import { kafkaJars } from './server-downloads.ts';
import { ServerProcess } from './server-process.ts';

const run = promisify(execFile);
// Three of them on two busy cores take a while.
const startsWithinMs = 150_000;
const leastJava = 17;

export interface KafkaOptions {
  readonly brokers?: 1 | 3;
  /** Clients speak TLS and need the CA's file. */
  readonly tls?: Certificates;
  /** Clients log in, by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. No quotes, commas or brackets in names and passwords. */
  readonly sasl?: readonly { readonly username: string; readonly password: string }[];
  /** Further or other lines of every node's server.properties. */
  readonly properties?: Readonly<Record<string, string>>;
}

export interface KafkaNode {
  readonly pid: number;
  /** Where clients connect. */
  readonly port: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Freezes it: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** After `stop`, on the same port and files; resolves when it serves. */
  start(): Promise<void>;
}

export interface KafkaCluster {
  /** As KAFKA_BROKERS wants it. */
  readonly brokers: string;
  readonly nodes: readonly KafkaNode[];
  /** At once, by SIGKILL: the data is not read again. */
  stop(): Promise<void>;
}

interface Place {
  readonly id: number;
  readonly client: number;
  readonly internal: number;
  readonly controller: number;
}

/** @throws {Error} saying what to install, or with the end of a broker's log */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaCluster> {
  const count = options.brokers ?? 1;
  await needJava();
  const jars = await kafkaJars();
  const places: Place[] = [];
  for (let id = 1; id <= count; id++)
    places.push({ id, client: await freePort(), internal: await freePort(), controller: await freePort() });
  const clusterId = randomBytes(16).toString('base64url');
  const processes = await Promise.all(places.map((place) => prepare(place, places, options, jars, clusterId)));
  const stop = async (): Promise<void> => void (await Promise.all(processes.map((each) => each.stop('SIGKILL'))));
  try {
    await Promise.all(processes.map((each) => each.start()));
    for (const place of places) await knowsAll(place.internal, count);
  } catch (cause) {
    await stop();
    throw cause;
  }
  const nodes = processes.map((server, index): KafkaNode => {
    const place = places[index] as Place;
    return {
      get pid() {
        return server.pid;
      },
      port: place.client,
      stop: (signal) => server.stop(signal),
      pause: () => server.pause(),
      resume: () => server.resume(),
      start: () => server.start(),
    };
  });
  return { brokers: nodes.map(({ port }) => `127.0.0.1:${port}`).join(','), nodes, stop };
}

async function prepare(
  place: Place,
  places: readonly Place[],
  options: KafkaOptions,
  jars: string,
  clusterId: string,
): Promise<ServerProcess> {
  const folder = await temporaryFolder(`kafka-${place.id}`);
  const file = join(folder, 'server.properties');
  const properties = { ...serverProperties(place, places, folder), ...clientListener(options), ...options.properties };
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(file, lines.join(''), { mode: 0o600 });
  const classPath = ['-cp', join(jars, '*')];
  const scram = (options.sasl ?? []).flatMap(({ username, password }) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${username},password=${password}]`]),
  );
  // With `=`, because an id may begin with a hyphen.
  const format = ['kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', file, ...scram];
  await run('java', ['-Xmx128m', '-XX:TieredStopAtLevel=1', ...classPath, ...format], { timeout: startsWithinMs });
  return new ServerProcess({
    name: `Kafka broker ${place.id} (127.0.0.1:${place.client})`,
    command: 'java',
    args: [`-Xmx${places.length === 1 ? 400 : 256}m`, '-XX:+UseSerialGC', ...classPath, 'kafka.Kafka', file],
    logFile: join(folder, 'kafka.log'),
    startsWithinMs,
    // Written once the controllers have let the broker in.
    isReady: async (log) => log.includes('Kafka Server started'),
  });
}

function serverProperties(place: Place, places: readonly Place[], folder: string): Record<string, string> {
  const replicas = String(places.length);
  return {
    'process.roles': 'broker,controller',
    'node.id': String(place.id),
    'controller.quorum.voters': places.map(({ id, controller }) => `${id}@127.0.0.1:${controller}`).join(','),
    listeners: `CLIENT://127.0.0.1:${place.client},INTERNAL://127.0.0.1:${place.internal},CONTROLLER://127.0.0.1:${place.controller}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${place.client},INTERNAL://127.0.0.1:${place.internal}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'INTERNAL',
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': 'false',
    'min.insync.replicas': places.length === 1 ? '1' : '2',
    'offsets.topic.num.partitions': '4',
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': '2',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
  };
}

function clientListener({ tls, sasl }: KafkaOptions): Record<string, string> {
  const protocol = sasl === undefined ? (tls === undefined ? 'PLAINTEXT' : 'SSL') : tls === undefined ? 'SASL_PLAINTEXT' : 'SASL_SSL';
  const on = 'listener.name.client.';
  const security = 'org.apache.kafka.common.security';
  const users = (sasl ?? []).map(({ username, password }) => ` user_${username}="${password}"`).join('');
  return {
    'listener.security.protocol.map': `CLIENT:${protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    ...(tls === undefined
      ? {}
      : {
          [`${on}ssl.keystore.type`]: 'PEM',
          [`${on}ssl.keystore.location`]: tls.keystoreFile,
          [`${on}ssl.truststore.type`]: 'PEM',
          [`${on}ssl.truststore.location`]: tls.caFile,
        }),
    ...(sasl === undefined
      ? {}
      : {
          [`${on}sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
          [`${on}plain.sasl.jaas.config`]: `${security}.plain.PlainLoginModule required${users};`,
          [`${on}scram-sha-256.sasl.jaas.config`]: `${security}.scram.ScramLoginModule required;`,
          [`${on}scram-sha-512.sasl.jaas.config`]: `${security}.scram.ScramLoginModule required;`,
        }),
  };
}

/** Resolves when this broker reports all of them to a client. */
async function knowsAll(port: number, count: number): Promise<void> {
  const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, retry: { retries: 8, initialRetryTime: 100 } });
  const admin = kafka.admin();
  await admin.connect();
  try {
    const deadline = performance.now() + startsWithinMs;
    for (;;) {
      const { brokers } = await admin.describeCluster();
      if (brokers.length === count) return;
      if (performance.now() > deadline) throw new Error(`the Kafka broker on 127.0.0.1:${port} sees ${brokers.length} of ${count} brokers`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    await admin.disconnect();
  }
}

async function needJava(): Promise<void> {
  const wanted = `install a Java runtime, version ${leastJava} or later`;
  const { stderr } = await run('java', ['-version']).catch((cause: unknown) => {
    throw new Error(`java is not on the PATH, or does not run, and a local Kafka needs it: ${wanted}.`, { cause });
  });
  const version = Number(/version "(\d+)/.exec(stderr)?.[1]);
  if (version < leastJava) throw new Error(`Java ${version} is too old for a local Kafka: ${wanted}.`);
}
