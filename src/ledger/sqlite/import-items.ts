/** Writes the items of an export into a ledger file: each as the tables have it. */
import type { DatabaseSync } from 'node:sqlite';
import type { Source } from '../../../batches/instruction/instruction.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { kindCode, statusCode } from '../codes.ts';
import { LedgerIncompleteError } from '../errors.ts';
import { timeNames } from '../ledger-time.ts';
import { onOtherMachine, type MovedItem, type MovedOccurrence, type MovedRecord } from '../moved-items.ts';
import { standInStream } from './export.ts';
import { deadLettersMoved, lineageName } from './move-state.ts';
import { createOccurrences, type Occurrences } from './occurrences.ts';
import { createGates, type GateStore } from './gates.ts';
import { createPauses, type Pauses } from './pauses.ts';
import { changeGroups, type ColumnValue } from './record-columns.ts';
import { withoutDetails } from './rows.ts';
import { writeMeta } from './schema.ts';
import { createTrails, type Trails } from './trails.ts';

export interface Import {
  readonly db: DatabaseSync;
  readonly places: Occurrences;
  readonly trails: Trails;
  readonly pauses: Pauses;
  readonly gates: GateStore;
  readonly statements: ReturnType<typeof createStatements>;
  readonly shapes: Map<string, number>;
  /** What the occurrences and records of each batch count so far. */
  readonly counted: Map<string, Map<string, { count: number; amountMinor: bigint }>>;
}

export const createImport = (db: DatabaseSync): Import => ({
  db,
  places: createOccurrences(db),
  trails: createTrails(db),
  pauses: createPauses(db),
  gates: createGates(db),
  statements: createStatements(db),
  shapes: new Map(),
  counted: new Map(),
});

/** Columns of a record that are written once. */
const fixedColumns = [
  'id',
  'record_id',
  'kind',
  'batch',
  'stream',
  'position',
  'source',
  'amount',
  'currency',
  'destination',
  'metadata',
  'sensitive',
  'fingerprint',
  'shape',
  'digests',
  'sequence',
  'version',
  'admitted_at',
  'changed_at',
  'ended_at',
];
const recordColumns = [...fixedColumns, ...changeGroups.flatMap(({ columns }) => columns)];

const createStatements = (db: DatabaseSync) => ({
  batchKey: db.prepare('SELECT id FROM batch WHERE batch_id = ?'),
  batch: db.prepare(`INSERT INTO batch (batch_id, file, policy, encoding, delimiter, bytes, block_digests, state, phase, started_at,
     finished_at, sent, first_sent_at, last_sent_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
  batchFile: db.prepare('SELECT file FROM batch WHERE batch_id = ?'),
  record: db.prepare(`INSERT INTO record (${recordColumns.join(', ')}) VALUES (${recordColumns.map(() => '?').join(', ')})`),
  isTaken: db.prepare('SELECT 1 FROM record WHERE id = ?'),
  recordKey: db.prepare('SELECT id, amount, currency FROM record WHERE record_id = ?'),
  shapeKey: db.prepare('SELECT id FROM shape WHERE paths = ?'),
  shape: db.prepare('INSERT INTO shape (paths) VALUES (?)'),
  body: db.prepare('INSERT INTO body (record, attempt, sealed, erase_at) VALUES (?, ?, ?, ?)'),
  // The same place may be read twice from a store that is scanned.
  occurrence: db.prepare(
    'INSERT INTO occurrence (stream, position, batch, record, status, currency, amount) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  ),
  highestPlace: db.prepare('SELECT max(position) AS highest FROM occurrence WHERE stream = ?'),
  loose: db.prepare('INSERT INTO loose (record_id, sequence) VALUES (?, ?) ON CONFLICT DO NOTHING'),
  session: db.prepare('INSERT INTO session (session_id, record) VALUES (?, ?) ON CONFLICT DO NOTHING'),
  tally: db.prepare('INSERT INTO tally (batch, currency, status, count, amount) VALUES (?, ?, ?, ?, ?)'),
  deadLetters: db.prepare(
    `INSERT INTO meta (name, value) VALUES ('${deadLettersMoved}', ?) ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + CAST(excluded.value AS INTEGER) || ''`,
  ),
});

/** Part of a transaction. */
export function writeItem(state: Import, item: MovedItem): void {
  const { db, statements } = state;
  switch (item.type) {
    case 'ledger':
      writeMeta(db, timeNames.newestTime, String(item.newest));
      if (item.barrier > 0) writeMeta(db, timeNames.resendBarrier, String(item.barrier));
      return writeMeta(db, lineageName, JSON.stringify(item.lineage));
    case 'batch': {
      const { batch } = item;
      const pins = [
        batch.batchId,
        batch.file,
        batch.policy,
        batch.encoding,
        batch.delimiter,
        batch.bytes,
        JSON.stringify(batch.blockDigests),
      ];
      const progress = [batch.state, batch.phase, batch.startedAt, batch.finishedAt, batch.sent, batch.firstSentAt, batch.lastSentAt];
      return void statements.batch.run(...pins, ...progress);
    }
    case 'record':
      return writeRecord(state, item);
    case 'occurrence':
      return writeOccurrence(state, item);
    case 'duplicate':
      return writeDuplicate(state, item);
    case 'loose':
      return void statements.loose.run(item.recordId, item.sequence);
    case 'session': {
      const record = statements.recordKey.get(item.recordId) as { id: number } | undefined;
      if (record !== undefined) statements.session.run(item.sessionId, record.id);
      return;
    }
    case 'pause':
      return void state.pauses.set({ batchId: item.pause.batchId, pause: item.pause });
    case 'gates':
      return void state.gates.setGates(item.gates, 0);
    case 'terms':
      return void state.gates.setTerms({ batchId: item.batchId, terms: item.terms, expected: 0 });
    case 'day_total':
      return state.gates.setDay(item.currency, { day: item.day, minor: BigInt(item.minor) });
    case 'dead_letters':
      return void statements.deadLetters.run(String(item.count));
    case 'tallies':
      return writeTallies(state, item);
    case 'event':
      // Published before the ledger is live.
      return;
  }
}

function count({ counted }: Import, batchId: string, row: { status: string; currency: string; amountMinor: bigint }): void {
  let batch = counted.get(batchId);
  if (batch === undefined) {
    batch = new Map<string, { count: number; amountMinor: bigint }>();
    counted.set(batchId, batch);
  }
  const name = `${row.status}:${row.currency}`;
  const sum = batch.get(name) ?? { count: 0, amountMinor: 0n };
  batch.set(name, { count: sum.count + 1, amountMinor: sum.amountMinor + row.amountMinor });
}

function batchKey({ statements }: Import, batchId: string): number {
  const row = statements.batchKey.get(batchId) as { id: number } | undefined;
  if (row === undefined) throw new LedgerIncompleteError(`the export names batch ${batchId}, which is not in it. Export the ledger again.`);
  return row.id;
}

function shapeOf({ shapes, statements }: Import, paths: string): number {
  let shape = shapes.get(paths);
  if (shape !== undefined) return shape;
  shape = (statements.shapeKey.get(paths) as { id: number } | undefined)?.id ?? Number(statements.shape.run(paths).lastInsertRowid);
  if (shapes.size >= 1_024) shapes.clear();
  shapes.set(paths, shape);
  return shape;
}

function writeRecord(state: Import, item: MovedRecord): void {
  const { statements, places, trails } = state;
  const record = onOtherMachine(item.record);
  const { occurrence, batchId } = record;
  const [batch, stream] = [batchKey(state, batchId), places.streamOf(occurrence)];
  // In the order of the admissions; numbers of a shared ledger that was imported itself may be there twice.
  let id = item.order;
  while (statements.isTaken.get(id) !== undefined) id += 1;
  const changing: ColumnValue[] = [];
  for (const group of changeGroups) group.push(changing, record);
  statements.record.run(
    ...fixedValues(state, { ...item, record }, { id, batch, stream: stream.id, source: places.sourceText(stream, occurrence) }),
    ...changing,
  );
  places.insertOfRecord(stream, occurrence.position, batch, id);
  trails.append(id, item.trail);
  if (item.body !== null) statements.body.run(id, item.body.attempt, Buffer.from(item.body.sealed, 'base64'), item.body.eraseAt);
  count(state, batchId, record);
}

/** In the order of `fixedColumns`. */
function fixedValues(
  state: Import,
  { record, fields, admittedAt, changedAt, endedAt }: MovedRecord,
  { id, batch, stream, source }: { readonly id: number; readonly batch: number; readonly stream: number; readonly source: string | null },
): (ColumnValue | bigint)[] {
  return [
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
    fields === null ? withoutDetails : shapeOf(state, fields.paths),
    Buffer.from(fields?.digests ?? '', 'base64'),
    record.sequence,
    record.version,
    admittedAt,
    changedAt,
    endOf(record, fields !== null, endedAt),
  ];
}

/** 0: none that is known; null: its details are purged. */
const endOf = ({ status }: LedgerRecord, hasDetails: boolean, endedAt: number | null): number | null =>
  hasDetails ? (statusCode[status] > statusCode.unknown ? (endedAt ?? 0) : 0) : null;

/** The source that the name of a stream shows; of a file the name is its batch's. */
function sourceOf({ statements }: Import, stream: string, position: number): Source {
  const [, topic, partition] = /^topic:(.*):(\d+)$/.exec(stream) ?? [];
  if (topic !== undefined) return { topic, partition: Number(partition), offset: String(position) };
  const row = statements.batchFile.get(stream.slice(stream.indexOf(':') + 1)) as { file: string } | undefined;
  return { file: row?.file ?? stream, line: position };
}

function streamOf(state: Import, stream: string, position: number): number {
  return state.places.streamOf({ stream, position, source: sourceOf(state, stream, position) }).id;
}

function writeOccurrence(state: Import, { stream, position, status, shard, counted }: MovedOccurrence): void {
  const { statements } = state;
  const at = streamOf(state, stream, position);
  if (counted === null) return void statements.occurrence.run(at, position, 0, null, statusCode[status], '', shard);
  const { batchId, recordId, currency, amountMinor } = counted;
  const record = recordId === null ? undefined : (statements.recordKey.get(recordId) as { id: number } | undefined);
  statements.occurrence.run(at, position, batchKey(state, batchId), record?.id ?? null, statusCode[status], currency, amountMinor);
  count(state, batchId, { status, currency, amountMinor: amountMinor ?? 0n });
}

interface StandIn {
  readonly status: number;
  readonly record: number | null;
  readonly currency: string;
  readonly amountMinor: bigint;
}

function standIn(state: Import, batchId: string, { status, record, currency, amountMinor }: StandIn): void {
  const { statements } = state;
  const stream = streamOf(state, standInStream(batchId), 0);
  const { highest } = statements.highestPlace.get(stream) as { highest: number | null };
  statements.occurrence.run(stream, (highest ?? 0) + 1, batchKey(state, batchId), record, status, currency, amountMinor);
}

/** A duplicate has the content of its record. */
function writeDuplicate(state: Import, { batchId, recordId }: Extract<MovedItem, { type: 'duplicate' }>): void {
  const record = state.statements.recordKey.get(recordId) as { id: number; amount: number; currency: string } | undefined;
  if (record === undefined) return;
  const [amountMinor, status] = [BigInt(record.amount), 'duplicate'] as const;
  standIn(state, batchId, { status: statusCode[status], record: record.id, currency: record.currency, amountMinor });
  count(state, batchId, { status, currency: record.currency, amountMinor });
}

/** As much as one occurrence can have. */
const mostOfOne = BigInt(Number.MAX_SAFE_INTEGER);

function writeTallies(state: Import, { batchId, rows }: Extract<MovedItem, { type: 'tallies' }>): void {
  const batch = batchKey(state, batchId);
  const counted = state.counted.get(batchId) ?? new Map<string, { count: number; amountMinor: bigint }>();
  for (const row of rows) {
    const { status, currency } = row;
    state.statements.tally.run(batch, currency, statusCode[status], row.count, String(row.amountMinor));
    if (status === 'received') continue;
    const found = counted.get(`${status}:${currency}`) ?? { count: 0, amountMinor: 0n };
    let rest = row.amountMinor - found.amountMinor;
    for (let missing = row.count - found.count; missing > 0; missing -= 1) {
      const amountMinor = rest > mostOfOne ? mostOfOne : rest;
      rest -= amountMinor;
      standIn(state, batchId, { status: statusCode[status], record: null, currency, amountMinor });
    }
  }
}
