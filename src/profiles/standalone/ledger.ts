/** The ledger of the stand-alone profile and the clock that goes with it. */
import { hostname } from 'node:os';
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Ledger } from '../../../batches/ports/ledger.ts';
import type { Batch } from '../../../batches/record/batch.ts';
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';
import { neverEarlierThan, systemClock } from '../../clock.ts';
import type { Config } from '../../config/config.ts';
import { isLoopback } from '../../config/values.ts';
import { loadLedgerKey } from '../../ledger/ledger-key.ts';
import { openSqliteLedger, requireLedger } from '../../ledger/sqlite/ledger.ts';
import { bindingOf } from '../binding.ts';

export interface OpenLedger {
  readonly ledger: Ledger;
  readonly ledgerKey: Buffer;
  readonly clock: Clock;
}

/** @throws LedgerError, see `openSqliteLedger` */
export async function openStandaloneLedger(config: Config, newLedger: boolean): Promise<OpenLedger> {
  const { settings, dataDir } = config;
  const binding = bindingOf(config);
  const mayCreate = isLoopback(binding.gateway) || newLedger;
  // Asked first, so that a refused run leaves no key behind.
  if (!mayCreate) requireLedger(dataDir);
  const ledgerKey = loadLedgerKey({ dir: dataDir, file: settings.LEDGER_KEY_FILE });
  const ledger = await openSqliteLedger({
    dir: dataDir,
    binding,
    ledgerKey,
    keys: createKeyDerivation(binding.project),
    clock: systemClock,
    host: hostname(),
    mayCreate,
  });
  return { ledger, ledgerKey, clock: neverEarlierThan(newestTime(await ledger.batches()), systemClock) };
}

/** The newest time that the ledger has written, in milliseconds since the epoch. */
const newestTime = (batches: readonly Batch[]): number =>
  batches.reduce((newest, batch) => Math.max(newest, batch.startedAt, batch.finishedAt ?? 0, batch.lastSentAt ?? 0), 0);
