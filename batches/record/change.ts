/** One decided step of a record, as a ledger writes it. */
import type { LedgerRecord } from './record.ts';
import type { ResultEvent } from './result-event.ts';

/** What to do with the sealed body in the same step. */
export type BodyChange = { readonly keep: Uint8Array } | { readonly eraseAt: number };

/**
 * One atomic step: written whole, with the tallies it moves, or not at all.
 *
 * @property expected the version the step was decided on
 * @property after the record as it shall be, its version raised by one
 * @property event to the outbox in the same step
 */
export interface Change {
  readonly expected: number;
  readonly after: LedgerRecord;
  readonly event?: ResultEvent;
  readonly body?: BodyChange;
}
