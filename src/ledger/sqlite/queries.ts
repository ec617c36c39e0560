/** What can be asked of a ledger, by the process that writes it and by any other. Sees what is durable. */
import type { DatabaseSync } from 'node:sqlite';
import type { Batch } from '../../../batches/record/batch.ts';
import type { Ledger, RecordQuery } from '../../../batches/ports/ledger.ts';
import type { OutboxEntry } from '../../../batches/ports/result-sink.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import type { TallyRow } from '../../../batches/record/tally.ts';
import { countedOf, statusCode } from '../codes.ts';
import { publishedMark } from './outbox.ts';
import { createOperationQueries, type OperationQueries } from './operation-queries.ts';
import { createOverview } from './overview.ts';
import { createRecordList } from './record-list.ts';
import { selectRecord, toBatch, toRecord, type BatchRow, type RecordRow } from './rows.ts';
import { readMeta } from './schema.ts';

type Answer<Name extends keyof Ledger> = Awaited<ReturnType<Ledger[Name]>>;

export interface Queries {
  batch(batchId: string): Batch | undefined;
  batches(params?: { readonly newest: number }): readonly Batch[];
  record(recordId: string): LedgerRecord | undefined;
  due(params: Parameters<Ledger['due']>[0]): Answer<'due'>;
  list(params: Parameters<Ledger['list']>[0]): Answer<'list'>;
  records(query: RecordQuery): Answer<'records'>;
  countUnsettledDuplicates(params: { batchId: string; exceptInProgress: boolean }): number;
  outbox(params: Parameters<Ledger['outbox']>[0]): readonly OutboxEntry[];
  publishedMark(): string | null;
  overview(): Answer<'overview'>;
  tallies(batchId?: string): readonly TallyRow[];
  trail: OperationQueries['trail'];
  alerted: OperationQueries['alerted'];
  pauses: OperationQueries['pauses'];
  gates: OperationQueries['gates'];
  terms: OperationQueries['terms'];
  recount(batchId?: string): readonly TallyRow[];
}

function createStatements(db: DatabaseSync) {
  const selectBatch = db.prepare('SELECT * FROM batch WHERE batch_id = ?');
  const selectBatches = db.prepare('SELECT * FROM batch ORDER BY id');
  const selectNewestBatches = db.prepare('SELECT * FROM batch ORDER BY id DESC LIMIT ?');
  const selectBatchKey = db.prepare('SELECT id FROM batch WHERE batch_id = ?');
  const selectOne = db.prepare(`${selectRecord} WHERE record.record_id = ?`);
  const selectDue = db.prepare(
    `${selectRecord} WHERE record.batch = ? AND record.due_at IS NOT NULL AND record.due_at <= ?
     ORDER BY record.due_at, record.id LIMIT ?`,
  );
  const selectNextDue = db.prepare(`SELECT due_at FROM record WHERE batch = ? AND due_at IS NOT NULL ORDER BY due_at, id LIMIT 1 OFFSET ?`);
  // What is open is found through its own index, which the condition names so that it can be taken.
  const selectOpen = db.prepare(
    `${selectRecord} WHERE record.batch = ? AND record.status = ? AND record.status <= ${statusCode.unknown} AND record.id > ? ORDER BY record.id LIMIT ?`,
  );
  // So is what ended without a payment.
  const selectUnpaid = db.prepare(
    `${selectRecord} WHERE record.batch = ? AND record.status = ? AND record.status > ${statusCode.succeeded} AND record.id > ? ORDER BY record.id LIMIT ?`,
  );
  const selectListed = db.prepare(
    `${selectRecord} WHERE record.batch = ? AND record.status = ? AND record.id > ? ORDER BY record.id LIMIT ?`,
  );
  const countUnpaid = db.prepare(
    `SELECT count(*) AS count FROM occurrence LEFT JOIN record ON record.id = occurrence.record
     WHERE occurrence.batch = ? AND occurrence.status = ${statusCode.duplicate} AND record.status IS NOT ${statusCode.succeeded} AND record.status IS NOT ?`,
  );
  const selectOutbox = db.prepare('SELECT number, event_id, json FROM outbox WHERE number > ? ORDER BY number LIMIT ?', {
    returnArrays: true,
  });
  const selectTallies = db.prepare('SELECT currency, status, count, amount FROM tally WHERE batch = ?');
  const selectAllTallies = db.prepare('SELECT currency, status, count, amount FROM tally');
  return {
    selectBatch,
    selectBatches,
    selectNewestBatches,
    selectBatchKey,
    selectOne,
    selectDue,
    selectNextDue,
    selectOpen,
    selectUnpaid,
    selectListed,
    countUnpaid,
    selectOutbox,
    selectTallies,
    selectAllTallies,
  };
}

export function createQueries(db: DatabaseSync): Queries {
  const sql = createStatements(db);
  const listRecords = createRecordList(db);
  const overview = createOverview(db);
  const { trail, alerted, pauses, gates, terms, recount } = createOperationQueries(db);
  const batchKey = (batchId: string): number | undefined => (sql.selectBatchKey.get(batchId) as { id: number } | undefined)?.id;

  return {
    batch(batchId) {
      const row = sql.selectBatch.get(batchId);
      return row === undefined ? undefined : toBatch(row as unknown as BatchRow);
    },
    batches: (params) => {
      const rows = params === undefined ? sql.selectBatches.all() : sql.selectNewestBatches.all(params.newest);
      return (rows as unknown as BatchRow[]).map(toBatch);
    },
    record(recordId) {
      const row = sql.selectOne.get(recordId);
      return row === undefined ? undefined : toRecord(row as unknown as RecordRow);
    },
    due({ batchId, now, limit }) {
      const batch = batchKey(batchId);
      if (batch === undefined) return { records: [], nextAt: null };
      const records = (sql.selectDue.all(batch, now, limit) as unknown as RecordRow[]).map(toRecord);
      const next = sql.selectNextDue.get(batch, records.length) as { due_at: number } | undefined;
      return { records, nextAt: next?.due_at ?? null };
    },
    list({ batchId, status, limit, after = 0 }) {
      const batch = batchKey(batchId);
      if (batch === undefined) return [];
      const code = statusCode[status];
      const statement = code <= statusCode.unknown ? sql.selectOpen : code > statusCode.succeeded ? sql.selectUnpaid : sql.selectListed;
      return (statement.all(batch, code, after, limit) as unknown as RecordRow[]).map((row) => ({ cursor: row.id, record: toRecord(row) }));
    },
    records: (query) => listRecords(query, query.batchId === undefined ? undefined : (batchKey(query.batchId) ?? 0)),
    countUnsettledDuplicates({ batchId, exceptInProgress }) {
      const batch = batchKey(batchId);
      const alsoWell = exceptInProgress ? statusCode.in_progress : statusCode.succeeded;
      return batch === undefined ? 0 : (sql.countUnpaid.get(batch, alsoWell) as { count: number }).count;
    },
    outbox({ limit, after = 0 }) {
      const rows = sql.selectOutbox.all(after, limit) as unknown as [number, string, string][];
      return rows.map(([number, eventId, json]) => ({ number, eventId, json }));
    },
    publishedMark: () => readMeta(db, publishedMark),
    overview,
    trail,
    alerted,
    pauses,
    gates,
    terms,
    recount: (batchId) => recount(batchId === undefined ? undefined : (batchKey(batchId) ?? 0)),
    tallies(batchId) {
      if (batchId === undefined) return sum(sql.selectAllTallies.all() as unknown as CellRow[]);
      const batch = batchKey(batchId);
      return batch === undefined ? [] : sum(sql.selectTallies.all(batch) as unknown as CellRow[]);
    },
  };
}

interface CellRow {
  readonly currency: string;
  readonly status: number;
  readonly count: number;
  readonly amount: string;
}

/** Added up here, because SQLite's sums are exact only up to 2^63. */
function sum(cells: readonly CellRow[]): TallyRow[] {
  const rows = new Map<string, TallyRow>();
  for (const { currency, status, count, amount } of cells) {
    const name = `${status}:${currency}`;
    const earlier = rows.get(name);
    rows.set(name, {
      status: countedOf(status),
      currency,
      count: count + (earlier?.count ?? 0),
      amountMinor: BigInt(amount) + (earlier?.amountMinor ?? 0n),
    });
  }
  return [...rows.values()].filter((row) => row.count !== 0 || row.amountMinor !== 0n);
}
