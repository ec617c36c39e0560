/**
 * What must be remembered of every row of a file, in a temporary SQLite database that spills to disk by itself:
 * a million record ids in a Set would be 300 MB.
 *
 * Record ids and contents are only kept as keyed hashes under a key that is never stored, because a plain
 * digest of a body would give card numbers away.
 */
import { hash, randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import type { RepeatedRow, RowIndex } from '../batches/preflight/preflight.ts';

const rowsPerTransaction = 20_000;

/** Six bytes each: as much as a double holds exactly. */
const word = (digest: string, offset: number): number => {
  let value = 0;
  for (let index = offset; index < offset + 6; index += 1) value = value * 256 + digest.charCodeAt(index);
  return value;
};

export function createRowIndex(): RowIndex {
  const key = randomBytes(32).toString('hex');
  const db = new DatabaseSync('');
  db.exec(`
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA temp_store = FILE;
    PRAGMA cache_size = -4096;
    CREATE TABLE row (line INTEGER PRIMARY KEY, id_high INTEGER, id_low INTEGER, content_high INTEGER, content_low INTEGER, twin INTEGER,
                      amount INTEGER, currency INTEGER);
  `);
  const insert = db.prepare('INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  const currencies: string[] = [];
  let pending = 0;
  let closed = false;

  const commit = (): void => {
    if (pending > 0) db.exec('COMMIT');
    pending = 0;
  };
  const currencyNumber = (currency: string): number => {
    const known = currencies.indexOf(currency);
    return known >= 0 ? known : currencies.push(currency) - 1;
  };

  return {
    add(row) {
      if (pending === 0) db.exec('BEGIN');
      const id = hash('sha256', `${key}i${row.recordId}`, 'binary');
      const content = hash('sha256', `${key}c${row.content}`, 'binary');
      const twin = row.twin === null ? null : word(hash('sha256', `${key}t${row.twin}`, 'binary'), 0);
      const amount = row.amountMinor === null ? null : Number(row.amountMinor);
      insert.run(row.line, word(id, 0), word(id, 6), word(content, 0), word(content, 6), twin, amount, currencyNumber(row.currency));
      pending += 1;
      if (pending >= rowsPerTransaction) commit();
    },

    *repeated() {
      commit();
      yield* repeatedRows(db, currencies);
    },

    *twins() {
      commit();
      yield* twinRows(db);
    },

    close() {
      if (closed) return;
      closed = true;
      db.close();
    },
  };
}

/** Rows whose record id is on several lines. */
function* repeatedRows(db: DatabaseSync, currencies: readonly string[]): Iterable<RepeatedRow> {
  db.exec(`
        CREATE TEMP TABLE IF NOT EXISTS repeated AS
          SELECT id_high, id_low, MIN(line) AS first_line, MAX(line) AS last_line, COUNT(*) AS lines,
                 MIN(content_high) = MAX(content_high) AND MIN(content_low) = MAX(content_low) AS same
          FROM row GROUP BY id_high, id_low HAVING COUNT(*) > 1
      `);
  const rows = db.prepare(`
        SELECT row.line, repeated.first_line, repeated.last_line, repeated.lines, repeated.same, row.amount, row.currency
        FROM repeated JOIN row USING (id_high, id_low) ORDER BY row.line
      `);
  // Most files have none: then the join, which reads every row once more, is not worth starting.
  if (db.prepare('SELECT 1 FROM repeated LIMIT 1').get() === undefined) return;
  for (const row of rows.iterate()) {
    yield {
      line: Number(row['line']),
      firstLine: Number(row['first_line']),
      lastLine: Number(row['last_line']),
      lines: Number(row['lines']),
      same: row['same'] === 1,
      valid: row['amount'] !== null,
      amountMinor: BigInt(row['amount'] === null ? 0 : Number(row['amount'])),
      currency: currencies[Number(row['currency'])] ?? '',
    };
  }
}

/** Rows that pay the same to the same destination under another record id. */
function* twinRows(db: DatabaseSync): Iterable<{ readonly line: number; readonly firstLine: number }> {
  const rows = db.prepare(`
        SELECT row.line, alike.first_line
        FROM (SELECT twin, MIN(line) AS first_line FROM row WHERE twin IS NOT NULL
              GROUP BY twin HAVING COUNT(*) > 1 AND (MIN(id_high) <> MAX(id_high) OR MIN(id_low) <> MAX(id_low))) AS alike
        JOIN row USING (twin)
        JOIN row AS first ON first.line = alike.first_line
        WHERE row.line <> alike.first_line AND (row.id_high <> first.id_high OR row.id_low <> first.id_low)
        ORDER BY row.line
      `);
  for (const row of rows.iterate()) yield { line: Number(row['line']), firstLine: Number(row['first_line']) };
}
