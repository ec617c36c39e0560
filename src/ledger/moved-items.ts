/**
 * What a ledger consists of, whatever store keeps it: the items of an export. Every store writes all that it has and reads
 * all that others wrote. One item is one line of JSON in the sealed file.
 */
import type { AuditEntry } from '../../batches/audit/audit-entry.ts';
import type { Batch } from '../../batches/record/batch.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import type { BatchTerms, Gates } from '../../batches/record/gates.ts';
import type { Pause, SetPause } from '../../batches/record/pause.ts';
import type { Status } from '../../batches/record/status.ts';
import type { TallyRow } from '../../batches/record/tally.ts';
import type { Binding } from './errors.ts';

/** Times are milliseconds since the epoch; null: not known. Bytes are in base64. */
export type MovedItem =
  /**
   * The first one.
   *
   * @property newest the newest time that the ledger has written
   * @property barrier no send that was first made at this time or before is ever resent
   * @property lineage generations of the shared ledgers that this one came from, this one included: what was published under
   *   them is in it
   */
  | {
      readonly type: 'ledger';
      readonly binding: Binding;
      readonly newest: number;
      readonly barrier: number;
      readonly lineage: readonly string[];
    }
  /** Oldest first, and before everything that names one. */
  | { readonly type: 'batch'; readonly batch: Batch }
  | MovedRecord
  | MovedOccurrence
  /** A duplicate whose place is among the occurrences, in a store that keeps the two apart. */
  | { readonly type: 'duplicate'; readonly batchId: string; readonly recordId: string }
  /** The highest sequence published under a record id that has no record. */
  | { readonly type: 'loose'; readonly recordId: string; readonly sequence: number }
  | { readonly type: 'session'; readonly sessionId: string; readonly recordId: string }
  | { readonly type: 'pause'; readonly pause: SetPause }
  /** What must hold before money moves, and what of it is used up on the newest day. */
  | { readonly type: 'gates'; readonly gates: Gates }
  | { readonly type: 'terms'; readonly batchId: string; readonly terms: BatchTerms }
  | { readonly type: 'day_total'; readonly currency: string; readonly day: number; readonly minor: string }
  /** An event that is not surely published; before the records, whose newest results are published behind it. */
  | { readonly type: 'event'; readonly eventId: string; readonly json: string }
  /** With a place: one of them. */
  | { readonly type: 'dead_letters'; readonly count: number; readonly place: { readonly stream: string; readonly position: number } | null }
  /** Behind everything that it counts. */
  | { readonly type: 'tallies'; readonly batchId: string; readonly rows: readonly TallyRow[] };

/**
 * @property order rises with the admissions of one ledger, and no two records have the same
 * @property fields null once the details are purged
 * @property trail whole, with the head in the record: the chain goes on where it ended, and no entry begins it again
 * @property body as it is sealed; both ledgers have one key, under which a body belongs to record id and attempt alone
 */
export interface MovedRecord {
  readonly type: 'record';
  readonly record: LedgerRecord;
  readonly order: number;
  readonly admittedAt: number | null;
  readonly changedAt: number | null;
  readonly endedAt: number | null;
  readonly fields: { readonly paths: string; readonly digests: string } | null;
  readonly trail: readonly AuditEntry[];
  readonly body: { readonly attempt: number; readonly sealed: string; readonly eraseAt: number | null } | null;
}

/**
 * An occurrence that ended without a record of its own.
 *
 * @property counted null where the store keeps only that it is known, and how it ended
 * @property recordId the record that a duplicate or a conflict met; null for none
 * @property shard of the shared ledger that it is from, by which it is found again; null from a store without any
 */
export interface MovedOccurrence {
  readonly type: 'occurrence';
  readonly stream: string;
  readonly position: number;
  readonly status: Status;
  readonly shard: number | null;
  readonly counted: {
    readonly batchId: string;
    readonly recordId: string | null;
    readonly currency: string;
    readonly amountMinor: bigint | null;
  } | null;
}

const minor = (amount: bigint | null): string | null => (amount === null ? null : String(amount));

/** Amounts are text in the file: JSON has no such integers. */
export function encodeItem(item: MovedItem): string {
  switch (item.type) {
    case 'record':
      return JSON.stringify({ ...item, record: { ...item.record, amountMinor: minor(item.record.amountMinor) } });
    case 'occurrence': {
      const { counted } = item;
      return JSON.stringify({ ...item, counted: counted === null ? null : { ...counted, amountMinor: minor(counted.amountMinor) } });
    }
    case 'tallies':
      return JSON.stringify({ ...item, rows: item.rows.map((row) => ({ ...row, amountMinor: minor(row.amountMinor) })) });
    default:
      return JSON.stringify(item);
  }
}

const absent: Partial<LedgerRecord> = { destination: undefined, metadata: undefined };

/** The line is authenticated: it is one that `encodeItem` made. */
export function decodeItem(line: string): MovedItem {
  const item = JSON.parse(line) as MovedItem;
  switch (item.type) {
    case 'record':
      // JSON leaves out what is undefined.
      return { ...item, record: { ...absent, ...item.record, amountMinor: BigInt(item.record.amountMinor) } };
    case 'occurrence': {
      const { counted } = item;
      const amountMinor = counted?.amountMinor ?? null;
      return counted === null ? item : { ...item, counted: { ...counted, amountMinor: amountMinor === null ? null : BigInt(amountMinor) } };
    }
    case 'tallies':
      return { ...item, rows: item.rows.map((row) => ({ ...row, amountMinor: BigInt(row.amountMinor) })) };
    default:
      return item;
  }
}

/**
 * The record as another machine goes on with it: how long the former machine had been up says nothing there, so that the age
 * of its sends is judged by the wall clock.
 */
export const onOtherMachine = (record: LedgerRecord): LedgerRecord =>
  record.sentClocks === null ? record : { ...record, sentClocks: { ...record.sentClocks, uptimeMs: null } };

/** A ledger that is being exported. Nothing pays from it meanwhile. */
export interface MoveSource {
  /** That of the export which has moved it, when one has. */
  readonly exportId: string;
  /** Everything, in the order that the items ask for. */
  items(): Iterable<MovedItem> | AsyncIterable<MovedItem>;
  /** Durable when it resolves: nothing is paid from it ever again. Idempotent. */
  markMoved(to: string): Promise<void>;
  close(): Promise<void>;
}

/** A ledger that is being imported. Nothing pays from it before it is finished. */
export interface MoveTarget {
  /** How messages name it. */
  readonly name: string;
  /** In the order of the file. */
  write(items: readonly MovedItem[]): Promise<void>;
  /**
   * Pauses everything, compares what is there with what the file says, and makes the ledger live.
   *
   * @param published the sink's note of how far it is
   */
  finish(params: { readonly published: string | null; readonly pause: Pause; readonly tallies: readonly TallyRow[] }): Promise<void>;
  close(): Promise<void>;
}
