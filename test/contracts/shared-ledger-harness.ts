/** What the contract of shared ledgers is tested with. */
import type { SharedLedger } from '../../batches/ports/ledger.ts';

/** One store of its own; each `open` is a further instance on it. */
export interface SharedLedgerHarness {
  open(): Promise<SharedLedger>;
  /** The ledger's time, milliseconds since the epoch; may differ from it by 2 ms. */
  now(): number;
  pass(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

/** The store of the test that runs, and instances on it. */
export interface Shared {
  open(): Promise<SharedLedger>;
  two(): Promise<readonly [SharedLedger, SharedLedger]>;
  now(): number;
  pass(ms: number): Promise<void>;
}
