/** The rows of records: inserted once, then changed only where they changed. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { checkNewRecord } from '../../../batches/record/check-change.ts';
import type { FieldDigests } from '../../../batches/record/fingerprint.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { isFinal } from '../../../batches/record/status.ts';
import { kindCode, statusCode } from '../codes.ts';
import { chainBytes, changeGroups, type ColumnValue } from './record-columns.ts';
import { selectRecord, toRecord, withoutDetails, type RecordRow } from './rows.ts';

/** A record and its row. */
export interface Stored {
  readonly id: number;
  /** The stream of its occurrence. */
  readonly stream: number;
  readonly record: LedgerRecord;
}

interface Placement {
  readonly batch: number;
  readonly stream: number;
  readonly source: string | null;
  readonly fields: FieldDigests;
  /** When it is admitted. */
  readonly at: number;
}

export interface RecordStore {
  byRecordId(recordId: string): Stored | undefined;
  byId(id: number): Stored | undefined;
  /** @returns the new row, or undefined when the record id is taken: then nothing is written */
  insert(record: LedgerRecord, placement: Placement): Stored | undefined;
  /** @param at when the step is made, milliseconds since the epoch; undefined for one that changes no status */
  update(stored: Stored, after: LedgerRecord, at?: number): void;
  remove(stored: Stored): void;
  /** @returns undefined when they are purged */
  fields(stored: Stored): FieldDigests | undefined;
  forget(): void;
}

/** Open records kept in memory, so that a step costs no reading; several times what a window holds. */
const cacheLimit = 4096;
const shapeLimit = 1024;

/** The bits of the columns `ended_at` and `changed_at`, after those of the groups. */
const endBit = 1 << changeGroups.length;
const changedBit = endBit << 1;

const insertSql = `
  INSERT INTO record (
    id, record_id, kind, batch, stream, position, source, amount, currency, destination, metadata, sensitive,
    fingerprint, shape, digests, attempt, idempotency_key, status, sequence, version, admitted_at, changed_at,
    audit_number, audit_chain
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (record_id) DO NOTHING`;

/** Open records kept in memory, in the order in which they were last touched. */
function createCache() {
  const cache = new Map<string, Stored>();
  return {
    get: (recordId: string) => cache.get(recordId),
    remember(stored: Stored): Stored {
      const { recordId, status } = stored.record;
      cache.delete(recordId);
      if (isFinal[status]) return stored;
      cache.set(recordId, stored);
      if (cache.size > cacheLimit) {
        const oldest = cache.keys().next();
        if (oldest.done !== true) cache.delete(oldest.value);
      }
      return stored;
    },
    remove: (recordId: string) => cache.delete(recordId),
    clear: () => cache.clear(),
  };
}

/** Numbers of the lists of paths that field digests belong to: records of one file share one. */
function createShapes(db: DatabaseSync) {
  const selectShape = db.prepare('SELECT id FROM shape WHERE paths = ?');
  const insertShape = db.prepare('INSERT INTO shape (paths) VALUES (?)');
  const shapes = new Map<string, number>();
  return {
    of(paths: string): number {
      let shape = shapes.get(paths);
      if (shape === undefined) {
        shape = (selectShape.get(paths) as { id: number } | undefined)?.id ?? Number(insertShape.run(paths).lastInsertRowid);
        if (shapes.size >= shapeLimit) shapes.clear();
        shapes.set(paths, shape);
      }
      return shape;
    },
    clear: () => shapes.clear(),
  };
}

/** Writes the groups of columns that differ, with one prepared statement for each combination of them. */
function createChangeWriter(db: DatabaseSync) {
  const updates = new Map<number, StatementSync>();
  const updateOf = (mask: number): StatementSync => {
    let statement = updates.get(mask);
    if (statement === undefined) {
      const columns = changeGroups.flatMap((group, index) => ((mask & (1 << index)) === 0 ? [] : group.columns));
      if ((mask & endBit) !== 0) columns.push('ended_at');
      if ((mask & changedBit) !== 0) columns.push('changed_at');
      const sets = ['sequence', 'version', ...columns].map((column) => `${column} = ?`).join(', ');
      statement = db.prepare(`UPDATE record SET ${sets} WHERE id = ?`);
      updates.set(mask, statement);
    }
    return statement;
  };
  return (id: number, before: LedgerRecord, after: LedgerRecord, at: number | undefined): void => {
    const values: ColumnValue[] = [after.sequence, after.version];
    let mask = 0;
    for (let index = 0; index < changeGroups.length; index += 1) {
      const group = changeGroups[index];
      if (group === undefined || group.same(before, after)) continue;
      mask |= 1 << index;
      group.push(values, after);
    }
    // The newest step that leaves it final is its end.
    if (at !== undefined && isFinal[after.status]) {
      mask |= endBit;
      values.push(at);
    }
    if (at !== undefined && before.status !== after.status) {
      mask |= changedBit;
      values.push(at);
    }
    values.push(id);
    updateOf(mask).run(...values);
  };
}

const fromRow = (row: unknown): Stored | undefined => {
  if (row === undefined) return undefined;
  const found = row as RecordRow;
  return { id: found.id, stream: found.stream, record: toRecord(found) };
};

/** In the order of `insertSql`. */
const insertValues = (id: number, record: LedgerRecord, { batch, stream, source, fields, at }: Placement, shape: number) =>
  [
    id,
    record.recordId,
    kindCode[record.kind],
    batch,
    stream,
    record.occurrence.position,
    source,
    record.amountMinor,
    record.currency,
    record.destination ?? null,
    record.metadata === undefined ? null : JSON.stringify(record.metadata),
    record.hasCardNumber ? 1 : 0,
    record.fingerprint,
    shape,
    fields.digests,
    record.attempt,
    record.idempotencyKey,
    statusCode[record.status],
    record.sequence,
    record.version,
    at,
    at,
    record.audit?.number ?? null,
    chainBytes(record),
  ] as const;

export function createRecordStore(db: DatabaseSync): RecordStore {
  const selectByRecordId = db.prepare(`${selectRecord} WHERE record.record_id = ?`);
  const selectById = db.prepare(`${selectRecord} WHERE record.id = ?`);
  const selectLast = db.prepare('SELECT max(id) AS last FROM record');
  const insertRow = db.prepare(insertSql);
  const removeRow = db.prepare('DELETE FROM record WHERE id = ?');
  const selectFields = db.prepare(
    'SELECT record.shape, shape.paths, record.digests FROM record LEFT JOIN shape ON shape.id = record.shape WHERE record.id = ?',
  );
  const cache = createCache();
  const shapes = createShapes(db);
  const writeChanges = createChangeWriter(db);
  const lastId = (): number => (selectLast.get() as { last: number | null }).last ?? 0;
  // Never given twice, not even after a removal: other rows point to these.
  let last = lastId();

  return {
    byRecordId: (recordId) => cache.get(recordId) ?? fromRow(selectByRecordId.get(recordId)),
    byId: (id) => fromRow(selectById.get(id)),
    insert(record, placement) {
      checkNewRecord(record);
      const id = last + 1;
      const { changes } = insertRow.run(...insertValues(id, record, placement, shapes.of(placement.fields.paths)));
      if (changes === 0) return undefined;
      last = id;
      return cache.remember({ id, stream: placement.stream, record });
    },
    update(stored, after, at) {
      writeChanges(stored.id, stored.record, after, at);
      cache.remember({ id: stored.id, stream: stored.stream, record: after });
    },
    remove({ id, record }) {
      removeRow.run(id);
      cache.remove(record.recordId);
    },
    fields({ id }) {
      const row = selectFields.get(id) as { shape: number; paths: string | null; digests: Uint8Array } | undefined;
      if (row?.shape === withoutDetails) return undefined;
      if (row === undefined || row.paths === null) throw new RangeError('the ledger holds a record without field digests');
      return { paths: row.paths, digests: Buffer.from(row.digests) };
    },
    forget() {
      cache.clear();
      shapes.clear();
      last = lastId();
    },
  };
}
