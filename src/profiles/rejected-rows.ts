import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { openRejectedRows, type RejectedRows } from '../files/rejected-rows.ts';
import { makeDataDir } from '../ledger/data-dir.ts';
import { loadLedgerKey } from '../ledger/ledger-key.ts';

/** What is kept of rejected rows in the data folder. */
export const rejectedRowsFile = (dataDir: string): string => join(dataDir, 'rejected-rows.sqlite');

/**
 * Null where nothing was kept, unless it is to be made, and when it cannot be used: a comparison is no reason not to pay.
 *
 * @param onWarning receives why it cannot be used
 */
export function openRejected(
  { dataDir, settings }: Config,
  { make, onWarning }: { readonly make: boolean; readonly onWarning: (message: string) => void },
): RejectedRows | null {
  const path = rejectedRowsFile(dataDir);
  if (!make && !existsSync(path)) return null;
  const warn = (cause: unknown): void =>
    onWarning(
      `Corrected rows are not compared with those that were rejected before: ${path} cannot be used (${(cause as Error).message}).`,
    );
  try {
    if (make) makeDataDir(dataDir);
    return forgiving(openRejectedRows(path, loadLedgerKey({ dir: dataDir, file: settings.LEDGER_KEY_FILE })), warn);
  } catch (cause) {
    warn(cause);
    return null;
  }
}

/** After the first failure nothing is kept or compared any more. */
export function forgiving(rejected: RejectedRows, warn: (cause: unknown) => void): RejectedRows {
  let hasFailed = false;
  const attempt = <T>(work: () => T, otherwise: T): T => {
    if (hasFailed) return otherwise;
    try {
      return work();
    } catch (cause) {
      hasFailed = true;
      warn(cause);
      return otherwise;
    }
  };
  return {
    mayKnow: (ids) => attempt(() => rejected.mayKnow(ids), false),
    keep: (of, rows) => attempt(() => rejected.keep(of, rows), undefined),
    compare: (of, row) => attempt(() => rejected.compare(of, row), []),
    close: rejected.close,
  };
}
