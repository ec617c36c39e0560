import { setTimeout as sleep } from 'node:timers/promises';
import { ledgerDifferentialSuite } from '../../../contracts/ledger-differential.suite.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { histories } from '../../../support/histories.ts';
import { memoryHarness } from '../memory/harness.ts';
import { openInstance, removeKeys } from './harness.ts';

ledgerDifferentialSuite('Redis and memory', {
  ...histories(60),
  keepsTrails: false,
  packs: true,
  one: memoryHarness,
  async other() {
    const prefix = uniquePrefix();
    return {
      shared: true,
      async open() {
        const { ledger, close } = await openInstance(redisUrl(), prefix);
        await ledger.takeOverOutbox({ olderThanMs: 0, limit: 10_000 });
        return { ...ledger, close };
      },
      now: () => Date.now(),
      pass: (ms) => sleep(ms),
      dispose: () => removeKeys(redisUrl(), prefix),
    };
  },
});
