import { defineConfig } from 'vitest/config';
import { findChromium } from './test/support/chromium.ts';
import { LongestFirst } from './test/support/longest-first.ts';

const shared = {
  // Integration and end-to-end tests start processes and wait for conditions; this is a bound, not an expectation.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  // kafkajs on Node.js 24, harmless: src/kafka/client.ts keeps it from users too.
  execArgv: ['--disable-warning=TimeoutNegativeWarning'],
  globalSetup: ['test/support/bundled-cli.setup.ts'],
};

const paced = ['test/src/limiter/redis/*.services.test.ts'];

const browserTests = 'test/**/*.browser.test.ts';
/** Where there is no browser its tests do not run, which the end of each run says; `npm run test:browser` fails then. */
const withBrowser = findChromium() !== undefined || process.env['BROWSER_TESTS'] === 'required';
const saysSo = {
  onTestRunEnd: () =>
    void process.stderr.write('\nNo chromium on the PATH: the tests in a real browser DID NOT RUN (npm run test:browser).\n'),
};

export default defineConfig({
  test: {
    ...(withBrowser ? {} : { reporters: ['default', saysSo] }),
    // Most of the time goes into processes that wait for each other: on two cores a third worker finds room.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Of what runs in the process of a test: commands that tests start as processes of their own are not counted.
    coverage: { include: ['{src,batches,consumers,producers}/**/*.ts'], reporter: ['text-summary'] },
    projects: [
      {
        test: { ...shared, name: 'alone', include: ['test/**/*.test.ts'], exclude: ['test/**/*.services.test.ts', browserTests] },
      },
      {
        // On real Kafka and real Redis; test/support/services.setup.ts finds or starts them once for all files.
        test: {
          ...shared,
          name: 'services',
          // Servers and several instances of each test, all on the processors that the tests share: the bound is wider.
          testTimeout: 360_000,
          include: ['test/**/*.services.test.ts'],
          exclude: paced,
          globalSetup: [...shared.globalSetup, 'test/support/services.setup.ts'],
        },
      },
      {
        // After all others, one at a time: they measure a rate, for which the processor must not come too late.
        test: {
          ...shared,
          name: 'paced',
          include: paced,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          globalSetup: ['test/support/services.setup.ts'],
        },
      },
      ...(withBrowser ? [{ test: { ...shared, name: 'browser', include: [browserTests] } }] : []),
    ],
  },
});
