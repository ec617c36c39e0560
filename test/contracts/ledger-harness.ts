/** What the contract of ledgers is tested with. */
import type { Ledger } from '../../batches/ports.ts';
import { statuses, type RecordStatus } from '../../batches/status.ts';

/** One ledger of its own, which can be opened again and again; `dispose` removes it. */
export interface LedgerHarness {
  /** Several instances share it: the sink's note is then not kept here, because their sink is shared too. */
  readonly shared?: boolean;
  open(): Promise<Ledger>;
  dispose(): Promise<void>;
}

/** What a part of the suite works with: the ledger that is open now. */
export interface LedgerUnderTest {
  readonly ledger: Ledger;
  readonly shared: boolean;
  /** Closes it and opens it again: only what is durable is left. */
  reopen(): Promise<Ledger>;
}

export const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');
