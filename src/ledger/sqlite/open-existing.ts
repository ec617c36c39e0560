/** Looks at an existing ledger file before anything is written to it: the facts for `may-pay.ts`. */
import { DatabaseSync } from 'node:sqlite';
import { ledgerFile } from '../data-dir.ts';
import { LedgerIncompleteError, type LedgerName } from '../errors.ts';
import { whyNotBound, whyNotLive, whyNotNewest, whyNotRead, type Payer, type UnknownResults } from '../may-pay.ts';
import { boundTo } from './binding.ts';
import { moveStateOf } from './move-state.ts';
import { createPublished, type Published } from './published.ts';
import { schemaOf, schemaVersion } from './schema.ts';
import { isNoLedger, readError } from './sqlite-error.ts';

const busyTimeoutMs = 5_000;
const oldestSchema = 1;

export const nameOf = (dir: string): LedgerName => ({ text: `the ledger in ${dir}`, setting: 'DATA_DIR' });

/**
 * Opens the file for reading only. Ledgers of older schemas are read as they are.
 *
 * @throws LedgerIncompleteError | LedgerSchemaError | LedgerReadError
 */
export function openForReading(dir: string): DatabaseSync {
  const file = ledgerFile(dir);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs });
    const schema = schemaOf(db);
    if (schema === null)
      throw new LedgerIncompleteError(
        `${file} is a SQLite database, but not a disburse ledger. Use another DATA_DIR, or restore the ledger from a backup.`,
      );
    const refusal = whyNotRead(nameOf(dir), schema, [oldestSchema, schemaVersion]);
    if (refusal !== null) throw refusal;
    return db;
  } catch (error) {
    db?.close();
    const cause = readError(file, error);
    // Trying again does not help: such a file is not paid from.
    throw isNoLedger(error) ? new LedgerIncompleteError(cause.message, { cause: error }) : cause;
  }
}

/** Finds results that the ledger does not know; null when there are none. */
export type FindUnknownResults = (published: Published) => Promise<UnknownResults | null>;

/**
 * The caller holds the lock, so that no process publishes meanwhile.
 *
 * @throws LedgerError why this process may not pay from it
 */
export async function assertMayPay(dir: string, payer: Payer, findUnknown: FindUnknownResults): Promise<void> {
  const db = openForReading(dir);
  try {
    const name = nameOf(dir);
    const found = { name, ...boundTo(db, payer.binding.idempotencyHeader) };
    const refusal =
      whyNotBound(found, payer) ?? whyNotLive(name, moveStateOf(db)) ?? whyNotNewest(name, dir, await findUnknown(createPublished(db)));
    if (refusal !== null) throw refusal;
  } finally {
    db.close();
  }
}
