/** Reads a ledger without its key, its binding and its lock: for `status`, also while another process pays. */
import { DatabaseSync } from 'node:sqlite';
import type { Ledger } from '../../../batches/ports/ledger.ts';
import { LedgerMissingError } from '../errors.ts';
import { fileExists, ledgerFile } from '../data-dir.ts';
import { createQueries, type Queries } from './queries.ts';
import { checkSchema } from './schema.ts';
import { readError } from './sqlite-error.ts';

export type LedgerReader = Pick<Ledger, keyof Queries | 'close'>;

const busyTimeoutMs = 5_000;

/** @throws LedgerMissingError | LedgerSchemaError | LedgerReadError */
export async function openReader(dir: string): Promise<LedgerReader> {
  const file = ledgerFile(dir);
  if (!fileExists(file))
    throw new LedgerMissingError(`there is no ledger in ${dir}: nothing has been paid from it. Check that DATA_DIR is correct.`);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs });
    checkSchema(db, file);
    const opened = db;
    return {
      ...createReads(file, createQueries(opened)),
      async close() {
        if (opened.isOpen) opened.close();
      },
    };
  } catch (error) {
    db?.close();
    throw readError(file, error);
  }
}

/** The queries as the port has them: a failure is a rejection that says what to do. */
export function createReads(file: string, queries: Queries): Omit<LedgerReader, 'close'> {
  const asked =
    <Args extends unknown[], Result>(query: (...args: Args) => Result) =>
    async (...args: Args): Promise<Result> => {
      try {
        return query(...args);
      } catch (error) {
        throw readError(file, error);
      }
    };
  return {
    batch: asked(queries.batch),
    batches: asked(queries.batches),
    record: asked(queries.record),
    due: asked(queries.due),
    list: asked(queries.list),
    records: asked(queries.records),
    countUnsettledDuplicates: asked(queries.countUnsettledDuplicates),
    outbox: asked(queries.outbox),
    publishedMark: asked(queries.publishedMark),
    tallies: asked(queries.tallies),
    overview: asked(queries.overview),
  };
}
