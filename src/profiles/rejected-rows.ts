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
  try {
    if (make) makeDataDir(dataDir);
    return openRejectedRows(path, loadLedgerKey({ dir: dataDir, file: settings.LEDGER_KEY_FILE }));
  } catch (cause) {
    onWarning(
      `Corrected rows are not compared with those that were rejected before: ${path} cannot be used (${(cause as Error).message}).`,
    );
    return null;
  }
}
