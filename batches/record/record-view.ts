/** A record as `records` shows it: what is so now, since when, and what moves it next. Format: docs/results.md. */
import type { CallerMetadata, Kind, Source } from '../instruction/instruction.ts';
import type { LedgerRecord, Reason } from './record.ts';
import { isFinal, type RecordStatus } from './status.ts';

/**
 * @property admittedAt milliseconds since the epoch; null where the ledger is older than this note
 * @property changedAt when it came to its present status; null as above
 */
export interface TimedRecord {
  readonly record: LedgerRecord;
  readonly admittedAt: number | null;
  readonly changedAt: number | null;
}

/** Who or what moves the record next, at what time at the earliest, and until when. */
export interface NextStep {
  readonly action: 'send' | 'resend' | 'status_check' | 'person';
  readonly at?: string;
  readonly until?: string;
}

export interface RecordView {
  readonly record_id: string;
  readonly kind: Kind;
  readonly status: RecordStatus;
  readonly final: boolean;
  readonly reason?: Reason;
  readonly resend?: Reason;
  readonly batch_id: string;
  readonly source: Source;
  readonly amount_details: { readonly amount: number; readonly currency: string };
  readonly destination?: string;
  readonly metadata?: CallerMetadata;
  readonly idempotency_key: string;
  readonly attempt: number;
  readonly sends: number;
  readonly session_id?: string;
  readonly entry_id?: string;
  /** Those that no person has acknowledged. */
  readonly alerts?: readonly { readonly alert: string; readonly at: string }[];
  readonly admitted_at?: string;
  readonly first_sent_at?: string;
  readonly changed_at?: string;
  readonly age_seconds: number;
  readonly next?: NextStep;
  readonly commands: readonly string[];
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** Since it was first sent, and before that since it was admitted; 0 where neither is known. */
export function ageMs({ record, admittedAt, changedAt }: TimedRecord, now: number): number {
  const since = record.firstSentAt ?? admittedAt ?? changedAt;
  return since === null ? 0 : Math.max(0, now - since);
}

export function recordView(timed: TimedRecord, now: number): RecordView {
  const { record, admittedAt, changedAt } = timed;
  const next = nextStep(record);
  return {
    record_id: record.recordId,
    kind: record.kind,
    status: record.status,
    final: isFinal[record.status],
    ...(record.reason === null ? {} : { reason: record.reason }),
    ...(record.resend === null ? {} : { resend: record.resend }),
    batch_id: record.batchId,
    source: record.occurrence.source,
    // An amount is at most 2^53 - 1, which a number holds exactly.
    amount_details: { amount: Number(record.amountMinor), currency: record.currency },
    ...(record.destination === undefined ? {} : { destination: record.destination }),
    ...(record.metadata === undefined ? {} : { metadata: record.metadata }),
    idempotency_key: record.idempotencyKey,
    attempt: record.attempt,
    sends: record.sends,
    ...(record.sessionId === null ? {} : { session_id: record.sessionId }),
    ...(record.entryId === null ? {} : { entry_id: record.entryId }),
    ...alertsOf(record),
    ...(admittedAt === null ? {} : { admitted_at: iso(admittedAt) }),
    ...(record.firstSentAt === null ? {} : { first_sent_at: iso(record.firstSentAt) }),
    ...(changedAt === null ? {} : { changed_at: iso(changedAt) }),
    age_seconds: Math.floor(ageMs(timed, now) / 1000),
    ...(next === undefined ? {} : { next }),
    commands: [`disburse tail --record ${shellWord(record.recordId)}`],
  };
}

function alertsOf({ alerts }: LedgerRecord): Pick<RecordView, 'alerts'> {
  const open = alerts.filter(({ acknowledged }) => !acknowledged);
  return open.length === 0 ? {} : { alerts: open.map(({ alert, at }) => ({ alert, at: iso(at) })) };
}

/** Undefined for a final record, which nothing moves. */
function nextStep(record: LedgerRecord): NextStep | undefined {
  const { status, dueAt, sessionId, leaseUntil } = record;
  if (isFinal[status]) return undefined;
  const at = dueAt === null ? {} : { at: iso(dueAt) };
  if (status === 'queued') return { action: 'send', ...at };
  // Another process takes it over when the lease of its sender is over; what it may do then depends on the key.
  if (status === 'submitting') return { ...afterSend(record), ...(leaseUntil === null ? {} : { at: iso(leaseUntil) }) };
  if (dueAt === null) return { action: 'person' };
  return sessionId === null ? { ...afterSend(record), ...at } : { action: 'status_check', ...at };
}

/** An open send without a session is sent again while the gateway remembers its key, as was configured at its first send. */
function afterSend({ firstSentAt, keyLifetimeMs }: LedgerRecord): NextStep {
  if (firstSentAt === null || keyLifetimeMs === null) return { action: 'person' };
  return { action: 'resend', until: iso(firstSentAt + keyLifetimeMs) };
}

/** As a shell takes it literally. */
const shellWord = (text: string): string => (/^[\w.,:/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
