import { ledgerSuite } from '../../../contracts/ledger.suite.ts';
import type { LedgerHarness } from '../../../contracts/ledger-harness.ts';
import { at } from '../../../support/builders.ts';
import { makeDir, openThreadedIn, removeDir } from '../data-dir.ts';

/** A thread takes long to start, and the same code writes as in the suite without one. */
const histories = 6;

const createHarness = async (): Promise<LedgerHarness> => {
  const dir = makeDir();
  const shared = new SharedArrayBuffer(8);
  const clock = new Float64Array(shared);
  clock[0] = at;
  return {
    open: () => openThreadedIn(dir, { at: shared }),
    now: () => clock[0] ?? 0,
    async pass(ms) {
      clock[0] = (clock[0] ?? 0) + ms;
    },
    dispose: async () => {
      removeDir(dir);
    },
  };
};

ledgerSuite('SQLite on a thread of its own', createHarness, histories);
