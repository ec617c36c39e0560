/** Export and import of the stand-alone ledger. */
import { randomBytes, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { openResultsFile } from '../../../producers/results-file.ts';
import { systemClock } from '../../clock.ts';
import { isLoopback } from '../../config/values.ts';
import { findLedgerFiles, resultsPath } from '../../ledger/data-dir.ts';
import { loadLedgerKey } from '../../ledger/ledger-key.ts';
import { rotatedResults } from '../../ledger/rotated-results.ts';
import { whyNothingToRead, whyNotOpen } from '../../ledger/may-pay.ts';
import { openSqliteSource } from '../../ledger/sqlite/export.ts';
import { openSqliteTarget } from '../../ledger/sqlite/import.ts';
import { bindingOf } from '../binding.ts';
import { exportLedger, importLedger, type Imported } from '../move-ledger.ts';
import type { MovedSummary } from '../../ledger/sealed-chunks.ts';
import type { MoveParams } from '../profile.ts';
import { transitionSettings } from '../transition-settings.ts';
import { findUnknownResults } from './unknown-results.ts';

export async function exportStandalone({ config, path }: MoveParams): Promise<MovedSummary> {
  const { dataDir: dir, settings } = config;
  const missing = whyNothingToRead(findLedgerFiles(dir));
  if (missing !== null) throw missing;
  const ledgerKey = loadLedgerKey({ dir, file: settings.LEDGER_KEY_FILE });
  const source = await openSqliteSource({
    dir,
    ledgerKey,
    clock: systemClock,
    host: hostname(),
    findUnknown: (published) => findUnknownResults({ path: resultsPath(dir), rotated: rotatedResults(dir), published, isQuiet: true }),
    exportId: randomUUID(),
  });
  return exportLedger({ source, path, ledgerKey, salt: randomBytes(32) });
}

export async function importStandalone({ config, path, by, newLedger, stopping, logger }: MoveParams): Promise<Imported> {
  const { dataDir: dir, settings } = config;
  const binding = bindingOf(config);
  const mayCreate = isLoopback(binding.gateway) || newLedger;
  // Asked first, so that a refused import leaves no key behind.
  const refusal = whyNotOpen(findLedgerFiles(dir), mayCreate);
  if (refusal !== null) throw refusal;
  const ledgerKey = loadLedgerKey({ dir, file: settings.LEDGER_KEY_FILE });
  const onWarning = (message: string): void => logger.warn(message);
  return importLedger({
    path,
    ledgerKey,
    binding,
    settings: transitionSettings(config, ledgerKey),
    by,
    now: () => systemClock.now(),
    signal: stopping.signal,
    onWarning,
    async open() {
      const target = await openSqliteTarget({ dir, binding, ledgerKey, clock: systemClock, host: hostname(), mayCreate });
      try {
        const sink = await openResultsFile({ path: resultsPath(dir), mark: null, onWarning });
        return { target, sink, ledgerMark: null, close: () => sink.close().finally(() => target.close()) };
      } catch (cause) {
        await target.close();
        throw cause;
      }
    },
  });
}
