import type { AuditEntry } from '../audit/audit-entry.ts';
import type { Occurrence } from '../instruction/instruction.ts';
import type { Batch, BatchPhase, BatchState, Manifest, Policy } from '../record/batch.ts';
import type { FieldDigests } from '../record/fingerprint.ts';
import type { FirstIntent } from '../record/first-intent.ts';
import type { Admission, IntentVerdict, LedgerRecord, Verdict } from '../record/record.ts';
import type { Change } from '../record/change.ts';
import type { BatchTerms, Gates, Hold } from '../record/gates.ts';
import type { Pause, SetPause } from '../record/pause.ts';
import type { TimedRecord } from '../record/record-view.ts';
import type { ResultEvent } from '../record/result-event.ts';
import type { OpenStatus, RecordStatus } from '../record/status.ts';
import type { TallyRow } from '../record/tally.ts';
import type { OutboxEntry } from './result-sink.ts';

/**
 * Why a change was not written; `current` is the record as it is now.
 *
 * - `moved`: it has another version than the change was decided on
 * - `too_old`: an intent to resend, and the gateway may have forgotten the key, or how old it is cannot be known
 * - `session_taken`: the session belongs to another record
 * - `paused`: an intent, and its batch or everything is paused
 * - `held`: an intent, and a gate of the ledger does not let it pass yet; the limit of a day holds first sends only
 */
export type AdvanceRefusal =
  | { readonly ok: false; readonly why: 'moved' | 'too_old'; readonly current: LedgerRecord }
  | {
      readonly ok: false;
      readonly why: 'session_taken';
      readonly current: LedgerRecord;
      readonly sessionId: string;
      /** The record id that has the session. */
      readonly takenBy: string;
    }
  | { readonly ok: false; readonly why: 'paused'; readonly current: LedgerRecord; readonly pause: SetPause }
  | { readonly ok: false; readonly why: 'held'; readonly current: LedgerRecord; readonly hold: Hold };

/** What became of one change. */
export type AdvanceResult = { readonly ok: true } | AdvanceRefusal;

/** A record as it is now. `cursor` continues the list after it. */
export interface ListedRecord extends TimedRecord {
  readonly cursor: string;
}

/**
 * @property statuses at least one
 * @property batchId of every batch when it is absent
 * @property after the cursor of the last record that is known
 */
export interface RecordQuery {
  readonly statuses: readonly RecordStatus[];
  readonly batchId?: string;
  readonly limit: number;
  readonly after?: string;
}

/**
 * What is known of every record. Every value that crosses this port can be structured-cloned, so that a store may live
 * on another thread. All methods may be called concurrently; an implementation groups what waits
 * into one durable write and resolves only after it. A rejection means that nothing of that call is promised:
 * the caller must stop; state is reloaded at the next start.
 */
export interface Ledger {
  /**
   * Makes the batch or finds it as it was pinned. Idempotent by `batchId`; `policy` null takes the pinned one
   * (or `skip` when new).
   */
  openBatch(manifest: Omit<Manifest, 'policy'> & { readonly policy: Policy | null; readonly at: number }): Promise<Batch>;
  batch(batchId: string): Promise<Batch | undefined>;
  /** All of them, oldest first; with `newest` only so many, newest first. */
  batches(params?: { readonly newest: number }): Promise<readonly Batch[]>;
  /** Sets state or phase. `finishedAt` is set by the first `finished`, and never moved or cleared afterwards. */
  updateBatch(params: { batchId: string; state?: BatchState; phase?: BatchPhase; at: number }): Promise<void>;

  /**
   * Looks up occurrences and admits the new ones. Each element is atomic by itself: a known occurrence changes nothing;
   * for a new one the occurrence, its record, tallies, audit trail and outbox are written together as `decideAdmission` says.
   * The verdicts are in the order of the admissions. All of them are durable when it resolves; when it rejects, any of
   * them may have been written.
   */
  admit(admissions: readonly Admission[]): Promise<readonly Verdict[]>;

  /**
   * Writes decided steps, each if its record still has the expected version, its session belongs to no other record, and,
   * for an intent, nothing pauses it, the gates let it pass, and the gateway surely remembers the key of the first send. A first send counts
   * for its day, where the gates limit that, in the same step. Each element is atomic by itself, with the
   * tallies of its batch, the audit trail, the outbox, the sealed body, the session claim, and the batch's count of first sends. A refusal
   * changes nothing of the record and returns it as it is now. The results are in the order of the changes. All of them are durable
   * when it resolves; when it rejects, any of them may have been written.
   */
  advance(changes: readonly Change[]): Promise<readonly AdvanceResult[]>;

  record(recordId: string): Promise<LedgerRecord | undefined>;
  /** The record that this session of the gateway belongs to. */
  recordOfSession(sessionId: string): Promise<LedgerRecord | undefined>;
  /** The unsealed bytes kept with the record's intent, exactly as they were sent; undefined when none are kept. */
  body(recordId: string): Promise<Uint8Array | undefined>;

  /**
   * Records of the batch that we can move, `queued` ones that are parked included, when `dueAt` has come. Oldest first, at
   * most `limit`. Returns also when the earliest of the remaining ones falls due, null if there is none.
   */
  due(params: {
    batchId: string;
    now: number;
    limit: number;
  }): Promise<{ readonly records: readonly LedgerRecord[]; readonly nextAt: number | null }>;
  /** Records of the batch in this status, oldest first, after `afterRecordId` in the ledger's own order. */
  list(params: {
    batchId: string;
    status: LedgerRecord['status'];
    limit: number;
    after?: number;
  }): Promise<readonly { readonly cursor: number; readonly record: LedgerRecord }[]>;

  /**
   * Records that are in one of these statuses now, at most `limit`, in an order of the ledger's own. A record that does not
   * change while the pages are read is in exactly one of them. Fewer than `limit` records: there are no more.
   */
  records(query: RecordQuery): Promise<readonly ListedRecord[]>;

  /**
   * How many occurrences of the batch are duplicates of a record that has not succeeded (yet); those in progress
   * are left out on request.
   */
  countUnsettledDuplicates(params: { batchId: string; exceptInProgress: boolean }): Promise<number>;

  /** The audit trail of the record in its order; empty for an unknown record, and for one of a version that kept none. */
  trail(recordId: string): Promise<readonly AuditEntry[]>;
  /**
   * Records with alerts that no person has acknowledged, at most `limit`, in an order of the ledger's own. Costs as much as
   * it finds.
   */
  alerted(query: { readonly limit: number; readonly after?: string }): Promise<readonly ListedRecord[]>;

  /** What is paused. Costs as much as it finds. */
  pauses(): Promise<readonly SetPause[]>;
  /**
   * Pauses one batch or, with null, everything; `pause` null ends it. Resolves when no intent can be written any more that it
   * forbids. Idempotent: a pause that is set already stays as it is; only `cancelled` takes the place of another one, and it
   * is never ended.
   *
   * @returns whether it changed anything
   */
  setPause(params: { readonly batchId: string | null; readonly pause: Pause | null }): Promise<boolean>;

  /** What must hold before money moves; null in a ledger that no process has told it yet. */
  gates(): Promise<Gates | null>;
  /**
   * Compare and set: written when the gates that are kept have this number, 0 for none. Resolves when no intent can be written
   * any more that they forbid. Gates that are kept already are no change, and bring what a crash left undone to its end.
   *
   * @returns false when they have another number
   */
  setGates(gates: Gates, expected: number): Promise<boolean>;
  /** What holds for one batch; `noTerms` for one of which nothing is kept. */
  terms(batchId: string): Promise<BatchTerms>;
  /** As `setGates`. */
  setTerms(params: { readonly batchId: string; readonly terms: BatchTerms; readonly expected: number }): Promise<boolean>;

  /** Unpublished events in order, at most `limit`, numbers above `after`. */
  outbox(params: { limit: number; after?: number }): Promise<readonly OutboxEntry[]>;
  /** Forgets published events; `mark` is the sink's own note of how far it is, kept in the same step. */
  published(params: { numbers: readonly number[]; mark: string | null }): Promise<void>;
  /** The sink's last note. */
  publishedMark(): Promise<string | null>;

  /** Counts and exact amounts of every status; of one batch, or of everything. */
  tallies(batchId?: string): Promise<readonly TallyRow[]>;
  /** The same, counted again from records and occurrences: reads all of them. */
  recount(batchId?: string): Promise<readonly TallyRow[]>;
  overview(): Promise<LedgerOverview>;

  /**
   * Purges the details of records that ended longer ago than `olderThanMs`: destination, metadata, reason, the count of
   * status checks, field digests. What must be known forever stays; a conflict with such a record names no fields of the
   * body; unpublished events are not changed. Returns how many; `limit`: there may be more. Where nothing is that old,
   * nothing is written.
   */
  purgeDetails(params: { readonly olderThanMs: number; readonly limit: number }): Promise<number>;

  /** Writes what waits, then releases everything. Idempotent. */
  close(): Promise<void>;
}

/** What is so now in the whole ledger, for metrics and readiness. Costs as much as there is open, not as much as there was. */
export interface LedgerOverview {
  /** Counts and exact amounts of the statuses that are not final. */
  readonly open: readonly TallyRow[];
  /**
   * Since when the oldest record has waited in each status that is not final; null when there is none. Stand-alone since it
   * was admitted, in a shared ledger since it came to the status.
   */
  readonly oldestOpenAt: Readonly<Record<OpenStatus, number | null>>;
  /** Whether each batch that has open records balances. */
  readonly isBalanced: boolean;
  /** Events that are not surely published. */
  readonly unpublished: number;
  /** Dead letters, beside the balance. */
  readonly deadLetters: number;
}

/** How much of a file is on the instructions topic; lines are physical. */
export interface EnqueueProgress {
  /** Every row up to this line is surely on the topic, or in the ledger as rejected; 0 before the first. */
  readonly line: number;
  /** How many rows the file has, known when all of it is enqueued; null before. */
  readonly rows: number | null;
}

/**
 * A ledger that several instances share at once. What each of them decides, all of them see.
 *
 * `outbox` returns the events that this instance decided itself or took over; so nothing is published twice while
 * all is well, and `takeOverOutbox` finds what a dead instance left.
 */
export interface SharedLedger extends Ledger {
  /**
   * `admit` for one occurrence that may be sent at once: where its record id is unknown and nothing would refuse the intent,
   * the record is admitted and its intent written in one step, as if `admit` and `advance` had been called one after the
   * other, and the verdict is `intended`. Otherwise it is that of `admit`, without an intent: a ledger may always do so.
   * The caller keeps others from sending meanwhile, so it never waits for a ledger that has no memory now.
   *
   * @returns null when nothing was written, and it is to be admitted alone
   * @throws TypeError when the intent is under another key than the record has; nothing is written then
   */
  admitWithIntent(admission: Admission, intent: FirstIntent): Promise<IntentVerdict | null>;
  /**
   * Takes records of any batch whose time has come, the longest due first: those with a `dueAt`, and first sends
   * whose lease is over. Atomic: what one instance took is shown to no other until `leaseMs` have passed or the
   * record was written.
   */
  claimDue(params: {
    limit: number;
    leaseMs: number;
  }): Promise<{ readonly records: readonly LedgerRecord[]; readonly nextAt: number | null }>;
  /** Events that have waited longer than this for the instance that decided them become this instance's. Returns how many. */
  takeOverOutbox(params: { olderThanMs: number; limit: number }): Promise<number>;

  /** Ids of the batches of files that are running or waiting; costs as much as it finds. */
  unfinishedFiles(): Promise<readonly string[]>;
  enqueueProgress(batchId: string): Promise<EnqueueProgress>;
  saveEnqueueProgress(params: { batchId: string; line: number; rows: number | null }): Promise<void>;
  /** Idempotent by place. */
  countDeadLetter(place: { readonly stream: string; readonly position: number }): Promise<void>;

  /** Rebuild: writes a record as results and instructions show it, with its tallies; never overwrites one. Idempotent. */
  restore(params: {
    record: LedgerRecord;
    fields: FieldDigests;
    /** Of a trail that begins again: `record.audit` is its head. */
    audit?: readonly AuditEntry[];
    body?: Uint8Array;
    event?: ResultEvent;
  }): Promise<void>;
  /**
   * Rebuild: writes an occurrence that ended without a record of its own, or whose record id another one has; never overwrites
   * one. Idempotent.
   */
  restoreSettled(params: {
    occurrence: Occurrence;
    batchId: string;
    recordId: string | undefined;
    status: ResultEvent['status'];
    amountMinor: bigint | undefined;
    currency: string | undefined;
    sequence: number;
    event?: ResultEvent;
  }): Promise<void>;
}
