/**
 * What a rebuild writes for a place without a record: one that never had one, or whose record id another place has.
 *
 * Of the second kind the newest result may say that the instruction waits to be sent: its end was in the ledger only. It has
 * ended, and was never sent. A ledger gives a record id to another place only when the record before was rejected, or cancelled
 * in its first attempt without a send (`isRecordIdTaken`); every send that may have left shows in all results after it, since
 * only a proof that no byte left takes a record back to the queue; and ends follow each other by sequence: that of the end is
 * above the one of the result, and each result of the other place is above that of the end. So it is `cancelled` under the
 * number behind its newest result, with the event id that its own end had.
 *
 * Dropped it would be taken for an instruction without a result, which may be sent. Where a result shows a send that has not
 * ended, or the sequences are not those of one ledger, it may have been sent: its place stays open, and the report of the rebuild counts it.
 */
import type { SharedLedger } from '../ports/ledger.ts';
import type { RebuildIndex } from '../ports/rebuild-index.ts';
import { recordEvent, type ResultEvent } from '../record/result-event.ts';
import { isFinal } from '../record/status.ts';
import { recordFrom, type RestoreDeps } from './rebuild-records.ts';
import { occurrenceOf, showsSend } from './rebuild-results.ts';

type Settled = Parameters<SharedLedger['restoreSettled']>[0];

/** @property isOpen it may have been sent, and no record follows it */
interface SettledPlace {
  readonly settled: Settled;
  readonly isOpen: boolean;
}

export function settledFrom(deps: RestoreDeps, index: Pick<RebuildIndex, 'newest'>, event: ResultEvent): SettledPlace {
  const settled: Settled = {
    occurrence: occurrenceOf(event),
    batchId: event.batch_id,
    recordId: event.record_id,
    status: event.status,
    amountMinor: event.amount_details === undefined ? undefined : BigInt(event.amount_details.amount),
    currency: event.amount_details?.currency,
    sequence: event.sequence,
  };
  if (isFinal[event.status]) return { settled, isOpen: false };
  const ended = endedUnsent(index, event) ? endOf(deps, event) : undefined;
  return ended === undefined
    ? { settled, isOpen: true }
    : { settled: { ...settled, status: 'cancelled', sequence: ended.sequence, event: ended }, isOpen: false };
}

/** The other place may be free again too, without a send: then its result is no longer the newest of the record id. */
function endedUnsent(index: Pick<RebuildIndex, 'newest'>, event: ResultEvent): boolean {
  const other = index.newest(event.record_id ?? '');
  return event.status === 'queued' && !showsSend(event) && (other === undefined || other.event.sequence > event.sequence + 1);
}

/** Undefined when the result lacks what every result of a record has. */
function endOf(deps: RestoreDeps, event: ResultEvent): ResultEvent | undefined {
  const sequence = event.sequence + 1;
  const record = recordFrom(deps, event, { draft: undefined, firstSentAt: 0, isDated: false, sequence });
  if (record === undefined) return undefined;
  const reason = {
    code: 'end_lost',
    description: 'It ended without being sent: its record id was free for another instruction. The ledger lost how it ended.',
  };
  return recordEvent(deps.settings.keys, { ...record, status: 'cancelled', reason }, deps.clock.now());
}
