import { ledgerSuite } from '../../../contracts/ledger.suite.ts';
import { at } from '../../../support/builders.ts';
import { makeDir, openIn, removeDir } from '../data-dir.ts';

ledgerSuite('SQLite', async () => {
  const dir = makeDir();
  let now = at;
  return {
    open: () => openIn(dir, { clock: { now: () => now } }),
    now: () => now,
    async pass(ms) {
      now += ms;
    },
    dispose: async () => {
      removeDir(dir);
    },
  };
});
