/** What only those ask who read a ledger beside the processes that pay from it. */
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { TimedRecord } from '../../batches/record/record-view.ts';
import type { SelectedRecords, SelectionOptions } from '../../batches/record/record-selection.ts';
import type { OpenStatus, RecordStatus } from '../../batches/record/status.ts';

/** @property batchId of every batch when it is absent @property from how many of the list come before */
export interface OldestQuery {
  readonly statuses: readonly OpenStatus[];
  readonly batchId?: string;
  readonly from?: number;
  readonly limit: number;
}

/**
 * @property batchId of every batch when it is absent
 * @property from how many of the list come before
 * @property mostRead a ledger that has to read records to select them reads about so many; null: all of them
 */
export interface SelectionQuery extends SelectionOptions {
  readonly statuses: readonly RecordStatus[];
  readonly batchId?: string;
  readonly from: number;
  readonly mostRead: number | null;
}

/** @property isCut the list is of those that were read, and there are more */
export interface FoundRecords extends SelectedRecords {
  readonly isCut: boolean;
}

export interface LedgerLooks {
  find(recordId: string): Promise<TimedRecord | undefined>;
  /** The oldest first, by their first send or, before it, their admission. Does not read what comes behind them. */
  oldestOpen(query: OldestQuery): Promise<readonly TimedRecord[]>;
  /** Those that match, in the order that is asked for, and the sums of all of them. */
  selected(query: SelectionQuery): Promise<FoundRecords>;
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
