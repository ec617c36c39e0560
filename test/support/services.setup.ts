/**
 * Real Kafka and Redis for all tests that need them: the named ones (KAFKA_BROKERS, REDIS_URL), else containers, else
 * local processes. One line on stderr says which; without any the run fails.
 */
import type { TestProject } from 'vitest/node';
import { startKafka, startRedis } from './local-servers.ts';
import { findServices, type Wish } from './service-ways.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    kafkaBrokers: string;
    redisUrl: string;
  }
}

const patienceMs = 5000;

const kafka: Wish = {
  what: 'Kafka',
  variable: 'KAFKA_BROKERS',
  patienceMs,
  ways: [
    { name: 'in a container', start: async () => (await import('./service-containers.ts')).kafkaContainer() },
    {
      name: 'as a local process',
      async start() {
        const { brokers, stop } = await startKafka();
        return { address: brokers, stop };
      },
    },
  ],
};

const redis: Wish = {
  what: 'Redis',
  variable: 'REDIS_URL',
  patienceMs,
  ways: [
    { name: 'in a container', start: async () => (await import('./service-containers.ts')).redisContainer() },
    {
      name: 'as a local process',
      async start() {
        const server = await startRedis();
        return { address: server.url, stop: () => server.stop() };
      },
    },
  ],
};

const start = async () => {
  const found = await findServices([kafka, redis], process.env);
  process.stderr.write(`servers for tests: ${found.map(({ told }) => told).join('; ')}\n`);
  return found;
};

/** Each project loads this file by itself; all of a run share the servers. */
const run = globalThis as { disburseTestServers?: ReturnType<typeof start> };

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const isFirst = run.disburseTestServers === undefined;
  const found = await (run.disburseTestServers ??= start());
  const [brokers, url] = found.map(({ address }) => address) as [string, string];
  project.provide('kafkaBrokers', brokers);
  project.provide('redisUrl', url);
  return async () => {
    if (isFirst) await Promise.all(found.map((service) => service.stop()));
  };
}
