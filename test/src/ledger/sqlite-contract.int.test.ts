import { ledgerSuite } from '../../contracts/ledger.suite.ts';
import { makeDir, openIn, removeDir } from './data-dir.ts';

ledgerSuite('SQLite', async () => {
  const dir = makeDir();
  return {
    open: () => openIn(dir),
    dispose: async () => {
      removeDir(dir);
    },
  };
});
