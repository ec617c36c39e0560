/**
 * A whole report against the ledger: each row is decided and acted on before the next one is read, then the ledger's own
 * records are read once, for candidates and for what the report does not show.
 */
import { alertOf, type Alert } from '../record/alert.ts';
import { foreignSession } from '../record/apply-evidence.ts';
import type { KeyDerivation } from '../record/idempotency-key.ts';
import type { LedgerRecord } from '../record/record.ts';
import type { TimedRecord } from '../record/record-view.ts';
import type { SessionEvidence } from '../record/session-evidence.ts';
import { openStatuses, type RecordStatus } from '../record/status.ts';
import type { Ledger } from '../ports/ledger.ts';
import { createCandidates } from './candidates.ts';
import { decideRow, type Decision, type Different, type Found } from './match-report.ts';
import { readMerchantMetadata } from './merchant-metadata.ts';
import {
  createAnswer,
  differentItem,
  recordItem,
  rowItem,
  unreadableItem,
  type AnswerBuilder,
  type ReconciliationAnswer,
} from './reconciliation-answer.ts';
import { dayOf, daysOf } from './report-days.ts';
import { createReportIndex, type ReportIndex } from './report-index.ts';
import type { ReportDays, ReportLine, ReportRow } from './report-row.ts';

/**
 * What became of ending a record.
 *
 * - `moved`: another process has written the record; the row is decided again
 * - `session_taken`: the session belongs to another record
 */
export type EndResult = { readonly type: 'ended' | 'moved' } | { readonly type: 'session_taken'; readonly takenBy: string };

/**
 * @property end writes what the evidence makes of the record, see `applyReport`; null: nothing is written or raised (a dry run)
 * @property raise takes an alert; the same one may be raised again
 */
export interface ReconcileDependencies {
  readonly keys: KeyDerivation;
  readonly ledger: Pick<Ledger, 'record' | 'recordOfSession' | 'records'> & {
    readonly recordOfEntry?: (entryId: string) => Promise<LedgerRecord | undefined>;
  };
  readonly end: ((record: LedgerRecord, evidence: SessionEvidence, row: ReportRow) => Promise<EndResult>) | null;
  readonly raise: (alert: Alert) => Promise<void>;
}

const maxDecisions = 10;
const pageSize = 500;

/** @param days as the report's name has them; null: those of its rows */
export async function reconcile(
  lines: AsyncIterable<ReportLine>,
  days: ReportDays | null,
  dependencies: ReconcileDependencies,
): Promise<ReconciliationAnswer> {
  const answer = createAnswer();
  const index = createReportIndex();
  const candidates = createCandidates();
  const shown = daysOf();

  for await (const line of lines) {
    if (line.type === 'unreadable') {
      const { sessionId } = line.unreadable;
      answer.count('rows', null);
      answer.list('unreadable', unreadableItem(line.unreadable), null);
      if (sessionId !== null) index.addSession(sessionId);
      continue;
    }
    const { row } = line;
    answer.count('rows', row);
    shown.add(row.transactionAt);
    const decision = await settleRow(row, index, dependencies);
    index.add(row, decision);
    if (decision.type === 'candidates') candidates.add(row, decision);
    else report(answer, row, decision);
    if (dependencies.end !== null && 'alerts' in decision) for (const alert of decision.alerts) await dependencies.raise(alert);
  }

  const reportDays = days ?? shown.days();
  const statuses: RecordStatus[] = candidates.areSought() ? [...openStatuses, 'succeeded'] : reportDays === null ? [] : ['succeeded'];
  for await (const { record, changedAt } of recordsIn(dependencies.ledger, statuses)) {
    if (record.status !== 'succeeded' || record.sessionId === null) candidates.offer(record);
    const isOurs = record.status === 'succeeded' && record.kind === 'payout' && changedAt !== null && reportDays !== null;
    if (!isOurs || index.shows(record)) continue;
    const day = dayOf(changedAt);
    if (day >= reportDays.from && day <= reportDays.to) answer.list('only_here', recordItem(record), record);
  }
  for (const { row, found } of candidates.rows()) {
    if (found.length === 0) answer.list('only_there', rowItem(row, null), row);
    for (const [place, record] of found.entries()) answer.list('candidates', rowItem(row, record), place === 0 ? row : null);
  }
  return answer.answer(reportDays);
}

async function settleRow(row: ReportRow, index: ReportIndex, { keys, ledger, end }: ReconcileDependencies): Promise<Decision> {
  const earlier = index.earlier(row);
  for (let round = 1; ; round += 1) {
    const decision = decideRow(row, await find(row, ledger), { keys, earlier });
    if (decision.type !== 'ends' || end === null) return decision;
    const result = await end(decision.record, decision.evidence, row);
    if (result.type === 'ended') return decision;
    if (result.type === 'session_taken') return sessionTaken(row, decision.record, result.takenBy);
    if (round === maxDecisions) throw new Error(`record ${decision.record.recordId} is written by another process again and again`);
  }
}

/** What the ledger has under the names that the row shows. */
async function find(row: ReportRow, ledger: ReconcileDependencies['ledger']): Promise<Found> {
  const metadata = readMerchantMetadata(row.merchantMetadata);
  const [bySession, byEntry, byMetadata] = await Promise.all([
    ledger.recordOfSession(row.sessionId),
    ledger.recordOfEntry?.(row.operationId),
    metadata.type === 'whole' ? ledger.record(metadata.recordId) : undefined,
  ]);
  return { bySession, byEntry, byMetadata };
}

function sessionTaken(row: ReportRow, record: LedgerRecord, takenBy: string): Different {
  const description = foreignSession({ sessionId: row.sessionId, takenBy });
  const seen = [{ amount: String(row.amountMinor), currency: row.currency }];
  const alerts = [alertOf('evidence_mismatch', record, { sessionId: row.sessionId, seen, description })];
  return { type: 'different', record, code: 'metadata_differs', description, alerts };
}

function report(answer: AnswerBuilder, row: ReportRow, decision: Exclude<Decision, { type: 'candidates' }>): void {
  switch (decision.type) {
    case 'matched':
      return answer.count('matched', row);
    case 'ends':
      return answer.count('ended', row);
    case 'repeated':
      return answer.count('repeated', row);
    case 'different':
      return answer.list('different', differentItem(row, decision), row);
    case 'refund':
      return answer.list('refunds', rowItem(row, decision.record), row);
    case 'only_there': {
      const { recordId } = decision;
      return answer.list('only_there', { ...rowItem(row, null), ...(recordId === null ? {} : { record_id: recordId }) }, row);
    }
  }
}

async function* recordsIn(ledger: Pick<Ledger, 'records'>, statuses: readonly RecordStatus[]): AsyncGenerator<TimedRecord> {
  if (statuses.length === 0) return;
  for (let after: string | undefined; ;) {
    const page = await ledger.records({ statuses, limit: pageSize, ...(after === undefined ? {} : { after }) });
    yield* page;
    after = page.at(-1)?.cursor;
    if (page.length < pageSize || after === undefined) return;
  }
}
