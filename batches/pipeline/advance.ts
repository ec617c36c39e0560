/** A decided step becomes durable, or is decided again on what another process wrote meanwhile. */
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import { advanceOne } from '../ports/single.ts';
import type { LedgerRecord } from '../record/record.ts';
import type { Change } from '../record/change.ts';
import type { TransitionSettings } from '../record/resend-rules.ts';

/** What deciding and writing a step needs. */
export interface StepDeps {
  readonly ledger: Pick<Ledger, 'advance'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly settings: TransitionSettings;
}

/**
 * Writes what `decide` returns for the record as it is; decides again when the record has moved meanwhile.
 *
 * @returns the record afterwards
 */
export async function advance(
  ledger: Pick<Ledger, 'advance'>,
  record: LedgerRecord,
  decide: (current: LedgerRecord) => Change | null,
): Promise<LedgerRecord> {
  let current = record;
  for (;;) {
    const change = decide(current);
    if (change === null) return current;
    const written = await advanceOne(ledger, change);
    if (written.ok) return change.after;
    current = written.current;
  }
}
