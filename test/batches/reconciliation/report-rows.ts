/** Rows of the gateway's report for record `inv-1`: 12.30 EUR, session `ps_1`, operation `po_1`. */
import type { ReportRow } from '../../../batches/reconciliation/report-row.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { at, keys, sentRecord } from '../../support/builders.ts';

export const metadataOf = (recordId: string, attempt = 1, patch: object = {}): string =>
  JSON.stringify({ record_id: recordId, attempt, idempotency_key: keys.idempotencyKey('payout', recordId, attempt), ...patch });

export const reportRow = (patch: Partial<ReportRow> = {}): ReportRow => ({
  line: 2,
  operationId: 'po_1',
  sessionId: 'ps_1',
  type: patch.type ?? 'advice',
  typeOfPayment: patch.type === 'refund' ? 'Refund' : 'Advice',
  merchantMetadata: '',
  amountMinor: 1230n,
  currency: 'EUR',
  transactionDate: '2026-11-21',
  transactionAt: at,
  finishedAt: '2026-11-21 08:00:01',
  others: {},
  ...patch,
});

/** In progress, with its session proven. */
export const openRecord = (patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  sentRecord({
    status: 'in_progress',
    sessionId: 'ps_1',
    isSessionProven: true,
    alreadyReceived: true,
    entryId: 'po_1',
    leaseOwner: null,
    leaseUntil: null,
    dueAt: at + 60_000,
    ...patch,
  });

/** Its answer was lost: nothing of its session is known. */
export const lostRecord = (patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  openRecord({ status: 'unknown', sessionId: null, isSessionProven: false, entryId: null, dueAt: null, ...patch });

export const endedRecord = (status: 'succeeded' | 'failed' | 'cancelled', patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  openRecord({ status, dueAt: null, ...patch });
