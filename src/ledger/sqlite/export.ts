/** Everything that a ledger file holds, for a move; and the note that it was moved. */
import { DatabaseSync } from 'node:sqlite';
import type { AuditEntry } from '../../../batches/audit/audit-entry.ts';
import { wholeText } from '../audit-text.ts';
import { countedOf, statusOf } from '../codes.ts';
import { findLedgerFiles, ledgerFile } from '../data-dir.ts';
import { LedgerError, LedgerKeyError, LedgerSchemaError } from '../errors.ts';
import { isSameKey } from '../ledger-key.ts';
import { timeNames } from '../ledger-time.ts';
import { whyNothingToRead, whyNotLive, whyNotNewest } from '../may-pay.ts';
import type { MovedItem, MovedOccurrence, MovedRecord, MoveSource } from '../moved-items.ts';
import { boundTo } from './binding.ts';
import { timesIn } from './ledger-time.ts';
import { acquireLock } from './lock.ts';
import { deadLettersMoved, lineageName, moveStateOf, writeMoveState } from './move-state.ts';
import { nameOf, openForReading, type FindUnknownResults } from './open-existing.ts';
import { readAllTerms, readDays, readGates } from './gates.ts';
import { readPauses } from './pauses.ts';
import { createPublished } from './published.ts';
import { toBatch, toRecord, withoutDetails, type BatchRow, type RecordRow } from './rows.ts';
import { endsNotedFrom, readMeta, schemaOf, schemaVersion } from './schema.ts';
import { readError, writeError } from './sqlite-error.ts';
import { allOrNone } from './transaction.ts';

export interface SqliteSourceParams {
  readonly dir: string;
  readonly ledgerKey: Buffer;
  readonly clock: { now(): number };
  readonly host: string;
  readonly findUnknown: FindUnknownResults;
  /** The id of this export, unless an earlier one has moved the ledger already. */
  readonly exportId: string;
}

/**
 * Holds the ledger until it is closed, so that no process pays meanwhile.
 *
 * @throws LedgerHeldError | LedgerKeyError | LedgerIncompleteError | LedgerSchemaError, and every error of reading it
 */
export async function openSqliteSource(params: SqliteSourceParams): Promise<MoveSource> {
  const { dir } = params;
  const refusal = whyNothingToRead(findLedgerFiles(dir));
  if (refusal !== null) throw refusal;
  const lock = acquireLock(dir, params);
  let db: DatabaseSync | undefined;
  try {
    await assertMayExport(params);
    db = new DatabaseSync(ledgerFile(dir), { timeout: 5_000 });
    db.exec('PRAGMA synchronous = FULL');
    return sourceOf(params, db, () => lock.release());
  } catch (error) {
    db?.close();
    lock.release();
    throw error instanceof LedgerError ? error : writeError(ledgerFile(dir), error);
  }
}

async function assertMayExport({ dir, ledgerKey, findUnknown }: SqliteSourceParams): Promise<void> {
  const db = openForReading(dir);
  try {
    const name = nameOf(dir);
    const schema = schemaOf(db);
    if (Number(schema) !== schemaVersion)
      throw new LedgerSchemaError(`${name.text} has schema version ${schema}: disburse run migrates it first, then export it.`);
    if (!isSameKey(boundTo(db, '').keyCheck, ledgerKey))
      throw new LedgerKeyError(
        `${name.text} was created with another ledger key. Restore the right one, or give its path in LEDGER_KEY_FILE.`,
      );
    const state = moveStateOf(db);
    const refusal =
      (state.state === 'importing' ? whyNotLive(name, state) : null) ?? whyNotNewest(name, dir, await findUnknown(createPublished(db)));
    if (refusal !== null) throw refusal;
  } finally {
    db.close();
  }
}

function sourceOf({ dir, exportId, clock }: SqliteSourceParams, db: DatabaseSync, release: () => void): MoveSource {
  const found = moveStateOf(db);
  const reading = function* (): Generator<MovedItem> {
    try {
      yield* itemsOf(db);
    } catch (error) {
      throw readError(ledgerFile(dir), error);
    }
  };
  return {
    exportId: found.state === 'moved' ? found.exportId : exportId,
    items: reading,
    async markMoved(to) {
      if (found.state === 'moved') return;
      try {
        allOrNone(db, () => writeMoveState(db, { state: 'moved', exportId, to, at: clock.now() }));
      } catch (error) {
        throw writeError(ledgerFile(dir), error);
      }
    },
    async close() {
      if (!db.isOpen) return;
      db.close();
      release();
    },
  };
}

function* itemsOf(db: DatabaseSync): Generator<MovedItem> {
  const times = timesIn(db);
  yield {
    type: 'ledger',
    binding: boundTo(db, '').bound,
    newest: Math.max(times.read(timeNames.newestTime), times.read(timeNames.newestWall), times.newest()),
    barrier: times.read(timeNames.resendBarrier),
    lineage: JSON.parse(readMeta(db, lineageName) ?? '[]') as string[],
  };
  for (const row of db.prepare('SELECT * FROM batch ORDER BY id').iterate())
    yield { type: 'batch', batch: toBatch(row as unknown as BatchRow) };
  for (const row of db.prepare('SELECT event_id, json FROM outbox ORDER BY number').iterate() as Iterable<unknown>) {
    const { event_id: eventId, json } = row as { event_id: string; json: string };
    yield { type: 'event', eventId, json };
  }
  yield* recordsOf(db);
  yield* occurrencesOf(db);
  for (const row of db.prepare('SELECT record_id, sequence FROM loose').iterate() as Iterable<unknown>) {
    const { record_id: recordId, sequence } = row as { record_id: string; sequence: number };
    yield { type: 'loose', recordId, sequence };
  }
  const sessions = db.prepare('SELECT session.session_id, record.record_id FROM session JOIN record ON record.id = session.record');
  for (const row of sessions.iterate() as Iterable<unknown>) {
    const { session_id: sessionId, record_id: recordId } = row as { session_id: string; record_id: string };
    yield { type: 'session', sessionId, recordId };
  }
  for (const pause of readPauses(db)) yield { type: 'pause', pause };
  yield* gateItems(db);
  const deadLetters = Number(readMeta(db, deadLettersMoved) ?? 0);
  if (deadLetters > 0) yield { type: 'dead_letters', count: deadLetters, place: null };
  yield* talliesOf(db);
}

interface FullRow extends RecordRow {
  readonly paths: string | null;
  readonly admitted_at: number | null;
  readonly changed_at: number | null;
  readonly ended_at: number | null;
  readonly body_attempt: number | null;
  readonly body_sealed: Uint8Array | null;
  readonly body_erase_at: number | null;
}

function* recordsOf(db: DatabaseSync): Generator<MovedRecord> {
  const rows = db.prepare(`
    SELECT record.*, batch.batch_id, stream.stream AS stream_name, stream.source AS stream_source, shape.paths,
      body.attempt AS body_attempt, body.sealed AS body_sealed, body.erase_at AS body_erase_at
    FROM record JOIN batch ON batch.id = record.batch JOIN stream ON stream.id = record.stream
      LEFT JOIN shape ON shape.id = record.shape LEFT JOIN body ON body.record = record.id
    ORDER BY record.id`);
  const entries = db.prepare('SELECT number, entry, hash FROM audit WHERE record = ? ORDER BY number');
  const notedFrom = endsNotedFrom(db);
  for (const found of rows.iterate() as Iterable<unknown>) {
    const row = found as FullRow;
    yield {
      type: 'record',
      record: toRecord(row),
      order: row.id,
      admittedAt: row.admitted_at,
      changedAt: row.changed_at,
      endedAt: row.ended_at === 0 ? notedFrom : row.ended_at,
      fields: row.shape === withoutDetails ? null : { paths: row.paths ?? '', digests: Buffer.from(row.digests).toString('base64') },
      trail: (entries.all(row.id) as unknown as EntryRow[]).map(({ number, entry, hash }): AuditEntry => {
        return { number, text: wholeText(entry), hash: Buffer.from(hash).toString('hex') };
      }),
      body:
        row.body_sealed === null
          ? null
          : { attempt: row.body_attempt ?? 0, sealed: Buffer.from(row.body_sealed).toString('base64'), eraseAt: row.body_erase_at },
    };
  }
}

interface EntryRow {
  readonly number: number;
  readonly entry: string;
  readonly hash: Uint8Array;
}

interface OccurrenceRow {
  readonly stream: string;
  readonly position: number;
  readonly batch: number;
  readonly batch_id: string | null;
  readonly record: number | null;
  readonly record_id: string | null;
  readonly status: number;
  readonly currency: string | null;
  readonly amount: number | bigint | null;
}

/** Occurrences of this stream stand for what another store keeps only in its totals; see `import.ts`. */
export const standInStream = (batchId: string): string => `moved:${batchId}`;

function* occurrencesOf(db: DatabaseSync): Generator<MovedItem> {
  const rows = db.prepare(`
    SELECT stream.stream, occurrence.position, occurrence.batch, batch.batch_id, occurrence.record, record.record_id,
      occurrence.status, occurrence.currency, occurrence.amount
    FROM occurrence JOIN stream ON stream.id = occurrence.stream
      LEFT JOIN batch ON batch.id = occurrence.batch LEFT JOIN record ON record.id = occurrence.record
    WHERE occurrence.status IS NOT NULL`);
  for (const found of rows.iterate() as Iterable<unknown>) {
    const row = found as OccurrenceRow;
    if (row.batch_id !== null && row.stream === standInStream(row.batch_id)) {
      if (row.record_id !== null) yield { type: 'duplicate', batchId: row.batch_id, recordId: row.record_id };
    } else yield occurrenceOf(row);
  }
}

const occurrenceOf = (row: OccurrenceRow): MovedOccurrence => ({
  type: 'occurrence',
  stream: row.stream,
  position: row.position,
  status: statusOf(row.status),
  shard: row.batch_id === null && row.amount !== null ? Number(row.amount) : null,
  counted:
    row.batch_id === null
      ? null
      : {
          batchId: row.batch_id,
          recordId: row.record_id,
          currency: row.currency ?? '',
          amountMinor: row.amount === null ? null : BigInt(row.amount),
        },
});

function* talliesOf(db: DatabaseSync): Generator<MovedItem> {
  const cells = db.prepare('SELECT currency, status, count, amount FROM tally WHERE batch = ?');
  for (const found of db.prepare('SELECT id, batch_id FROM batch ORDER BY id').iterate() as Iterable<unknown>) {
    const { id, batch_id: batchId } = found as { id: number; batch_id: string };
    const rows = (cells.all(id) as unknown as { currency: string; status: number; count: number; amount: string }[]).map(
      ({ currency, status, count, amount }) => ({ status: countedOf(status), currency, count, amountMinor: BigInt(amount) }),
    );
    yield { type: 'tallies', batchId, rows: rows.filter(({ count, amountMinor }) => count !== 0 || amountMinor !== 0n) };
  }
}

/** None in a ledger of an older version. */
function* gateItems(db: DatabaseSync): Generator<MovedItem> {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'gate'").get() === undefined) return;
  const gates = readGates(db);
  if (gates !== null) yield { type: 'gates', gates };
  for (const { batchId, terms } of readAllTerms(db)) yield { type: 'terms', batchId, terms };
  for (const { currency, day, minor } of readDays(db)) yield { type: 'day_total', currency, day, minor: String(minor) };
}
