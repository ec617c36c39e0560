/** What the contract of ledgers is tested with. */
import type { Ledger } from '../../batches/ports/ledger.ts';
import { statuses, type RecordStatus } from '../../batches/record/status.ts';

/** One ledger of its own, which can be opened again and again; `dispose` removes it. */
export interface LedgerHarness {
  /** Several instances share it: the sink's note is then not kept here, because their sink is shared too. */
  readonly shared?: boolean;
  /** It packs records where others purge their details: what is not kept permanently is gone as well. */
  readonly packs?: boolean;
  open(): Promise<Ledger>;
  /** The ledger's time now, in milliseconds since the epoch. */
  now(): number;
  /** Lets so many milliseconds of the ledger's time pass, by its own clock or in truth. */
  pass(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

/** What a part of the suite works with: the ledger that is open now. */
export interface LedgerUnderTest {
  readonly ledger: Ledger;
  readonly shared: boolean;
  readonly packs: boolean;
  /** The ledger's time now. */
  now(): number;
  /** Lets so many milliseconds of the ledger's time pass. */
  pass(ms: number): Promise<void>;
  /** Closes it and opens it again: only what is durable is left. */
  reopen(): Promise<Ledger>;
}

export const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');
