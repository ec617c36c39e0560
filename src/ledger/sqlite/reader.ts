/** Reads a ledger without its key, its binding and its lock: for `status`, also while another process pays. */
import type { Ledger } from '../../../batches/ports/ledger.ts';
import type { LedgerLooks } from '../looks.ts';
import { findLedgerFiles, ledgerFile } from '../data-dir.ts';
import { whyNothingToRead, type LedgerState } from '../may-pay.ts';
import { moveStateOf } from './move-state.ts';
import { createLooks, hasAdmissionTimes } from './looks.ts';
import { openForReading } from './open-existing.ts';
import { createPublished, type Published } from './published.ts';
import { createQueries, type Queries } from './queries.ts';
import { createSelected } from './selected.ts';
import { readError } from './sqlite-error.ts';

export type LedgerReader = Pick<Ledger, keyof Queries | 'close'>;

/** @throws LedgerMissingError | LedgerIncompleteError | LedgerSchemaError | LedgerReadError */
export async function openReader(
  dir: string,
): Promise<LedgerReader & LedgerLooks & { readonly published: Published; readonly moveState: LedgerState }> {
  const refusal = whyNothingToRead(findLedgerFiles(dir));
  if (refusal !== null) throw refusal;
  const db = openForReading(dir);
  try {
    const asked = askedOf(ledgerFile(dir));
    const looks = createLooks(db);
    return {
      ...createReads(ledgerFile(dir), createQueries(db)),
      find: asked(looks.find),
      oldestOpen: asked(looks.oldestOpen),
      selected: asked(createSelected(db, hasAdmissionTimes(db))),
      sessionHolder: asked(looks.sessionHolder),
      keepsBodyTooLong: asked(looks.keepsBodyTooLong),
      keyCheck: asked(looks.keyCheck),
      published: createPublished(db),
      moveState: moveStateOf(db),
      async close() {
        if (db.isOpen) db.close();
      },
    };
  } catch (error) {
    db.close();
    throw readError(ledgerFile(dir), error);
  }
}

/** Runs a query when it may be answered. */
export type RunQuery = <Result>(query: () => Result) => Result | Promise<Result>;

const atOnce: RunQuery = (query) => query();

/** A query as ports have it: a failure is a rejection that says what to do. */
export const askedOf =
  (file: string, run: RunQuery = atOnce) =>
  <Args extends unknown[], Result>(query: (...args: Args) => Result | Promise<Result>) =>
  async (...args: Args): Promise<Result> => {
    try {
      return await run(() => query(...args));
    } catch (error) {
      throw readError(file, error);
    }
  };

export function createReads(file: string, queries: Queries, run: RunQuery = atOnce): Omit<LedgerReader, 'close'> {
  const asked = askedOf(file, run);
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
    gates: asked(queries.gates),
    terms: asked(queries.terms),
    recount: asked(queries.recount),
  };
}
