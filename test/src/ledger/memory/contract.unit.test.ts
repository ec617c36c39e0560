import { createMemoryStore, openMemoryLedger } from '../../../../src/ledger/memory/ledger.ts';
import { ledgerSuite } from '../../../contracts/ledger.suite.ts';
import { sharedLedgerSuite } from '../../../contracts/shared-ledger.suite.ts';
import { at, transitionSettings } from '../../../support/builders.ts';
import { memoryHarness } from './harness.ts';

ledgerSuite('memory', memoryHarness);

sharedLedgerSuite('memory', async () => {
  const store = createMemoryStore();
  let now = at;
  let instances = 0;
  return {
    open: async () =>
      openMemoryLedger({ store, rules: transitionSettings, clock: { now: () => now }, owner: `instance ${(instances += 1)}` }),
    now: () => now,
    async pass(ms) {
      now += ms;
    },
    dispose: async () => undefined,
  };
});
