/**
 * What the heart asks of the world. Two families of implementations stand behind it: the stand-alone profile
 * (SQLite, a results file, a limiter in the process) and the distributed one (Redis, Kafka). Each comment says
 * what an implementer must hold; the contract suites in `test/contracts` hold him to it.
 */
import type { Answer } from './gateway/gateway-response.ts';
import type { FieldDigests } from './record/fingerprint.ts';
import type { Kind, Occurrence } from './instruction/instruction.ts';
import type { Admission, Change, LedgerRecord, Verdict } from './record/record.ts';
import type { ResultEvent } from './record/result-event.ts';
import type { TallyRow } from './record/tally.ts';

/** Time and chance, passed in so that everything can run on a virtual clock. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
/** 0 <= x < 1. */
export type Random = () => number;

/** What bad rows do to the good ones of their file. */
export type Policy = 'skip' | 'all-or-nothing';

/** What is pinned about a file when its batch is made; a second reading must find the same. */
interface Manifest {
  readonly batchId: string;
  readonly file: string;
  readonly policy: Policy;
  readonly encoding: string;
  readonly delimiter: string;
  readonly bytes: number;
  readonly blockDigests: readonly string[];
}

export type BatchState = 'running' | 'finished' | 'stopped' | 'paused' | 'cancelled';

/**
 * How far an all-or-nothing batch is: `admitting` until every row is in the ledger, then `released` (rows may be
 * sent) or `refused` (every row ends rejected). A `skip` batch is released from the start.
 */
export type BatchPhase = 'admitting' | 'released' | 'refused';

export interface Batch extends Manifest {
  readonly state: BatchState;
  readonly phase: BatchPhase;
  readonly startedAt: number;
  readonly finishedAt: number | null;
  /** First sends so far, and when the first and the newest of them were made. */
  readonly sent: number;
  readonly firstSentAt: number | null;
  readonly lastSentAt: number | null;
}

/** An event that was decided together with its status and is not surely published yet. */
export interface OutboxEntry {
  /** Rises in the order of the decisions. */
  readonly number: number;
  readonly eventId: string;
  /** The event as it goes out, one line of JSON. */
  readonly json: string;
}

/**
 * What is known of every record. All methods may be called concurrently; an implementation groups what waits
 * into one durable write and resolves only after it. A rejection means that nothing of that call is promised:
 * the caller stops, and the next start reads the truth.
 */
export interface Ledger {
  /**
   * Makes the batch or finds it as it was pinned. Idempotent by `batchId`; `policy` null takes the pinned one
   * (or `skip` when new).
   */
  openBatch(manifest: Omit<Manifest, 'policy'> & { readonly policy: Policy | null; readonly at: number }): Promise<Batch>;
  batch(batchId: string): Promise<Batch | undefined>;
  batches(): Promise<readonly Batch[]>;
  /** Sets state or phase; `finishedAt` is kept with state `finished` and cleared with `running`. */
  updateBatch(params: { batchId: string; state?: BatchState; phase?: BatchPhase; at: number }): Promise<void>;

  /**
   * Asks about one occurrence. Atomic: the occurrence is looked up first and, if known, nothing changes; else
   * occurrence, record, tallies and outbox are written together as `decideAdmission` says.
   */
  admit(admission: Admission): Promise<Verdict>;

  /**
   * Writes one decided step if the record still has the expected version. Atomic with the tallies of its batch,
   * the outbox, the sealed body, and the batch's count of first sends. A mismatch changes nothing and tells
   * the record as it is now. Durable when it resolves.
   */
  advance(change: Change): Promise<{ readonly ok: true } | { readonly ok: false; readonly current: LedgerRecord }>;

  record(recordId: string): Promise<LedgerRecord | undefined>;
  /** The unsealed bytes kept with the record's intent, exactly as they were sent; undefined when none are kept. */
  body(recordId: string): Promise<Uint8Array | undefined>;

  /**
   * Records of the batch that we can move: `queued` never, the others when `dueAt` has come. Oldest first, at
   * most `limit`. Answers also when the earliest of the remaining ones falls due, null if there is none.
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
   * How many occurrences of the batch are duplicates of a record that has not succeeded (yet); those in progress
   * are left out on request.
   */
  duplicatesOfUnpaid(params: { batchId: string; butInProgress: boolean }): Promise<number>;

  /** Unpublished events in order, at most `limit`, numbers above `after`. */
  outbox(params: { limit: number; after?: number }): Promise<readonly OutboxEntry[]>;
  /** Forgets published events; `mark` is the sink's own note of how far it is, kept in the same step. */
  published(params: { numbers: readonly number[]; mark: string | null }): Promise<void>;
  /** The sink's last note. */
  publishedMark(): Promise<string | null>;

  /** Counts and exact amounts of every status; of one batch, or of everything. */
  tallies(batchId?: string): Promise<readonly TallyRow[]>;

  /**
   * Drops what is told of records that ended longer ago than `olderThanMs`: destination, metadata, reason, the count
   * of looks, field digests. What must be known for ever stays, a conflict with such a record names no fields of the
   * body, and events that are not published yet go out as they were decided. Answers how many; `limit`: there may be
   * more. Where nothing is that old, nothing is written.
   */
  dropStories(params: { readonly olderThanMs: number; readonly limit: number }): Promise<number>;

  /** Writes what waits, then releases everything. Idempotent. */
  close(): Promise<void>;
}

/** What is told about the whole of a shared ledger, for metrics and readiness. */
export interface LedgerOverview {
  /** When the oldest record that is not final was admitted; null when there is none. */
  readonly oldestOpenAt: number | null;
  /** Events that are not surely published. */
  readonly unpublished: number;
  /** Messages put aside, beside the balance. */
  readonly deadLetters: number;
}

/** How much of a file was handed over to the instructions topic; lines are physical. */
export interface HandOver {
  /** Every row up to this line is surely on the topic, or in the ledger as refused; 0 before the first. */
  readonly line: number;
  /** How many rows the file has, known when all of it was handed over; null before. */
  readonly rows: number | null;
}

/**
 * A ledger that several instances share at once. What each of them decides, all of them see.
 *
 * `outbox` answers the events that this instance decided itself or took over; so nothing is published twice while
 * all is well, and `takeOverOutbox` finds what a dead one left behind.
 */
export interface SharedLedger extends Ledger {
  /**
   * Takes records of any batch whose time has come, the longest due first: those with a `dueAt`, and first sends
   * whose lease is over. Atomic: what one instance took is shown to no other until `leaseMs` have passed or the
   * record was written.
   */
  claimDue(params: {
    limit: number;
    leaseMs: number;
  }): Promise<{ readonly records: readonly LedgerRecord[]; readonly nextAt: number | null }>;
  /** Events that have waited longer than this for whoever decided them become this instance's. Answers how many. */
  takeOverOutbox(params: { olderThanMs: number; limit: number }): Promise<number>;

  handOver(batchId: string): Promise<HandOver>;
  noteHandOver(params: { batchId: string; line: number; rows: number | null }): Promise<void>;
  /** Idempotent by place. */
  countDeadLetter(place: { readonly stream: string; readonly position: number }): Promise<void>;
  overview(): Promise<LedgerOverview>;

  /** Rebuild: writes a record as results and instructions tell it, with its tallies, over nothing. Idempotent. */
  restore(params: { record: LedgerRecord; fields: FieldDigests; body?: Uint8Array; event?: ResultEvent }): Promise<void>;
  /** Rebuild: writes an occurrence that ended without a record of its own. Idempotent. */
  restoreSettled(params: {
    occurrence: Occurrence;
    batchId: string;
    recordId: string | undefined;
    status: 'rejected' | 'duplicate' | 'conflict';
    amountMinor: bigint | undefined;
    currency: string | undefined;
    sequence: number;
  }): Promise<void>;
}

/** The gateway's calls. An implementation never repeats a call by itself and never throws for what the network did. */
export interface Gateway {
  /**
   * Signs and sends exactly `bytes`. When all is signed and ready, `turn` is given the sending and calls it when
   * it may begin: so the dear signing waits for no slot, and nothing slow lies between the pace and the bytes.
   * `mayStart` is asked right before the first byte: when it says no, nothing is sent and the answer is a
   * transport failure that proves so.
   */
  init(params: {
    kind: Kind;
    bytes: Uint8Array;
    idempotencyKey: string;
    turn: (send: () => Promise<Answer>) => Promise<Answer>;
    mayStart: () => boolean;
  }): Promise<Answer>;
  status(sessionId: string): Promise<Answer>;
  confirm(sessionId: string): Promise<Answer>;
  cancel(sessionId: string): Promise<Answer>;
  /** `wallet/balance`: harmless, so it is also how a gateway is probed. */
  balance(): Promise<Answer>;
  close(): Promise<void>;
}

/** Where results go. */
export interface ResultSink {
  /**
   * Appends in order and resolves when they are durable. Events that a former process wrote but could not note
   * as published are recognised by their id and not written again. Answers the mark to keep.
   */
  publish(entries: readonly OutboxEntry[]): Promise<{ readonly mark: string | null }>;
  close(): Promise<void>;
}

/** Permits to send. In any window at most rate x window + burst permits pass, over all instances. */
export interface Limiter {
  /** Waits for one permit, at most `withinMs`; rejects when none came within, or with the reason of `signal`. */
  acquire(signal: AbortSignal, withinMs?: number): Promise<void>;
  /** The gateway asked to wait: no permit for anybody before `ms` from now. */
  pushBack(ms: number): void;
  /** For how long nobody passes because the gateway asked to wait, in milliseconds, as far as is known here; 0 when open. */
  closedForMs(): number;
  /** The gateway said too many: the rate falls, then climbs back to the configured one. Nothing when unlimited. */
  slowDown(): void;
  /** Permits a second as they pass now; `unlimited` when there is no bound. */
  rate(): number | 'unlimited';
}
