/** Occurrences: which are known, and what became of each. */
import type { DatabaseSync } from 'node:sqlite';
import type { Occurrence } from '../../../batches/instruction/instruction.ts';
import { isImplied, sharedSource, type SharedSource } from '../source.ts';

export interface Stream {
  readonly id: number;
  readonly shared: SharedSource;
  /** No position above this one is known; -1 when none is. */
  highest: number;
}

/** What an occurrence holds of its own. */
export interface OwnOutcome {
  readonly status: number;
  readonly currency: string;
  /** Minor units; null when it could not be read. */
  readonly amountMinor: bigint | null;
}

/** Either the record that was made from the occurrence, or the status that it has by itself. */
type KnownOccurrence = { readonly record: number } | { readonly status: number };

export interface Occurrences {
  streamOf(occurrence: Occurrence): Stream;
  find(stream: Stream, position: number): KnownOccurrence | undefined;
  /** The occurrence that a record is made from: the record has its status. */
  insertOfRecord(stream: Stream, position: number, batch: number, record: number): void;
  /** `record` is the one that a duplicate or a conflict met. */
  insertSettled(stream: Stream, position: number, batch: number, record: number | null, own: OwnOutcome): void;
  /** Another record takes the id: what became of the former one is kept with its occurrence. */
  keepOutcome(streamId: number, position: number, own: OwnOutcome): void;
  /** The source as text where it does not follow from its place. */
  sourceText(stream: Stream, occurrence: Occurrence): string | null;
  forget(): void;
}

/** Streams kept in memory; a file or a partition is one. */
const streamLimit = 256;

export function createOccurrences(db: DatabaseSync): Occurrences {
  const selectStream = db.prepare('SELECT id, source FROM stream WHERE stream = ?');
  const insertStream = db.prepare('INSERT INTO stream (stream, source) VALUES (?, ?)');
  const selectHighest = db.prepare('SELECT max(position) AS highest FROM occurrence WHERE stream = ?');
  const select = db.prepare('SELECT record, status FROM occurrence WHERE stream = ? AND position = ?');
  const insertBare = db.prepare('INSERT INTO occurrence (stream, position, batch, record) VALUES (?, ?, ?, ?)');
  const insertFull = db.prepare(
    'INSERT INTO occurrence (stream, position, batch, record, status, currency, amount) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const update = db.prepare('UPDATE occurrence SET record = NULL, status = ?, currency = ?, amount = ? WHERE stream = ? AND position = ?');

  const streams = new Map<string, Stream>();

  const load = ({ stream, source }: Occurrence): Stream => {
    const row = selectStream.get(stream) as { id: number; source: string } | undefined;
    if (row === undefined) {
      const shared = sharedSource(source);
      const id = Number(insertStream.run(stream, JSON.stringify(shared)).lastInsertRowid);
      return { id, shared, highest: -1 };
    }
    const { highest } = selectHighest.get(row.id) as { highest: number | null };
    return { id: row.id, shared: JSON.parse(row.source) as SharedSource, highest: highest ?? -1 };
  };

  return {
    streamOf(occurrence) {
      let stream = streams.get(occurrence.stream);
      if (stream === undefined) {
        stream = load(occurrence);
        if (streams.size >= streamLimit) streams.clear();
        streams.set(occurrence.stream, stream);
      }
      return stream;
    },
    find(stream, position) {
      // Lines and offsets rise, so that the question is nearly always answered without asking the disk.
      if (position > stream.highest) return undefined;
      const row = select.get(stream.id, position) as { record: number | null; status: number | null } | undefined;
      if (row === undefined) return undefined;
      if (row.status !== null) return { status: row.status };
      if (row.record === null) throw new RangeError('the ledger holds an occurrence with neither a record nor a status');
      return { record: row.record };
    },
    insertOfRecord(stream, position, batch, record) {
      insertBare.run(stream.id, position, batch, record);
      if (position > stream.highest) stream.highest = position;
    },
    insertSettled(stream, position, batch, record, own) {
      insertFull.run(stream.id, position, batch, record, own.status, own.currency, own.amountMinor);
      if (position > stream.highest) stream.highest = position;
    },
    keepOutcome(streamId, position, own) {
      update.run(own.status, own.currency, own.amountMinor, streamId, position);
    },
    sourceText: (stream, occurrence) =>
      isImplied(stream.shared, occurrence.position, occurrence.source) ? null : JSON.stringify(occurrence.source),
    forget() {
      streams.clear();
    },
  };
}
