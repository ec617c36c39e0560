/**
 * The steps of a record, as pure functions: a record as it was read and what is to happen or was learnt, in; the
 * change to write, out. A ledger writes a change only onto the version it was decided on.
 */
import type { SessionEvidence, Evidence } from './evidence.ts';
import { failureClass, type FailureCode } from '../gateway/failure-codes.ts';
import type { KeyDerivation } from './idempotency-key.ts';
import type { Random } from '../ports/random.ts';
import type { BodyChange, Change, LedgerRecord, Reason } from './record.ts';
import { recordEvent } from './result-event.ts';
import { isFinal, isPublished, mayFollow, type RecordStatus } from './status.ts';
import { statusCheckPauseMs, resendPauseMs } from './backoff.ts';

const dayMs = 86_400_000;
/** A body is kept this long after a final answer that a person may yet want to look into. */
const keepAfterRefusalMs = 7 * dayMs;
/** Repeats are evidence gathering; after this many the next one would hardly teach more. */
const maxSends = 12;

/** What the rules need to know of the running application. */
export interface TransitionSettings {
  readonly keys: KeyDerivation;
  readonly random: Random;
  readonly followIntervalMs: number;
  /** How long the gateway surely remembers a key; null: unknown, so an open send is never repeated. */
  readonly keyLifetimeMs: number | null;
  /** From the first byte to the whole answer. */
  readonly timeoutMs: number;
}

/** Until when a repeat's first byte may leave. */
export const resendableUntil = (rules: TransitionSettings, record: LedgerRecord): number =>
  rules.keyLifetimeMs === null || record.firstSentAt === null ? 0 : record.firstSentAt + rules.keyLifetimeMs - rules.timeoutMs;

/** Why an open send cannot be repeated, as a clause for people; null when it can. */
export function whyNotResend(rules: TransitionSettings, record: LedgerRecord, at: number): string | null {
  if (record.sessionId !== null) return 'its session is known';
  if (record.alreadyReceived) return 'the gateway has said that it arrived';
  if (record.hasCardNumber) return 'a body with a card number is never kept';
  if (rules.keyLifetimeMs === null) return 'GATEWAY_KEY_LIFETIME is not set, so nobody knows how long the gateway remembers the key';
  if (record.sends >= maxSends) return `it was sent ${record.sends} times without a trustworthy answer`;
  if (at >= resendableUntil(rules, record)) return 'the gateway may have forgotten the key by now';
  return null;
}

/** The step before any byte leaves: intent, lease, and the bytes themselves so that they can be repeated. */
export function recordIntent(record: LedgerRecord, params: { owner: string; at: number; leaseMs: number; bytes: Uint8Array }): Change {
  const { owner, at, leaseMs, bytes } = params;
  const first = record.status === 'queued';
  if (!first && record.status !== 'unknown') throw new TypeError(`no intent is made for a record that is ${record.status}`);
  const leaseUntil = at + leaseMs;
  const after: LedgerRecord = {
    ...record,
    version: record.version + 1,
    status: first ? 'submitting' : 'unknown',
    firstSentAt: record.firstSentAt ?? at,
    sends: record.sends + 1,
    leaseOwner: owner,
    leaseUntil,
    // A repeat that dies with its process falls due again when its lease is over.
    dueAt: first ? null : leaseUntil,
  };
  return { expected: record.version, after, ...(first && !record.hasCardNumber ? { body: { keep: bytes } } : {}) };
}

/** A first send whose process died: perhaps sent. It falls due at once if it can be repeated. */
export function markInterrupted(rules: TransitionSettings, record: LedgerRecord, at: number): Change {
  const crashed: Reason = {
    code: 'send_interrupted',
    description: 'The process ended between making its intent durable and learning the answer.',
  };
  return keepOpen(rules, record, crashed, at, at);
}

/** What an exchange taught. Null: nothing new, nothing to write. */
export function applyEvidence(rules: TransitionSettings, record: LedgerRecord, finding: Evidence, at: number): Change | null {
  if (isFinal[record.status]) return null;
  switch (finding.type) {
    case 'sighting':
      return applySessionEvidence(rules, record, finding.sighting, at);
    case 'not_sent':
      return record.status === 'submitting' && record.sends === 1 ? returnToQueue(record, finding.reason, at) : null;
    case 'refused':
      return move(rules, record, { status: 'failed', reason: finding.reason, dueAt: null }, at);
    case 'arrived': {
      const description = `The gateway knows this key already, so the payout had arrived, but without the answer its session is unknown to us: look it up at the gateway by the record id in its metadata.`;
      return move(rules, record, { status: 'unknown', alreadyReceived: true, reason: { ...finding.reason, description }, dueAt: null }, at);
    }
    case 'person':
      return move(rules, record, { status: 'unknown', reason: finding.reason, dueAt: null }, at);
    case 'open': {
      const pause = Math.max(resendPauseMs(record.sends, rules.random), finding.retryAfterMs ?? 0);
      return keepOpen(rules, record, finding.reason, at, at + pause);
    }
  }
}

/** A look at the session that failed or taught nothing: look again later. */
export function scheduleNextCheck(rules: TransitionSettings, record: LedgerRecord, at: number, reason?: Reason): Change | null {
  if (isFinal[record.status]) return null;
  const dueAt = at + statusCheckPauseMs(rules.followIntervalMs, record.checks, rules.random);
  return write(record, { dueAt, checks: record.checks + 1, reason: reason ?? record.reason });
}

/** An open send that nothing of ours can move any more. */
export function giveUpResend(rules: TransitionSettings, record: LedgerRecord, why: string, at: number): Change | null {
  const reason = record.reason ?? { code: 'send_interrupted', description: 'No trustworthy answer came.' };
  return move(rules, record, { status: 'unknown', dueAt: null, reason: notResent(reason, why) }, at);
}

/** An open send that was given up for a reason that holds no more, such as a setting: due again. */
export function rescheduleResend(rules: TransitionSettings, record: LedgerRecord, at: number): Change | null {
  const open = record.status === 'unknown' && record.sessionId === null && record.dueAt === null;
  const code = record.reason?.code ?? '';
  const gathersEvidence =
    code === 'send_interrupted' || (Object.hasOwn(failureClass, code) && failureClass[code as FailureCode] === 'open');
  return open && gathersEvidence && whyNotResend(rules, record, at) === null ? write(record, { dueAt: at }) : null;
}

/** A repeat whose process died: due at once rather than when its lease would be over. */
export const releaseInterruptedResend = (record: LedgerRecord, at: number): Change | null =>
  record.status === 'unknown' && record.leaseOwner !== null ? write(record, { leaseOwner: null, leaseUntil: null, dueAt: at }) : null;

/** Names the session that we are about to confirm; null when another one was named before. */
export const recordConfirmIntent = (record: LedgerRecord, sessionId: string): Change | null =>
  record.confirmSession === null ? write(record, { confirmSession: sessionId }) : null;

/** Names the session that we are about to cancel. */
export const recordCancelIntent = (record: LedgerRecord, sessionId: string): Change | null =>
  record.cancelSession === sessionId ? null : write(record, { cancelSession: sessionId });

/** A queued record that falls with its batch. */
export function rejectQueued(rules: TransitionSettings, record: LedgerRecord, reason: Reason, at: number): Change | null {
  return record.status === 'queued' ? move(rules, record, { status: 'rejected', reason, dueAt: null }, at) : null;
}

const notResent = (reason: Reason, why: string): Reason => ({
  code: reason.code,
  description: reason.description.includes('not repeated') ? reason.description : `${reason.description} It is not repeated: ${why}.`,
});

function keepOpen(rules: TransitionSettings, record: LedgerRecord, reason: Reason, at: number, repeatAt: number): Change {
  if (record.sessionId !== null) return scheduleNextCheck(rules, record, at, reason) as Change;
  const why = whyNotResend(rules, record, repeatAt);
  return move(
    rules,
    record,
    { status: 'unknown', reason: why === null ? reason : notResent(reason, why), dueAt: why === null ? repeatAt : null },
    at,
  );
}

const mismatch = (sighting: SessionEvidence): Reason => ({
  code: 'evidence_mismatch',
  description: `Session ${sighting.sessionId} of the gateway shows another amount or currency than was asked for. A person must look at it there.`,
});

function applySessionEvidence(rules: TransitionSettings, record: LedgerRecord, sighting: SessionEvidence, at: number): Change | null {
  const seen = { sessionId: sighting.sessionId, entryId: sighting.entryId ?? record.entryId, arrived: true };
  const later = at + statusCheckPauseMs(rules.followIntervalMs, record.checks, rules.random);
  const again = { ...seen, dueAt: later, checks: record.checks + 1 };
  const different = sighting.amount === 'different';
  const ourCancel = record.cancelSession === sighting.sessionId;

  switch (sighting.state) {
    case 'pending':
    case 'awaiting_confirmation': {
      const dueAt =
        sighting.state === 'awaiting_confirmation' && record.confirmSession === null && record.cancelSession === null ? at : later;
      if (different) return move(rules, record, { ...again, dueAt, status: 'unknown', reason: mismatch(sighting) }, at);
      return move(rules, record, { ...again, dueAt, status: 'in_progress', reason: null }, at);
    }
    case 'succeeded':
    case 'failed':
    case 'cancelled': {
      // Nothing moved under a session that we cancelled ourselves, whatever amount it showed.
      const noMoneyMoved = sighting.state !== 'succeeded' && ourCancel;
      if (sighting.amount === 'equal' || noMoneyMoved) {
        const reason = different ? mismatch(sighting) : sighting.reason;
        return move(
          rules,
          record,
          { ...seen, status: sighting.state, reason: sighting.state === 'succeeded' ? null : reason, dueAt: null },
          at,
        );
      }
      if (different) return move(rules, record, { ...seen, status: 'unknown', reason: mismatch(sighting), dueAt: null }, at);
      const reason = {
        code: 'amount_missing',
        description: `The gateway says ${sighting.state} without showing the amount, so it is not believed yet.`,
      };
      return move(rules, record, { ...again, status: 'in_progress', reason }, at);
    }
  }
}

function returnToQueue(record: LedgerRecord, reason: Reason, at: number): Change {
  return {
    ...write(record, { status: 'queued', firstSentAt: null, sends: 0, leaseOwner: null, leaseUntil: null, reason }),
    body: { eraseAt: at },
  };
}

const write = (record: LedgerRecord, patch: Partial<LedgerRecord>): Change => ({
  expected: record.version,
  after: { ...record, ...patch, version: record.version + 1 },
});

/** Moves forward or stays; a status never moves backwards, but what was learnt beside it is kept. */
function move(
  rules: TransitionSettings,
  record: LedgerRecord,
  patch: Partial<LedgerRecord> & { readonly status: RecordStatus },
  at: number,
): Change {
  const allowed = patch.status === record.status || mayFollow[record.status].includes(patch.status);
  const status = allowed ? patch.status : record.status;
  const tells = status !== record.status && isPublished[status];
  const after: LedgerRecord = {
    ...record,
    ...patch,
    status,
    version: record.version + 1,
    sequence: record.sequence + (tells ? 1 : 0),
    leaseOwner: null,
    leaseUntil: null,
  };
  const body = bodyAfter(status, after, at);
  return {
    expected: record.version,
    after,
    ...(tells ? { event: recordEvent(rules.keys, after, at) } : {}),
    ...(body === undefined ? {} : { body }),
  };
}

function bodyAfter(status: RecordStatus, record: LedgerRecord, at: number): BodyChange | undefined {
  if (record.hasCardNumber || record.sends === 0) return undefined;
  if (status === 'succeeded') return { eraseAt: at };
  return status === 'failed' || status === 'cancelled' ? { eraseAt: at + keepAfterRefusalMs } : undefined;
}
