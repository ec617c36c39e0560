/** A record as `records` shows it: what is so now, since when, and what moves it next. Format: docs/results.md. */
import type { CallerMetadata, Kind, Source } from '../instruction/instruction.ts';
import { hexOfSession, isPacked, isPackedSession } from './packed.ts';
import { isParked, waitsForResume } from './parking.ts';
import { pauseOf, type SetPause } from './pause.ts';
import { whyNotRetry } from './person-steps.ts';
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

/**
 * Who or what moves the record next, at what time at the earliest, and until when. `webhook`: the gateway, when the payer has
 * acted; `resume`: who ends the pause; `person`: only a manual decision.
 */
export interface NextStep {
  readonly action: 'send' | 'resend' | 'status_check' | 'confirm' | 'webhook' | 'approval' | 'resume' | 'person';
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
  /** Instead of its id, once the record is packed: the first 8 bytes of the SHA-1 of the id, in hex. */
  readonly session_hash?: string;
  readonly entry_id?: string;
  /** Only what is kept permanently is known of the record: its details were dropped at the end of LEDGER_RETENTION. */
  readonly details_dropped?: true;
  /** Those that no person has acknowledged. */
  readonly alerts?: readonly { readonly alert: string; readonly at: string }[];
  readonly admitted_at?: string;
  readonly first_sent_at?: string;
  readonly changed_at?: string;
  readonly age_seconds: number;
  readonly next?: NextStep;
  /** For a shell; words in capitals are to be replaced. */
  readonly commands: readonly string[];
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** Since it was first sent, and before that since it was admitted; 0 where neither is known. */
export function ageMs({ record, admittedAt, changedAt }: TimedRecord, now: number): number {
  const since = record.firstSentAt ?? admittedAt ?? changedAt;
  return since === null ? 0 : Math.max(0, now - since);
}

/** @param pauses what is paused now */
export function recordView(timed: TimedRecord, now: number, pauses: readonly SetPause[] = []): RecordView {
  const { record, admittedAt, changedAt } = timed;
  const pause = record.status === 'queued' ? pauseOf(pauses, record.batchId) : undefined;
  const next = nextStep(record, pause);
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
    ...sessionOf(record),
    ...(record.entryId === null ? {} : { entry_id: record.entryId }),
    ...(isPacked(record) ? { details_dropped: true } : {}),
    ...alertsOf(record),
    ...(admittedAt === null ? {} : { admitted_at: iso(admittedAt) }),
    ...(record.firstSentAt === null ? {} : { first_sent_at: iso(record.firstSentAt) }),
    ...(changedAt === null ? {} : { changed_at: iso(changedAt) }),
    age_seconds: Math.floor(ageMs(timed, now) / 1000),
    ...(next === undefined ? {} : { next }),
    commands: commandsOf(record, { next, pause, now }),
  };
}

function sessionOf({ sessionId, fingerprint }: LedgerRecord): Pick<RecordView, 'session_id' | 'session_hash'> {
  if (sessionId === null) return {};
  const isHash = isPacked({ fingerprint }) && isPackedSession(sessionId);
  return isHash ? { session_hash: hexOfSession(sessionId) } : { session_id: sessionId };
}

function alertsOf({ alerts }: LedgerRecord): Pick<RecordView, 'alerts'> {
  const open = alerts.filter(({ acknowledged }) => !acknowledged);
  return open.length === 0 ? {} : { alerts: open.map(({ alert, at }) => ({ alert, at: iso(at) })) };
}

/** After so long without a confirmation the gateway ends the session. */
const confirmableMs = 240 * 60_000;

/** Undefined for a final record, which nothing moves. */
function nextStep(record: LedgerRecord, pause: SetPause | undefined): NextStep | undefined {
  const { status, dueAt, leaseUntil } = record;
  if (isFinal[status]) return undefined;
  const at = dueAt === null ? {} : { at: iso(dueAt) };
  if (status === 'queued') return toSend(record, pause, at);
  // Another process takes it over when the lease of its sender is over; what it may do then depends on the key.
  if (status === 'submitting') return { ...afterSend(record), ...(leaseUntil === null ? {} : { at: iso(leaseUntil) }) };
  return record.sessionId === null ? (dueAt === null ? { action: 'person' } : { ...afterSend(record), ...at }) : toFollow(record, at);
}

type At = Pick<NextStep, 'at'>;

function toSend(record: LedgerRecord, pause: SetPause | undefined, at: At): NextStep {
  if (pause !== undefined && pause.code !== 'cancelled') return { action: 'resume' };
  if (!isParked(record)) return { action: 'send', ...at };
  if (waitsForResume(record)) return { action: 'resume' };
  switch (record.reason?.code) {
    case 'awaiting_approval':
      return { action: 'approval' };
    case 'body_missing':
    case 'earlier_attempt':
      return { action: 'person' };
    default:
      return { action: 'send', ...at };
  }
}

/** Its session is known. */
function toFollow({ reason, dueAt, awaitsConfirmationSince, confirmSession, cancelSession }: LedgerRecord, at: At): NextStep {
  const isUndecided = confirmSession === null && cancelSession === null;
  if (awaitsConfirmationSince !== null && isUndecided) {
    const until = iso(awaitsConfirmationSince + confirmableMs);
    if (waitsForPerson(reason)) return { action: 'person', until };
    if (reason === null && dueAt !== null) return { action: 'confirm', ...at, until };
  }
  if (reason?.code === 'action_required') return { action: 'webhook', ...at };
  return dueAt === null || waitsForPerson(reason) ? { action: 'person' } : { action: 'status_check', ...at };
}

/** Its confirmation or capture is left to a person. */
const waitsForPerson = (reason: Reason | null): boolean => reason?.code === 'waits_for_person';

/** An open send without a session is sent again while the gateway remembers its key, as was configured at its first send. */
function afterSend({ firstSentAt, keyLifetimeMs }: LedgerRecord): NextStep {
  if (firstSentAt === null || keyLifetimeMs === null) return { action: 'person' };
  return { action: 'resend', until: iso(firstSentAt + keyLifetimeMs) };
}

interface Situation {
  readonly next: NextStep | undefined;
  readonly pause: SetPause | undefined;
  readonly now: number;
}

/** What the state allows; what a process does by itself is left to it. */
function commandsOf(record: LedgerRecord, { next, pause, now }: Situation): string[] {
  const { status, batchId, reason, leaseUntil, awaitsConfirmationSince } = record;
  const about = (verb: string, options = ''): string => commandAbout(verb, record.recordId, options);
  const explain = about('explain');
  if (whyNotRetry(record) === null) return [about('retry', '--reason TEXT'), explain];
  if (isFinal[status]) return [explain];
  if (status === 'queued') {
    const paused = batchId.startsWith('-') ? `-- ${shellWord(batchId)}` : shellWord(batchId);
    const resume = next?.action === 'resume' ? [`disburse resume ${pause?.batchId === null ? '--all' : paused}`] : [];
    return [...resume, `disburse cancel --record=${shellWord(record.recordId)} --reason TEXT`, explain];
  }
  // Of what waits for a person, only a confirmation has a deadline.
  const capture = waitsForPerson(reason) && awaitsConfirmationSince === null ? [about('capture')] : [];
  // A person resolves what nothing surely ends, and never while an answer may still come.
  const mayResolve = (status === 'unknown' || next?.action === 'person') && (leaseUntil ?? 0) <= now;
  const resolve = mayResolve ? [about('resolve', '--as STATUS --evidence TEXT --reason TEXT')] : [];
  return [...capture, ...resolve, explain];
}

/** An id that begins like an option follows the end of the options. */
function commandAbout(verb: string, recordId: string, options: string): string {
  const id = shellWord(recordId);
  const words = id.startsWith('-') ? [options, '--', id] : [id, options];
  return ['disburse', verb, ...words].filter((word) => word !== '').join(' ');
}

/** As a shell takes it literally. */
const shellWord = (text: string): string => (/^[\w.,:/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
