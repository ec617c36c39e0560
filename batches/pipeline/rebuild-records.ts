/** Records as a rebuild restores them: never as new, and open sends are resent only when everything about them is known. */
import type { AuditEntry } from '../audit/audit-entry.ts';
import type { PublishedHead } from '../audit/hash-chain.ts';
import type { Occurrence, ValidInstruction } from '../instruction/instruction.ts';
import type { Clock } from '../ports/clock.ts';
import { queuedRecord } from '../record/admission.ts';
import type { Fingerprints } from '../record/fingerprint.ts';
import type { LedgerRecord } from '../record/record.ts';
import { whyNotResend, type TransitionSettings } from '../record/resend-rules.ts';
import type { ResultEvent } from '../record/result-event.ts';
import { isFinal, type RecordStatus } from '../record/status.ts';
import { occurrenceOf } from './rebuild-results.ts';

export interface RestoreDeps {
  readonly settings: TransitionSettings;
  readonly fingerprints: Fingerprints;
  readonly clock: Pick<Clock, 'now'>;
}

const blank = {
  version: 1,
  entryId: null,
  confirmSession: null,
  cancelSession: null,
  resend: null,
  checks: 0,
  leaseOwner: null,
  leaseUntil: null,
  dueAt: null,
  audit: null,
  alerts: [],
  awaitsConfirmationSince: null,
  previousSession: null,
  amendments: [],
} as const;

export interface KnownOfRecord {
  /** The instruction of its message, if its content is the one of the result. */
  readonly draft: ValidInstruction | undefined;
  /** The earliest time that any message or result of it shows. */
  readonly firstSentAt: number;
  /** The time is a broker's. */
  readonly isDated: boolean;
  readonly sequence: number;
}

/** Its audit trail begins again, behind the newest entry that a result shows. */
export function withTrail(
  { settings, clock }: Pick<RestoreDeps, 'settings' | 'clock'>,
  record: LedgerRecord,
  published: PublishedHead | null,
): { readonly record: LedgerRecord; readonly audit: readonly AuditEntry[] } {
  const { head, entries } = settings.audit.restore(published, record.recordId, clock.now());
  return { record: { ...record, audit: head }, audit: entries };
}

/** A record as its newest result shows it; undefined when the result lacks what every result of a record has. */
export function recordFrom({ settings, clock }: RestoreDeps, event: ResultEvent, known: KnownOfRecord): LedgerRecord | undefined {
  const { record_id: recordId, kind, amount_details: amount, fingerprint } = event;
  if (recordId === undefined || kind === undefined || amount === undefined || fingerprint === undefined) return undefined;
  const attempt = event.attempt ?? 1;
  const isSent = event.attempt !== undefined;
  const record: LedgerRecord = {
    ...blank,
    recordId,
    kind,
    batchId: event.batch_id,
    occurrence: occurrenceOf(event),
    amountMinor: BigInt(amount.amount),
    currency: amount.currency,
    destination: event.destination,
    metadata: event.metadata as LedgerRecord['metadata'],
    hasCardNumber: known.draft?.hasCardNumber ?? false,
    fingerprint,
    attempt,
    idempotencyKey: event.idempotency_key ?? settings.keys.idempotencyKey(kind, recordId, attempt),
    status: event.status as RecordStatus,
    sequence: Math.max(known.sequence, event.sequence),
    firstSentAt: isSent ? known.firstSentAt : null,
    sentClocks: isSent ? { wallAt: known.firstSentAt, uptimeMs: null } : null,
    // Without a reliable time of its first send the age of its key is not known.
    keyLifetimeMs: known.isDated ? (event.key_lifetime_ms ?? null) : null,
    idempotencyHeader: event.idempotency_header ?? null,
    sends: isSent ? 1 : 0,
    alreadyReceived: event.session_id !== undefined || event.error?.code === 'idempotency_key_already_exists',
    sessionId: event.session_id ?? null,
    isSessionProven: event.session_id !== undefined && event.error?.code !== 'session_unproven',
    entryId: event.entry_id ?? null,
    resolvedBy: event.resolved_by ?? null,
    reason: event.error === undefined ? null : { code: event.error.code, description: event.error.description },
  };
  if (isFinal[record.status]) return record;
  const now = clock.now();
  const mayResend = known.draft !== undefined && whyNotResend(settings, record, now) === null;
  return record.sessionId !== null || mayResend ? { ...record, dueAt: now } : record;
}

/** The terms of the newest send that any result shows. */
export interface NewestTerms {
  readonly keyLifetimeMs: number | null;
  readonly idempotencyHeader: string | null;
}

/** The newest send that any result shows, and its terms. */
export interface NewestSend {
  at: number;
  terms: NewestTerms | undefined;
}

export const createNewestSend = (): NewestSend => ({ at: Number.NEGATIVE_INFINITY, terms: undefined });

export function noteTerms(newest: NewestSend, event: ResultEvent): void {
  const at = Date.parse(event.occurred_at);
  // What waits to be sent may have a key, and has no terms yet.
  if (event.attempt === undefined || event.status === 'queued' || at < newest.at) return;
  newest.at = at;
  newest.terms = { keyLifetimeMs: event.key_lifetime_ms ?? null, idempotencyHeader: event.idempotency_header ?? null };
}

export interface FoundInstruction {
  readonly occurrence: Occurrence;
  readonly batchId: string;
  readonly draft: ValidInstruction;
}

export interface KnownOfUnpublished extends Pick<KnownOfRecord, 'firstSentAt' | 'isDated' | 'sequence'> {
  /** Undefined when no result shows a send. */
  readonly newestTerms: NewestTerms | undefined;
  /** It would be paid under the limits of now. */
  readonly isWithinLimits: boolean;
  /** Its messages ask for the same: else it is not known which of them was sent. */
  readonly isOneContent: boolean;
}

/**
 * An instruction without any result: it may have been sent. If so, it was lately, under the terms that the newest result
 * shows or those of now: the shorter lifetime counts, from the time at which the instruction reached the broker. Without
 * any result its terms are not known, and it is never resent.
 */
export function perhapsSent(deps: RestoreDeps, found: FoundInstruction, known: KnownOfUnpublished): LedgerRecord {
  const { settings, fingerprints } = deps;
  const { occurrence, batchId, draft } = found;
  const fingerprint = fingerprints.fingerprint(draft);
  return interrupted(deps, known, queuedRecord(settings.keys, { occurrence, batchId, draft, fingerprint }));
}

/**
 * A record whose newest result says that it waits to be sent: it may have been sent since, like one without any result.
 * Undefined when the result lacks what every result of a record has.
 */
export function perhapsSentSince(
  deps: RestoreDeps,
  event: ResultEvent,
  known: KnownOfRecord & KnownOfUnpublished,
): LedgerRecord | undefined {
  const record = recordFrom(deps, event, known);
  if (record === undefined) return undefined;
  const sent = interrupted(deps, known, record);
  // A later attempt is sent only after another look at the session of the earlier one, which results do not name.
  return known.draft === undefined || sent.attempt > 1 ? { ...sent, dueAt: null } : sent;
}

/** The record as one that may have been sent, and has told nothing of it. */
function interrupted({ settings, clock }: RestoreDeps, known: KnownOfUnpublished, base: LedgerRecord): LedgerRecord {
  const { newestTerms, isDated, isWithinLimits, isOneContent } = known;
  const lifetimes = [settings.keyLifetimeMs, newestTerms?.keyLifetimeMs ?? null];
  const shortest = lifetimes.reduce((least, one) => (least === null || one === null ? null : Math.min(least, one)));
  const record: LedgerRecord = {
    ...base,
    dueAt: null,
    status: 'unknown',
    sequence: known.sequence + 1,
    firstSentAt: known.firstSentAt,
    sentClocks: { wallAt: known.firstSentAt, uptimeMs: null },
    keyLifetimeMs: isDated && isOneContent ? shortest : null,
    idempotencyHeader: newestTerms?.idempotencyHeader ?? null,
    sends: 1,
    reason: {
      code: 'send_interrupted',
      description: `The ledger lost its outcome and was rebuilt: it may have been sent.${isWithinLimits ? '' : ' It violates the current limits and needs a manual decision.'}${isOneContent ? '' : ' Its messages differ in content, and nothing shows which of them was sent.'}`,
    },
  };
  const now = clock.now();
  return isWithinLimits && whyNotResend(settings, record, now) === null ? { ...record, dueAt: now } : record;
}
