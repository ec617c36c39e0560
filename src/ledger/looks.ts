/** What only those ask who read a ledger beside the processes that pay from it. */
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { TimedRecord } from '../../batches/record/record-view.ts';
import type { OpenStatus } from '../../batches/record/status.ts';

/** @property batchId of every batch when it is absent */
export interface OldestQuery {
  readonly statuses: readonly OpenStatus[];
  readonly batchId?: string;
  readonly limit: number;
}

export interface LedgerLooks {
  find(recordId: string): Promise<TimedRecord | undefined>;
  /** The oldest first, by their first send or, before it, their admission. Does not read what comes behind them. */
  oldestOpen(query: OldestQuery): Promise<readonly TimedRecord[]>;
  /** The record that a session of the gateway belongs to. */
  sessionHolder(sessionId: string): Promise<string | undefined>;
  /** Whether the sealed body of a record that has ended is still stored, and should be gone by then or is never to be erased. */
  keepsBodyTooLong(recordId: string, by: number): Promise<boolean>;
  /** By which the key of this ledger is recognised. */
  keyCheck(): Promise<string>;
}

/** What readers ask that every ledger answers. */
export type LedgerReads = Pick<
  Ledger,
  'batch' | 'batches' | 'record' | 'records' | 'tallies' | 'overview' | 'pauses' | 'gates' | 'terms' | 'trail' | 'alerted' | 'recount'
>;

/** The ledger as readers have it. */
export type ReadLedger = LedgerReads & LedgerLooks;
