/** What a ledger in memory keeps. Plain data without functions: `structuredClone` of it is a snapshot. */
import type { AuditEntry } from '../../../batches/audit/audit-entry.ts';
import type { Occurrence } from '../../../batches/instruction/instruction.ts';
import type { EnqueueProgress } from '../../../batches/ports/ledger.ts';
import type { Batch } from '../../../batches/record/batch.ts';
import { batchNeverOpened } from '../../../batches/record/check-change.ts';
import type { FieldDigests } from '../../../batches/record/fingerprint.ts';
import type { BatchTerms, DayTotal, Gates } from '../../../batches/record/gates.ts';
import type { SetPause } from '../../../batches/record/pause.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import type { ResultEvent } from '../../../batches/record/result-event.ts';
import type { Status } from '../../../batches/record/status.ts';
import type { KeptTimes, TimeName } from '../ledger-time.ts';
import type { TallyRow } from '../../../batches/record/tally.ts';

type Mutable<Value> = { -readonly [Member in keyof Value]: Value[Member] };

export interface StoredBatch {
  readonly batch: Mutable<Batch>;
  readonly progress: Mutable<EnqueueProgress>;
  /** By status and currency. */
  readonly tallies: Map<string, Mutable<TallyRow>>;
  /** By the order of their admission. */
  readonly records: Map<number, StoredRecord>;
  readonly duplicates: { readonly recordId: string; readonly order: number | null }[];
}

export interface StoredRecord {
  /** Rises with every admission; no two records have the same. */
  readonly order: number;
  readonly admittedAt: number;
  /** When it came to its present status. */
  changedAt: number;
  record: LedgerRecord;
  /** The audit trail. */
  readonly trail: AuditEntry[];
  /** Undefined after `purgeDetails`. */
  fields: FieldDigests | undefined;
  /** When it became final; null while open and after `purgeDetails`. */
  endedAt: number | null;
  /** When an instance may claim it. */
  queueAt: number | null;
  body: { readonly attempt: number; readonly bytes: Uint8Array; eraseAt: number | null } | undefined;
}

/** An occurrence that has no record, or none any more. Where nothing of it could be read, its currency is empty. */
export interface SettledOccurrence {
  readonly status: Status;
  readonly batchId: string;
  readonly currency: string;
  readonly amountMinor: bigint;
}

/** The record that an occurrence created, or what it ended as by itself. */
export type KnownOccurrence = { readonly record: StoredRecord } | SettledOccurrence;

export interface StoredEvent {
  owner: string;
  /** Since when its owner has had it. */
  at: number;
  readonly eventId: string;
  readonly json: string;
}

export interface MemoryStore {
  readonly batches: Map<string, StoredBatch>;
  /** By stream and position. */
  readonly occurrences: Map<string, KnownOccurrence>;
  readonly records: Map<string, StoredRecord>;
  /** The highest sequence that was published under a record id that has no record. */
  readonly unboundSequences: Map<string, number>;
  /** By number, in its order. */
  readonly outbox: Map<number, StoredEvent>;
  readonly deadLetters: Set<string>;
  /** The record id that a session belongs to. */
  readonly sessions: Map<string, string>;
  /** By batch id; '' for everything. */
  readonly pauses: Map<string, SetPause>;
  gates: Gates | null;
  /** By batch id. */
  readonly terms: Map<string, BatchTerms>;
  /** What is sent on the newest day, by currency. */
  readonly dayTotals: Map<string, DayTotal>;
  /** Times that a `LedgerTime` keeps. */
  readonly times: Map<TimeName, number>;
  publishedMark: string | null;
  /** The newest number of an event or a record. */
  lastNumber: number;
}

export const createMemoryStore = (): MemoryStore => ({
  batches: new Map(),
  occurrences: new Map(),
  records: new Map(),
  unboundSequences: new Map(),
  outbox: new Map(),
  deadLetters: new Set(),
  sessions: new Map(),
  pauses: new Map(),
  gates: null,
  terms: new Map(),
  dayTotals: new Map(),
  times: new Map(),
  publishedMark: null,
  lastNumber: 0,
});

/** Puts the store back to a snapshot, under the instances that use it. */
export function restoreMemoryStore(store: MemoryStore, snapshot: MemoryStore): void {
  Object.assign(store, structuredClone(snapshot));
}

export const timesIn = ({ times }: MemoryStore): KeptTimes => ({
  read: (name) => times.get(name) ?? 0,
  write: (name, value) => void times.set(name, value),
  newest: () => 0,
});

export const placeOf = ({ stream, position }: Pick<Occurrence, 'stream' | 'position'>): string => `${stream}:${position}`;

/** @throws TypeError when it was never opened */
export function batchOf(store: MemoryStore, batchId: string): StoredBatch {
  const stored = store.batches.get(batchId);
  if (stored === undefined) throw batchNeverOpened(batchId);
  return stored;
}

export function addTally({ tallies }: StoredBatch, status: TallyRow['status'], currency: string, count: number, amountMinor: bigint): void {
  const name = `${status}:${currency}`;
  const row = tallies.get(name) ?? { status, currency, count: 0, amountMinor: 0n };
  row.count += count;
  row.amountMinor += amountMinor;
  tallies.set(name, row);
}

/** What became of an occurrence without a record. */
export function settled(
  status: Status,
  batchId: string,
  { amountMinor, currency }: { readonly amountMinor?: bigint | undefined; readonly currency?: string | undefined },
): SettledOccurrence {
  const isReadable = amountMinor !== undefined && currency !== undefined;
  return { status, batchId, currency: isReadable ? currency : '', amountMinor: isReadable ? amountMinor : 0n };
}

/** An occurrence arrived and has this status. An empty currency carries no amount. */
export function addReceived(batch: StoredBatch, status: Status, currency: string, amountMinor: bigint): void {
  addTally(batch, 'received', currency, 1, amountMinor);
  addTally(batch, status, currency, 1, amountMinor);
}

/** Counts a first send at `at`. */
export function countSend({ batch }: StoredBatch, at: number): void {
  batch.sent += 1;
  batch.firstSentAt = Math.min(batch.firstSentAt ?? at, at);
  batch.lastSentAt = Math.max(batch.lastSentAt ?? at, at);
}

/** A first send is proven not to have happened. */
export function uncountSend({ batch }: StoredBatch): void {
  batch.sent -= 1;
  if (batch.sent === 0) batch.firstSentAt = batch.lastSentAt = null;
}

export function appendEvent(store: MemoryStore, event: ResultEvent, owner: string, at: number): void {
  store.lastNumber += 1;
  store.outbox.set(store.lastNumber, { owner, at, eventId: event.event_id, json: JSON.stringify(event) });
}
