import { setTimeout as sleep } from 'node:timers/promises';
import { ledgerSuite } from '../../../contracts/ledger.suite.ts';
import { sharedLedgerSuite } from '../../../contracts/shared-ledger.suite.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { openInstance, removeKeys } from './harness.ts';

for (const shardCount of [16, 64] as const) {
  const name = `Redis, ${shardCount} shards`;

  ledgerSuite(name, async () => {
    const prefix = uniquePrefix();
    return {
      shared: true,
      packs: true,
      async open() {
        const { ledger, close } = await openInstance(redisUrl(), prefix, { shardCount });
        // What the former one left unpublished is this one's now, as after the death of an instance.
        await ledger.takeOverOutbox({ olderThanMs: 0, limit: 10_000 });
        return { ...ledger, close };
      },
      now: () => Date.now(),
      pass: (ms) => sleep(ms),
      dispose: () => removeKeys(redisUrl(), prefix),
    };
  });

  sharedLedgerSuite(name, async () => {
    const prefix = uniquePrefix();
    return {
      async open() {
        const { ledger, close } = await openInstance(redisUrl(), prefix, { shardCount });
        return { ...ledger, close };
      },
      now: () => Date.now(),
      pass: (ms) => sleep(ms),
      dispose: () => removeKeys(redisUrl(), prefix),
    };
  });
}
