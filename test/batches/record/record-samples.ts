/** Records and sessions for the tests of the heart. */
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import type { TransitionSettings } from '../../../batches/record/transitions.ts';

const keys = createKeyDerivation('shop');
export const at = Date.parse('2026-11-21T08:00:00.000Z');

export const rules: TransitionSettings = {
  keys,
  random: () => 0.5,
  followIntervalMs: 2000,
  keyLifetimeMs: 12 * 3_600_000,
  timeoutMs: 30_000,
};

export function queuedRecord(patch: Partial<LedgerRecord> = {}): LedgerRecord {
  return {
    recordId: 'inv-1',
    kind: 'payout',
    batchId: 'f'.repeat(64),
    occurrence: { stream: `file:${'f'.repeat(64)}`, position: 2, source: { file: 'may.csv', line: 2 } },
    amountMinor: 1230n,
    currency: 'EUR',
    destination: 'DE**…3000',
    metadata: undefined,
    sensitive: false,
    fingerprint: 'print',
    attempt: 1,
    idempotencyKey: keys.idempotencyKey('payout', 'inv-1', 1),
    status: 'queued',
    sequence: 0,
    version: 1,
    firstSentAt: null,
    sends: 0,
    alreadyReceived: false,
    sessionId: null,
    entryId: null,
    confirmSession: null,
    cancelSession: null,
    reason: null,
    dueAt: null,
    checks: 0,
    leaseOwner: null,
    leaseUntil: null,
    ...patch,
  };
}

export const sentRecord = (patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  queuedRecord({ status: 'submitting', sends: 1, firstSentAt: at - 100, leaseOwner: 'me', leaseUntil: at + 60_000, version: 2, ...patch });

interface SessionParts {
  readonly id?: string;
  readonly status?: string;
  readonly entryStatus?: string;
  readonly nextAction?: string;
  readonly amount?: unknown;
  readonly currency?: unknown;
  readonly metadata?: unknown;
  readonly entryError?: unknown;
  readonly error?: unknown;
}

export function session(parts: SessionParts = {}): Record<string, unknown> {
  const amount = 'amount' in parts ? parts.amount : 1230;
  return {
    id: parts.id ?? 'ps_1',
    status: parts.status ?? 'in_progress',
    ...(parts.nextAction === undefined ? {} : { next_action: parts.nextAction }),
    ...(parts.error === undefined ? {} : { error: parts.error }),
    payments: [
      {
        id: 'po_1',
        status: parts.entryStatus ?? 'in_progress',
        ...(amount === undefined ? {} : { amount_details: { amount, currency: parts.currency ?? 'eur' } }),
        metadata: 'metadata' in parts ? parts.metadata : { record_id: 'inv-1', attempt: 1 },
        ...(parts.entryError === undefined ? {} : { error: parts.entryError }),
      },
    ],
  };
}
