/**
 * Selects records for a list inside the database: what matches is counted, added up and ordered there, part by part of an index or of
 * the table, and whole rows are read only of the records that are shown. Between two parts the process does its other work.
 */
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ListedRecord } from '../../../batches/ports/ledger.ts';
import { selectionOf } from '../../../batches/record/record-selection.ts';
import { sumTallies, type TallyRow } from '../../../batches/record/tally.ts';
import { statusCode } from '../codes.ts';
import type { FoundRecords, SelectionQuery } from '../looks.ts';
import { listedOf, unpaidSinceSchema } from './record-list.ts';
import { selectRecord } from './rows.ts';
import { schemaOf } from './schema.ts';
import { bySums, sums, toSums } from './sums.ts';

/** Entries of an index, or rows of the table, in one part: a few milliseconds of the thread. */
const partSize = 4_000;
/** Ids that are kept between two parts beyond those that may be shown. */
const spareIds = 20_000;

/** A condition, and the values of its parameters. */
interface Clause {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/**
 * What is read: an index, or the table in the order of its row ids.
 *
 * @property columns by which the index groups rows; none in the table
 */
interface Scan {
  readonly from: string;
  readonly where: Clause;
  readonly columns: readonly string[];
}

export function createSelected(db: DatabaseSync, hasTimes: boolean): (query: SelectionQuery) => Promise<FoundRecords> {
  const hasUnpaid = Number(schemaOf(db)) >= unpaidSinceSchema;
  const batchKey = db.prepare('SELECT id FROM batch WHERE batch_id = ?');
  return async (query) => {
    const { batchId, statuses, now, from, limit } = query;
    const batch = batchId === undefined ? undefined : ((batchKey.get(batchId) as { id: number } | undefined)?.id ?? 0);
    // Never later than now, as ages are shown; what has no time is youngest.
    const since = `min(coalesce(record.first_sent_at, ${hasTimes ? 'record.admitted_at, record.changed_at, ' : ''}${now}), ${now})`;
    const ofBatch: Clause = batch === undefined ? anything : { sql: 'batch = ?', values: [batch] };
    const matching = all(ofBatch, matchingOf(query, since));
    const order = orderOf(query, since);
    // Where all of a part may be shown, it needs no order of its own.
    const firstOfPart = `${from + limit < partSize ? `ORDER BY ${order}` : ''} LIMIT ?`;
    const [kept, totals] = [createKept(db, order, from + limit), [] as TallyRow[]];
    for (const scan of scansOf(statuses, ofBatch, hasUnpaid)) {
      for (const part of partsOf(db, scan)) {
        const { sql, values } = all(part, matching);
        totals.push(...toSums(db.prepare(`SELECT ${sums} FROM ${scan.from} WHERE ${sql} ${bySums}`).all(...values)));
        kept.add(db.prepare(`SELECT id FROM ${scan.from} WHERE ${sql} ${firstOfPart}`).all(...values, from + limit));
        await nextTurn();
      }
    }
    return { ...selectionOf(kept.records(from, limit), sumTallies(totals), statuses), isCut: false };
  };
}

const anything: Clause = { sql: 'true', values: [] };

const all = (...clauses: readonly Clause[]): Clause => ({
  sql: clauses.map(({ sql }) => sql).join(' AND '),
  values: clauses.flatMap(({ values }) => values),
});

function matchingOf({ statuses, currency, code, olderThanMs, now }: SelectionQuery, since: string): Clause {
  return all(
    { sql: `status IN (${statuses.map((status) => statusCode[status]).join(', ')})`, values: [] },
    ...(currency === undefined ? [] : [{ sql: 'currency = ?', values: [currency] }]),
    ...(code === undefined ? [] : [{ sql: 'reason_code = ?', values: [code] }]),
    ...(olderThanMs === undefined ? [] : [{ sql: `${since} <= ${now - olderThanMs}`, values: [] }]),
  );
}

/** As `selectRecords` orders them. */
function orderOf({ sort }: SelectionQuery, since: string): string {
  switch (sort) {
    case 'age':
      return `${since}, record.record_id`;
    case 'amount':
      return 'record.currency, record.amount DESC, record.record_id';
    case 'id':
      return 'record.record_id';
  }
}

/** Two indexes find what is open, and what ended without a payment; what was paid is in the table only. */
function scansOf(statuses: SelectionQuery['statuses'], ofBatch: Clause, hasUnpaid: boolean): readonly Scan[] {
  const codes = statuses.map((status) => statusCode[status]);
  const [isOpen, isPaid] = [(code: number) => code <= statusCode.unknown, (code: number) => code === statusCode.succeeded];
  if (codes.some(isPaid) || (!hasUnpaid && !codes.every(isOpen))) return [{ from: 'record NOT INDEXED', where: anything, columns: [] }];
  const indexed = (index: string, condition: string): Scan => ({
    from: `record INDEXED BY ${index}`,
    // In the words of the partial index, which is used for them then.
    where: all({ sql: condition, values: [] }, ofBatch),
    columns: ofBatch === anything ? ['batch', 'status'] : ['status'],
  });
  return [
    ...(codes.some(isOpen) ? [indexed('record_open', `status <= ${statusCode.unknown}`)] : []),
    ...(codes.every(isOpen) ? [] : [indexed('record_unpaid', `status > ${statusCode.succeeded}`)]),
  ];
}

/** Each part is found when the one before it is read. */
const partsOf = (db: DatabaseSync, { from, where, columns }: Scan): Generator<Clause> =>
  columns.length === 0 ? rowParts(db, from, where) : groupParts(db, { from, where, columns });

/** Rows that the index keeps in the order of their ids. */
function* rowParts(db: DatabaseSync, from: string, where: Clause): Generator<Clause> {
  const lastOf = (behind: Clause): number | undefined => nth(db, { from, where: behind, columns: ['id'] }, partSize - 1)?.[0];
  let behind = where;
  for (let last = lastOf(behind); last !== undefined; last = lastOf(behind)) {
    yield all(behind, { sql: 'id <= ?', values: [last] });
    behind = all(where, { sql: 'id > ?', values: [last] });
  }
  yield behind;
}

/** Small groups of one batch and status together, large ones by their rows: a search in the index begins at a group, and at a row of one. */
function* groupParts(db: DatabaseSync, { from, where, columns }: Scan): Generator<Clause> {
  const [list, marks] = [columns.join(', '), columns.map(() => '?').join(', ')];
  const compared = (how: '=' | '>=' | '<', group: readonly number[]): Clause => ({ sql: `(${list}) ${how} (${marks})`, values: group });
  for (let rest = where; ;) {
    const first = nth(db, { from, where: rest, columns }, 0);
    const end = nth(db, { from, where: rest, columns }, partSize - 1);
    if (first === undefined || end === undefined) return yield rest;
    if (String(first) !== String(end)) {
      yield all(rest, compared('<', end));
      rest = all(where, compared('>=', end));
    } else {
      yield* rowParts(db, from, all(where, ...columns.map((column, at) => ({ sql: `${column} = ?`, values: [end[at] ?? 0] }))));
      rest = all(where, compared('>=', [...end.slice(0, -1), (end.at(-1) ?? 0) + 1]));
    }
  }
}

/** The columns of what comes after so many others. */
function nth(db: DatabaseSync, { from, where, columns }: Scan, offset: number): readonly number[] | undefined {
  const list = columns.join(', ');
  const found = db.prepare(`SELECT ${list} FROM ${from} WHERE ${where.sql} ORDER BY ${list} LIMIT 1 OFFSET ?`).get(...where.values, offset);
  return found === undefined ? undefined : (Object.values(found) as number[]);
}

interface Kept {
  add(rows: readonly unknown[]): void;
  records(from: number, limit: number): readonly ListedRecord[];
}

/** The ids of those that may be shown. */
function createKept(db: DatabaseSync, order: string, most: number): Kept {
  const firstIds = `SELECT id FROM record WHERE id IN (SELECT value FROM json_each(?)) ORDER BY ${order} LIMIT ? OFFSET ?`;
  let ids: number[] = [];
  const take = (rows: readonly unknown[]): number[] => (rows as readonly { readonly id: number }[]).map(({ id }) => id);
  return {
    add(rows) {
      ids.push(...take(rows));
      if (ids.length > most + spareIds) ids = take(db.prepare(firstIds).all(JSON.stringify(ids), most, 0));
    },
    records(from, limit) {
      const statement = db.prepare(`${selectRecord} WHERE record.id IN (${firstIds}) ORDER BY ${order}`);
      return listedOf(statement, [JSON.stringify(ids), limit, from], ({ id }) => String(id));
    },
  };
}
