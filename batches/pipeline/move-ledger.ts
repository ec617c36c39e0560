/**
 * What becomes of the records of a ledger that goes on elsewhere. Who was sending them there has no more say: their sends are
 * open here, as after a crash.
 */
import type { AuditEntry } from '../audit/audit-entry.ts';
import { recordEvent, type ResultEvent } from '../record/result-event.ts';
import type { LedgerRecord } from '../record/record.ts';
import type { TransitionSettings } from '../record/resend-rules.ts';
import { isPublished } from '../record/status.ts';
import { reasonToTell } from '../record/step.ts';
import { sumTallies, type TallyRow } from '../record/tally.ts';
import { markInterrupted, releaseInterruptedResend } from '../record/transitions.ts';

export interface ArrivedRecord {
  readonly record: LedgerRecord;
  /** Entries that its trail goes on with. */
  readonly audit: readonly AuditEntry[];
}

/** The record without its sender. */
export function withoutSender(settings: TransitionSettings, record: LedgerRecord, at: number): ArrivedRecord {
  const change = record.status === 'submitting' ? markInterrupted(settings, record, at) : releaseInterruptedResend(record, at);
  return change === null ? { record, audit: [] } : { record: change.after, audit: change.audit ?? [] };
}

/** The newest result of the record; undefined when nothing was published of it, or is to be. */
export function newestResult(settings: TransitionSettings, record: LedgerRecord, at: number): ResultEvent | undefined {
  const { status, reason } = record;
  if (status === 'queued' ? reason === null : !isPublished[status]) return undefined;
  return recordEvent(settings.keys, { ...record, reason: reasonToTell(settings, record, at) }, at);
}

/** Follows records that came in another status than they left in. */
export function createTallyShifts() {
  const shifts = new Map<string, TallyRow[]>();
  const all: TallyRow[] = [];
  return {
    note(before: LedgerRecord, after: LedgerRecord): void {
      if (before.status === after.status) return;
      const { batchId, currency, amountMinor } = before;
      const rows: TallyRow[] = [
        { status: before.status, currency, count: -1, amountMinor: -amountMinor },
        { status: after.status, currency, count: 1, amountMinor },
      ];
      const known = shifts.get(batchId);
      if (known === undefined) shifts.set(batchId, rows);
      else known.push(...rows);
      all.push(...rows);
    },
    applyTo: (rows: readonly TallyRow[], batchId?: string): readonly TallyRow[] =>
      sumTallies([...rows, ...(batchId === undefined ? all : (shifts.get(batchId) ?? []))]).filter(
        ({ count, amountMinor }) => count !== 0 || amountMinor !== 0n,
      ),
  };
}
