/** The ledger of the stand-alone profile and the clock that goes with it. */
import { hostname } from 'node:os';
import type { Clock } from '../../../batches/ports/clock.ts';
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';
import { machineClocks, monotonicClock, systemClock } from '../../clock.ts';
import type { Config } from '../../config/config.ts';
import { isLoopback } from '../../config/values.ts';
import { loadLedgerKey } from '../../ledger/ledger-key.ts';
import { findLedgerFiles, resultsPath } from '../../ledger/data-dir.ts';
import { rotatedResults } from '../../ledger/rotated-results.ts';
import { whyNotOpen } from '../../ledger/may-pay.ts';
import { openSqliteLedger, type SqliteLedger } from '../../ledger/sqlite/ledger.ts';
import { bindingOf } from '../binding.ts';
import { findUnknownResults } from './unknown-results.ts';

export interface OpenLedger {
  readonly ledger: SqliteLedger;
  readonly ledgerKey: Buffer;
  readonly clock: Clock;
}

/** @throws LedgerError: why this process may not pay from it, see `openSqliteLedger` */
export async function openStandaloneLedger(
  config: Config,
  newLedger: boolean,
  onWarning: (message: string) => void = () => undefined,
): Promise<OpenLedger> {
  const { settings, dataDir } = config;
  const binding = bindingOf(config);
  const mayCreate = isLoopback(binding.gateway) || newLedger;
  // Asked first, so that a refused run leaves no key behind.
  const refusal = whyNotOpen(findLedgerFiles(dataDir), mayCreate);
  if (refusal !== null) throw refusal;
  const ledgerKey = loadLedgerKey({ dir: dataDir, file: settings.LEDGER_KEY_FILE });
  const ledger = await openSqliteLedger({
    dir: dataDir,
    binding,
    ledgerKey,
    keys: createKeyDerivation(binding.project),
    clock: systemClock,
    monotonic: monotonicClock,
    machine: machineClocks,
    onWarning,
    host: hostname(),
    mayCreate,
    findUnknown: (published) =>
      findUnknownResults({ path: resultsPath(dataDir), rotated: rotatedResults(dataDir), published, isQuiet: true }),
  });
  return { ledger, ledgerKey, clock: { now: ledger.now, sleep: systemClock.sleep } };
}
