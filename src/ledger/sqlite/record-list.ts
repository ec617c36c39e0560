/**
 * Lists records by status: open ones, and those that ended without a payment, through their indexes, batch after batch; with paid ones
 * in the order of admission.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ListedRecord, RecordQuery } from '../../../batches/ports/ledger.ts';
import { statusCode } from '../codes.ts';
import { selectRecord, toRecord, type RecordRow } from './rows.ts';
import { schemaOf } from './schema.ts';

/** Lists of one batch, by its row id, or of all batches. */
export type RecordList = (query: RecordQuery, batch: number | undefined) => readonly ListedRecord[];

interface Row extends RecordRow {
  readonly admitted_at?: number | null;
  readonly changed_at?: number | null;
}

/** The version that brought the index of records that ended without a payment. */
export const unpaidSinceSchema = 8;

export function createRecordList(db: DatabaseSync): RecordList {
  const listIndexed = createIndexedList(db);
  const listAny = createFullList(db);
  const hasUnpaid = Number(schemaOf(db)) >= unpaidSinceSchema;
  const isIndexed = (code: number): boolean => code <= statusCode.unknown || (hasUnpaid && code > statusCode.succeeded);
  return (query, batch) => {
    const codes = [...new Set(query.statuses.map((status) => statusCode[status]))].sort((one, other) => one - other);
    return codes.every(isIndexed) ? listIndexed(query, codes, batch) : listAny(query, codes, batch);
  };
}

type ListByCode = (query: RecordQuery, codes: readonly number[], batch: number | undefined) => readonly ListedRecord[];

/** What is open comes before what ended without a payment. */
function createIndexedList(db: DatabaseSync): ListByCode {
  const listOpen = createGroupList(db, `record.status <= ${statusCode.unknown}`);
  const listUnpaid = createGroupList(db, `record.status > ${statusCode.succeeded}`);
  return ({ limit, after, ...query }, codes, only) => {
    const isPastOpen = Number(after?.split(':')[1] ?? 0) > statusCode.succeeded;
    const from = after === undefined ? {} : { after };
    const open = isPastOpen
      ? []
      : listOpen(
          { ...query, ...from, limit },
          codes.filter((code) => code <= statusCode.unknown),
          only,
        );
    const unpaid = codes.filter((code) => code > statusCode.succeeded);
    if (open.length >= limit || unpaid.length === 0) return open;
    return [...open, ...listUnpaid({ ...query, ...(isPastOpen ? from : {}), limit: limit - open.length }, unpaid, only)];
  };
}

/**
 * Costs as much as it finds, however many records were paid.
 *
 * @param condition of a partial index by batch and status, which is used for it then
 */
function createGroupList(db: DatabaseSync, condition: string): ListByCode {
  const page = db.prepare(
    `${selectRecord} WHERE record.batch = ? AND record.status = ? AND ${condition} AND record.id > ? ORDER BY record.id LIMIT ?`,
  );
  // The smallest number above another is one step in the index.
  const nextBatch = db.prepare(`SELECT min(batch) AS batch FROM record WHERE ${condition} AND batch > ?`);
  const next = (after: number, only: number | undefined): number | undefined =>
    only === undefined ? ((nextBatch.get(after) as { batch: number | null }).batch ?? undefined) : after < only ? only : undefined;

  return ({ limit, after }, codes, only) => {
    if (codes.length === 0) return [];
    const [fromBatch, fromStatus, fromId] = (after ?? '0:0:0').split(':').map(Number) as [number, number, number];
    const listed: ListedRecord[] = [];
    for (let batch = fromBatch === 0 ? next(0, only) : fromBatch; batch !== undefined && listed.length < limit; batch = next(batch, only)) {
      for (const status of codes) {
        if ((batch === fromBatch && status < fromStatus) || listed.length >= limit) continue;
        const id = batch === fromBatch && status === fromStatus ? fromId : 0;
        listed.push(...listedOf(page, [batch, status, id, limit - listed.length], (row) => `${row.batch}:${row.status}:${row.id}`));
      }
    }
    return listed;
  };
}

/** Reads all records of the ledger, from the cursor on. */
function createFullList(db: DatabaseSync): ListByCode {
  const pages = new Map<string, StatementSync>();
  return ({ limit, after = '0' }, codes, batch) => {
    const condition = `record.status IN (${codes.join(', ')})${batch === undefined ? '' : ' AND record.batch = ?'}`;
    const page = pages.get(condition) ?? db.prepare(`${selectRecord} WHERE ${condition} AND record.id > ? ORDER BY record.id LIMIT ?`);
    pages.set(condition, page);
    return listedOf(page, [...(batch === undefined ? [] : [batch]), Number(after), limit], (row) => String(row.id));
  };
}

export const listedOf = (statement: StatementSync, params: readonly (number | string)[], cursorOf: (row: Row) => string): ListedRecord[] =>
  (statement.all(...params) as unknown as Row[]).map((row) => ({
    cursor: cursorOf(row),
    record: toRecord(row),
    admittedAt: row.admitted_at ?? null,
    changedAt: row.changed_at ?? null,
  }));
