import { ledgerDifferentialSuite } from '../../../contracts/ledger-differential.suite.ts';
import { at } from '../../../support/builders.ts';
import { makeDir, openIn, removeDir } from '../data-dir.ts';
import { histories } from '../../../support/histories.ts';
import { memoryHarness } from '../memory/harness.ts';

ledgerDifferentialSuite('SQLite and memory', {
  ...histories(150),
  one: memoryHarness,
  async other() {
    const dir = makeDir();
    let now = at;
    return {
      open: () => openIn(dir, { clock: { now: () => now } }),
      now: () => now,
      async pass(ms) {
        now += ms;
      },
      dispose: async () => removeDir(dir),
    };
  },
});
