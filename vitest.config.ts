import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Integration and end-to-end tests start processes and wait for conditions; this is a bound, not an expectation.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The runner is in the way of nothing: RSA signing in child processes wants the second core.
    maxWorkers: 2,
  },
});
