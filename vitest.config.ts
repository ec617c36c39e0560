import { defineConfig } from 'vitest/config';

const shared = {
  // Integration and end-to-end tests start processes and wait for conditions; this is a bound, not an expectation.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  // kafkajs on Node.js 24, harmless: src/kafka/client.ts keeps it from users too.
  execArgv: ['--disable-warning=TimeoutNegativeWarning'],
};

export default defineConfig({
  test: {
    // The runner is in the way of nothing: RSA signing in child processes wants the second core.
    maxWorkers: 2,
    projects: [
      {
        test: { ...shared, name: 'alone', include: ['test/**/*.test.ts'], exclude: ['test/**/*.services.test.ts'] },
      },
      {
        // On real Kafka and real Redis; test/support/services.setup.ts finds or starts them once for all files.
        test: {
          ...shared,
          name: 'services',
          include: ['test/**/*.services.test.ts'],
          globalSetup: ['test/support/services.setup.ts'],
        },
      },
    ],
  },
});
