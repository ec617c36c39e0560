/** Writes what a row of the report proves, for `reconcile`. */
import type { Ledger } from '../ports/ledger.ts';
import { advanceOne } from '../ports/single.ts';
import type { LedgerRecord } from '../record/record.ts';
import type { SessionEvidence } from '../record/session-evidence.ts';
import type { TransitionSettings } from '../record/resend-rules.ts';
import type { EndResult } from './reconcile.ts';
import { applyReport } from './report-evidence.ts';

/**
 * The result event is in the ledger's outbox when a record is ended; the caller publishes it.
 *
 * @param now milliseconds since the epoch
 */
export const createEndRecord =
  ({
    ledger,
    settings,
    now,
  }: {
    readonly ledger: Pick<Ledger, 'advance'>;
    readonly settings: TransitionSettings;
    readonly now: () => number;
  }): ((record: LedgerRecord, evidence: SessionEvidence) => Promise<EndResult>) =>
  async (record, evidence) => {
    const change = applyReport(settings, record, evidence, now());
    if (change === null) return { type: 'moved' };
    const written = await advanceOne(ledger, change);
    if (written.ok) return { type: 'ended' };
    return written.why === 'session_taken' ? { type: 'session_taken', takenBy: written.takenBy } : { type: 'moved' };
  };
