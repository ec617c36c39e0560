/** Kafka and Redis in containers, by testcontainers, where a Docker engine has or gets their images. */
import { GenericContainer, getContainerRuntimeClient, getReaper, Wait, type StartedTestContainer } from 'testcontainers';
import { freePort } from './free-port.ts';
import { kafkaImage, redisImage } from './service-images.ts';
import type { Service } from './service-ways.ts';

const engineWithinMs = 10_000;
// Pulling the image included.
const startsWithinMs = 180_000;

const redisCommand = 'redis-server --appendonly yes --appendfsync always --maxmemory-policy noeviction --save'.split(' ');

export async function redisContainer(): Promise<Service> {
  await hostOfContainers();
  const container = new GenericContainer(redisImage)
    .withCommand([...redisCommand, ''])
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forListeningPorts());
  return inTime(container.start(), (started) => `redis://${loopback(started.getHost())}:${started.getMappedPort(6379)}`);
}

export async function kafkaContainer(): Promise<Service> {
  const host = await hostOfContainers();
  // Brokers tell clients where they are, so the port must be the same inside and out.
  const port = await freePort();
  const container = new GenericContainer(kafkaImage)
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_LISTENERS: `CLIENT://0.0.0.0:${port},CONTROLLER://localhost:9093`,
      KAFKA_ADVERTISED_LISTENERS: `CLIENT://${host}:${port}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_INTER_BROKER_LISTENER_NAME: 'CLIENT',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '4',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_HEAP_OPTS: '-Xmx512m -Xms256m',
    })
    .withExposedPorts({ container: port, host: port })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .withStartupTimeout(startsWithinMs);
  return inTime(container.start(), () => `${host}:${port}`);
}

let engine: Promise<string> | undefined;

/** Where containers' ports are to be found, when an engine answers and what cleans up after us runs. */
function hostOfContainers(): Promise<string> {
  // Once for both, since two first containers at once would start two cleaners.
  engine ??= (async () => {
    const client = await withDeadline(getContainerRuntimeClient(), engineWithinMs, 'a Docker engine').catch((cause: unknown) => {
      throw new Error(`no Docker engine answers; ${(cause as Error).message}`, { cause });
    });
    await withDeadline(getReaper(client), startsWithinMs, 'the container that cleans up');
    return loopback(client.info.containerRuntime.host);
  })();
  return engine;
}

/** By number, since `localhost` may mean an IPv6 address that the engine does not serve. */
const loopback = (host: string): string => (host === 'localhost' ? '127.0.0.1' : host);

async function inTime(starting: Promise<StartedTestContainer>, address: (started: StartedTestContainer) => string): Promise<Service> {
  try {
    const started = await withDeadline(starting, startsWithinMs, 'the container');
    return { address: address(started), stop: async () => void (await started.stop()) };
  } catch (cause) {
    // It is no longer waited for; when it comes all the same, it is stopped.
    starting.then((late) => late.stop()).catch(() => undefined);
    throw cause;
  }
}

async function withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
