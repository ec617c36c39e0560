/** Rows of the ledger as what they mean. */
import type { CallerMetadata, Source } from '../../../batches/instruction/instruction.ts';
import type { Batch, BatchPhase, BatchState, Policy } from '../../../batches/record/batch.ts';
import type { Amendment, LedgerRecord, RecordAlert } from '../../../batches/record/record.ts';
import { kindOf, statusOf } from '../codes.ts';
import { sourceAt, type SharedSource } from '../source.ts';

/** A record with the names that its integers stand for; append conditions on `record`. */
export const selectRecord = `
  SELECT record.*, batch.batch_id, stream.stream AS stream_name, stream.source AS stream_source
  FROM record JOIN batch ON batch.id = record.batch JOIN stream ON stream.id = record.stream`;

/** The shape of a record whose details are purged: it names no list of paths. This number is on disk: never change it. */
export const withoutDetails = 0;

export interface RecordRow {
  readonly id: number;
  readonly record_id: string;
  readonly kind: number;
  readonly batch: number;
  readonly batch_id: string;
  readonly stream: number;
  readonly stream_name: string;
  readonly stream_source: string;
  readonly position: number;
  readonly source: string | null;
  readonly amount: number;
  readonly currency: string;
  readonly destination: string | null;
  readonly metadata: string | null;
  readonly sensitive: number;
  readonly fingerprint: string;
  readonly shape: number;
  readonly digests: Uint8Array;
  readonly attempt: number;
  readonly idempotency_key: string;
  readonly status: number;
  readonly sequence: number;
  readonly version: number;
  readonly first_sent_at: number | null;
  readonly first_sent_wall?: number | null;
  readonly first_sent_uptime?: number | null;
  readonly key_lifetime_ms?: number | null;
  readonly idempotency_header?: string | null;
  readonly sends: number;
  readonly arrived: number;
  readonly session_id: string | null;
  /** Absent, as the other columns that came later, in a ledger of an older schema that is only read. */
  readonly session_unproven?: number;
  readonly entry_id: string | null;
  readonly confirm_session: string | null;
  readonly cancel_session: string | null;
  readonly reason_code: string | null;
  readonly reason_description: string | null;
  readonly resend_code?: string | null;
  readonly resend_description?: string | null;
  readonly due_at: number | null;
  readonly checks: number;
  readonly audit_number?: number | null;
  readonly audit_chain?: Uint8Array | null;
  readonly alerts?: string | null;
  readonly resolved_by?: string | null;
  readonly awaits_since?: number | null;
  readonly previous_session?: string | null;
  readonly amendments?: string | null;
  readonly lease_owner: string | null;
  readonly lease_until: number | null;
}

export function toRecord(row: RecordRow): LedgerRecord {
  const status = statusOf(row.status);
  if (status === 'conflict' || status === 'duplicate') throw new RangeError(`the ledger holds a record that is ${status}`);
  return {
    recordId: row.record_id,
    kind: kindOf(row.kind),
    batchId: row.batch_id,
    occurrence: {
      stream: row.stream_name,
      position: row.position,
      source:
        row.source === null ? sourceAt(JSON.parse(row.stream_source) as SharedSource, row.position) : (JSON.parse(row.source) as Source),
    },
    // An amount is at most 2^53 - 1, which a number carries exactly.
    amountMinor: BigInt(row.amount),
    currency: row.currency,
    destination: row.destination ?? undefined,
    metadata: row.metadata === null ? undefined : (JSON.parse(row.metadata) as CallerMetadata),
    hasCardNumber: row.sensitive === 1,
    fingerprint: row.fingerprint,
    attempt: row.attempt,
    idempotencyKey: row.idempotency_key,
    status,
    sequence: row.sequence,
    version: row.version,
    firstSentAt: row.first_sent_at,
    sentClocks: typeof row.first_sent_wall === 'number' ? { wallAt: row.first_sent_wall, uptimeMs: row.first_sent_uptime ?? null } : null,
    keyLifetimeMs: row.key_lifetime_ms ?? null,
    idempotencyHeader: row.idempotency_header ?? null,
    sends: row.sends,
    alreadyReceived: row.arrived === 1,
    sessionId: row.session_id,
    isSessionProven: row.session_id !== null && row.session_unproven !== 1,
    entryId: row.entry_id,
    confirmSession: row.confirm_session,
    cancelSession: row.cancel_session,
    reason: row.reason_code === null ? null : { code: row.reason_code, description: row.reason_description ?? '' },
    resend: typeof row.resend_code === 'string' ? { code: row.resend_code, description: row.resend_description ?? '' } : null,
    dueAt: row.due_at,
    checks: row.checks,
    audit: auditHeadOf(row),
    alerts: typeof row.alerts === 'string' ? (JSON.parse(row.alerts) as RecordAlert[]) : [],
    resolvedBy: row.resolved_by ?? null,
    awaitsConfirmationSince: row.awaits_since ?? null,
    previousSession: row.previous_session ?? null,
    amendments: typeof row.amendments === 'string' ? (JSON.parse(row.amendments) as Amendment[]) : [],
    leaseOwner: row.lease_owner,
    leaseUntil: row.lease_until,
  };
}

export interface AuditColumns {
  readonly audit_number?: number | null;
  readonly audit_chain?: Uint8Array | null;
}

export const auditHeadOf = ({ audit_number: number, audit_chain: chain }: AuditColumns): LedgerRecord['audit'] =>
  typeof number === 'number' && chain instanceof Uint8Array ? { number, chain: Buffer.from(chain).toString('hex') } : null;

export interface BatchRow {
  readonly id: number;
  readonly batch_id: string;
  readonly file: string;
  readonly policy: string;
  readonly encoding: string;
  readonly delimiter: string;
  readonly bytes: number;
  readonly block_digests: string;
  readonly state: string;
  readonly phase: string;
  readonly started_at: number;
  readonly finished_at: number | null;
  readonly sent: number;
  readonly first_sent_at: number | null;
  readonly last_sent_at: number | null;
}

export const toBatch = (row: BatchRow): Batch => ({
  batchId: row.batch_id,
  file: row.file,
  policy: row.policy as Policy,
  encoding: row.encoding,
  delimiter: row.delimiter,
  bytes: row.bytes,
  blockDigests: JSON.parse(row.block_digests) as string[],
  state: row.state as BatchState,
  phase: row.phase as BatchPhase,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
  sent: row.sent,
  firstSentAt: row.first_sent_at,
  lastSentAt: row.last_sent_at,
});
