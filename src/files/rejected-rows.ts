/**
 * What is kept of rejected rows, so that a corrected row can be compared with the one before: keyed digests of its cells, in a file of
 * the data folder. No cell is kept, and none of a card in any form.
 */
import { createHmac, hkdfSync } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { errorColumn } from '../../batches/csv-row/fix-file.ts';
import type { RowReader } from '../../batches/csv-row/typed-row.ts';
import type { LineProblem } from '../../batches/preflight/line-problem.ts';
import { hashText } from '../../batches/preflight/bloom-filter.ts';
import type { FileRow } from '../../batches/pipeline/admit-file.ts';
import type { CsvRow } from '../../consumers/csv/rows.ts';

/** The file that a row is in. */
export interface RowFile {
  readonly file: string;
  readonly sha256: string;
  readonly header: readonly string[];
  readonly reader: Pick<RowReader, 'maskSecrets'>;
}

type ReadRow = FileRow & CsvRow;

export interface RejectedRows {
  /** Whether a row of the block may be one that was rejected before; asked with the hashes of its record ids. */
  mayKnow(ids: Uint32Array): boolean;
  keep(of: RowFile, rows: readonly ReadRow[]): void;
  /** Columns that differ from the rejected row, besides those that were wrong. */
  compare(of: RowFile, row: ReadRow): readonly LineProblem[];
  close(): void;
}

interface Kept {
  readonly batch: string;
  readonly file: string;
  readonly line: number;
  /** Columns with an error; null is the row as a whole. */
  readonly wrong: readonly (string | null)[];
  /** Digests of cells that are not empty; null for a cell that is never kept. */
  readonly cells: Readonly<Record<string, string | null>>;
}

const maxKept = 1_000_000;
const plain = (name: string): string => name.trim().toLowerCase();

/** @throws Error of SQLite or the file system */
export function openRejectedRows(path: string, ledgerKey: Buffer): RejectedRows {
  closeSync(openSync(path, 'a', 0o600));
  const key = Buffer.from(hkdfSync('sha256', ledgerKey, '', 'disburse:v1:rejected-rows', 32));
  const db = new DatabaseSync(path, { timeout: 5_000 });
  db.exec('CREATE TABLE IF NOT EXISTS rejected (record_id TEXT PRIMARY KEY, kept TEXT NOT NULL) STRICT, WITHOUT ROWID');
  const insert = db.prepare('INSERT OR REPLACE INTO rejected VALUES (?, ?)');
  const find = db.prepare('SELECT kept FROM rejected WHERE record_id = ?');
  const size = (): number => Number(db.prepare('SELECT count(*) AS rows FROM rejected').get()?.['rows']);
  const known = new Set<number>();
  const words = new Uint32Array(2);
  for (const { record_id: recordId } of db.prepare('SELECT record_id FROM rejected').iterate()) {
    hashText(String(recordId), words, 0);
    known.add(words[0] as number);
  }
  const digest = (name: string, cell: string): string =>
    createHmac('sha256', key).update(`${name}\0${cell}`).digest().subarray(0, 8).toString('base64url');

  return {
    mayKnow(ids) {
      if (known.size === 0) return false;
      for (let at = 0; at < ids.length; at += 2) if (known.has(ids[at] as number)) return true;
      return false;
    },
    keep({ file, sha256, header, reader }, rows) {
      const refused = rows.filter(({ reading, cells }) => !reading.ok && cells.length === header.length);
      if (refused.length === 0 || size() >= maxKept) return;
      db.exec('BEGIN IMMEDIATE');
      for (const { line, cells, notes, reading } of refused) {
        if (reading.ok || reading.refusal.recordId === undefined) continue;
        const wrong = reading.refusal.problems.map(({ column }) => (column === null ? null : plain(column)));
        const kept: Kept = { batch: sha256, file, line, wrong, cells: digestsOf(header, cells, reader.maskSecrets(cells, notes), digest) };
        insert.run(reading.refusal.recordId, JSON.stringify(kept));
        hashText(reading.refusal.recordId, words, 0);
        known.add(words[0] as number);
      }
      db.exec('COMMIT');
    },
    compare({ sha256, header, reader }, { line, cells, notes, reading }) {
      const recordId = reading.ok ? reading.draft.recordId : reading.refusal.recordId;
      const found = recordId === undefined || cells.length !== header.length ? undefined : find.get(recordId);
      if (found === undefined) return [];
      const before = JSON.parse(String(found['kept'])) as Kept;
      if (before.batch === sha256) return [];
      return differences(before, digestsOf(header, cells, reader.maskSecrets(cells, notes), digest)).map((name) =>
        differs(before, line, spelled(header, name)),
      );
    },
    close: () => db.close(),
  };
}

/** What is masked in a fix-file is not kept in any form. */
function digestsOf(
  header: readonly string[],
  cells: readonly string[],
  shown: readonly string[],
  digest: (name: string, cell: string) => string,
): Record<string, string | null> {
  const found: Record<string, string | null> = Object.create(null) as Record<string, string | null>;
  for (const [index, cell] of cells.entries()) {
    const name = plain(header[index] ?? '');
    if (cell === '' || name === errorColumn) continue;
    found[name] = shown[index] === cell ? digest(name, cell) : null;
  }
  return found;
}

function differences({ wrong, cells: before }: Kept, now: Readonly<Record<string, string | null>>): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return names.filter((name) => {
    const [then, after] = [before[name], now[name]];
    if (then === after || then === null || after === null || wrong.includes(name)) return false;
    // Where the row as a whole lacked something, what was empty is what was corrected.
    return then !== undefined || !wrong.includes(null);
  });
}

const spelled = (header: readonly string[], name: string): string => header.find((one) => plain(one) === name) ?? name;

function differs({ file, line: lineBefore, wrong }: Kept, line: number, column: string): LineProblem {
  const because = [...new Set(wrong)].filter((name) => name !== null);
  const reason = because.length === 0 ? '' : ` because of ${because.join(', ')}`;
  return {
    line,
    column,
    code: 'corrected_row_differs',
    message: `This record was rejected${reason} (line ${lineBefore} of ${file}), and ${column} differs from it too on line ${line}: check that it was changed on purpose, and not by a spreadsheet.`,
    value: null,
  };
}
