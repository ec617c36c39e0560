import { createMemoryStore, openMemoryLedger } from '../../../../src/ledger/memory/ledger.ts';
import type { LedgerHarness } from '../../../contracts/ledger-harness.ts';
import { at, transitionSettings } from '../../../support/builders.ts';

export async function memoryHarness(): Promise<LedgerHarness> {
  const store = createMemoryStore();
  let now = at;
  return {
    open: async () => openMemoryLedger({ store, rules: transitionSettings, clock: { now: () => now }, owner: 'one' }),
    now: () => now,
    async pass(ms) {
      now += ms;
    },
    dispose: async () => undefined,
  };
}
