/** How a command of another process reaches the one that holds the ledger: through a table that only takes more rows. */
import { DatabaseSync } from 'node:sqlite';
import { ledgerFile } from '../data-dir.ts';
import { schemaOf } from './schema.ts';
import { writeError } from './sqlite-error.ts';

export interface Asking {
  /** Durable when it returns. */
  readonly number: number;
  /** Undefined while there is none. */
  answer(): string | undefined;
  /** @returns false when it was answered already */
  withdraw(): boolean;
  close(): void;
}

const busyTimeoutMs = 10_000;
const sinceSchema = 6;

/**
 * @param at milliseconds since the epoch
 * @returns undefined for a ledger of an older version, whose holder takes no commands
 * @throws LedgerWriteError
 */
export function ask(dir: string, request: string, at: number): Asking | undefined {
  const file = ledgerFile(dir);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { timeout: busyTimeoutMs });
    if (Number(schemaOf(db)) < sinceSchema) {
      db.close();
      return undefined;
    }
    db.exec('PRAGMA synchronous = FULL');
    const number = Number(db.prepare('INSERT INTO command (request, asked_at) VALUES (?, ?)').run(request, at).lastInsertRowid);
    const select = db.prepare('SELECT answer FROM command WHERE number = ?');
    const withdraw = db.prepare('DELETE FROM command WHERE number = ? AND answer IS NULL');
    const open = db;
    return {
      number,
      answer: () => (select.get(number) as { readonly answer: string | null } | undefined)?.answer ?? undefined,
      withdraw: () => withdraw.run(number).changes === 1,
      close: () => open.close(),
    };
  } catch (error) {
    db?.close();
    throw writeError(file, error);
  }
}
