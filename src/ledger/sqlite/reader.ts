/** Reads a ledger without its key, its binding and its lock: for `status`, also while another process pays. */
import type { Ledger } from '../../../batches/ports/ledger.ts';
import { findLedgerFiles, ledgerFile } from '../data-dir.ts';
import { whyNothingToRead } from '../may-pay.ts';
import { openForReading } from './open-existing.ts';
import { createPublished, type Published } from './published.ts';
import { createQueries, type Queries } from './queries.ts';
import { readError } from './sqlite-error.ts';

export type LedgerReader = Pick<Ledger, keyof Queries | 'close'>;

/** @throws LedgerMissingError | LedgerIncompleteError | LedgerSchemaError | LedgerReadError */
export async function openReader(dir: string): Promise<LedgerReader & { readonly published: Published }> {
  const refusal = whyNothingToRead(findLedgerFiles(dir));
  if (refusal !== null) throw refusal;
  const db = openForReading(dir);
  try {
    return {
      ...createReads(ledgerFile(dir), createQueries(db)),
      published: createPublished(db),
      async close() {
        if (db.isOpen) db.close();
      },
    };
  } catch (error) {
    db.close();
    throw readError(ledgerFile(dir), error);
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
    trail: asked(queries.trail),
    alerted: asked(queries.alerted),
    pauses: asked(queries.pauses),
    recount: asked(queries.recount),
  };
}
