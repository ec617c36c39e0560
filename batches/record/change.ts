/** One decided step of a record, as a ledger writes it. */
import type { AuditEntry } from '../audit/audit-entry.ts';
import type { LedgerRecord, MachineClocks } from './record.ts';
import type { ResultEvent } from './result-event.ts';
import type { RecordStatus } from './status.ts';

/** What to do with the sealed body in the same step. */
export type BodyChange = { readonly keep: Uint8Array } | { readonly eraseAt: number };

/**
 * By what a ledger checks an intent in the step that writes it: a resend whose key the gateway may have forgotten is
 * refused there, whatever the caller's clock says.
 */
export interface IntentCheck {
  /** How long one call may take: a resend leaves at least so long before the end of the key lifetime. */
  readonly marginMs: number;
  /** The caller's clocks now. */
  readonly clocks: MachineClocks;
}

/**
 * One atomic step: written whole, with the tallies it moves, or not at all.
 *
 * @property expected the version the step was decided on
 * @property from the status that it had then; a store that needs it and has none looks for it
 * @property after the record as it shall be, its version raised by one
 * @property event to the outbox in the same step
 * @property audit what the step appends to the trail; `after.audit` is its new head
 * @property intent of a change that precedes a send, and of no other
 */
export interface Change {
  readonly expected: number;
  readonly from?: RecordStatus;
  readonly after: LedgerRecord;
  readonly event?: ResultEvent;
  readonly audit?: readonly AuditEntry[];
  readonly body?: BodyChange;
  readonly intent?: IntentCheck;
}
