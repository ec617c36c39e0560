/** What a rebuild has read and written. */
import type { RecordStatus } from '../record/status.ts';

/** Printed by `rebuild --json`. */
export interface RebuildReport {
  readonly results: number;
  readonly instructions: number;
  /** Records written, by their status now. */
  readonly records: Readonly<Partial<Record<RecordStatus, number>>>;
  /** Occurrences that ended without a record of their own. */
  readonly settled: number;
  /** Of these, those whose result was never published: it is published now. */
  readonly settled_without_result: number;
  /** Of these, those that may have been sent and have no record, since another occurrence has their record id: they stay open. */
  readonly settled_open: number;
  /** Of the unknown records, those without any result: they may have been sent. */
  readonly without_result: number;
  /** Messages that no instance can have started: left for the instances. */
  readonly unread: number;
  readonly dead_letters: number;
  /** What should have been understood and was not. */
  readonly skipped: number;
}
