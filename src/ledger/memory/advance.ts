/** Writes one decided change of a record, with everything that moves with it. */
import type { AdvanceRefusal, AdvanceResult } from '../../../batches/ports/ledger.ts';
import { checkBodyMayBeKept, checkChange, identityChanged, keepsIdentity, neverAdmitted } from '../../../batches/record/check-change.ts';
import type { BodyChange, Change } from '../../../batches/record/change.ts';
import { pauseOf } from '../../../batches/record/pause.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { isFinal } from '../../../batches/record/status.ts';
import { mayResend } from '../resend-check.ts';
import { newSessions } from '../claimed-sessions.ts';
import { queueTimeOf } from '../due-times.ts';
import type { Writer } from './admit.ts';
import { countForDay, holdOfSend, takeBackFromDay } from './gates.ts';
import { addTally, appendEvent, batchOf, countSend, uncountSend, type StoredRecord } from './store.ts';

/** @throws TypeError for a change that no rule can have decided; nothing is written then */
export function advance(writer: Writer, change: Change): AdvanceResult {
  const { store, owner, now } = writer;
  checkChange(change);
  const { expected, after, event, body, audit = [] } = change;
  const stored = store.records.get(after.recordId);
  if (stored === undefined) throw neverAdmitted(after.recordId);
  const before = stored.record;
  if (before.version !== expected) return { ok: false, why: 'moved', current: before };
  if (!keepsIdentity(before, after)) throw identityChanged(after.recordId);
  if (body !== undefined && 'keep' in body) checkBodyMayBeKept(before);

  const refused = refusal(writer, before, change);
  if (refused !== undefined) return refused;

  for (const sessionId of newSessions(before, after)) store.sessions.set(sessionId, before.recordId);
  const batch = batchOf(store, before.batchId);
  stored.record = after;
  stored.trail.push(...audit);
  stored.queueAt = queueTimeOf(after);
  if (isFinal[after.status]) stored.endedAt = now();
  if (before.status !== after.status) stored.changedAt = now();
  if (body !== undefined) changeBody(stored, body);
  if (before.status !== after.status) {
    addTally(batch, before.status, before.currency, -1, -before.amountMinor);
    addTally(batch, after.status, before.currency, 1, before.amountMinor);
  }
  if (before.firstSentAt === null && after.firstSentAt !== null) countSend(batch, after.firstSentAt);
  if (before.firstSentAt !== null && after.firstSentAt === null) uncountSend(batch);
  if (change.intent !== undefined && before.firstSentAt === null) countForDay(store, before, now());
  if (before.status === 'submitting' && after.firstSentAt === null) takeBackFromDay(store, before);
  if (event !== undefined) appendEvent(store, event, owner, now());
  return { ok: true };
}

/** Why the change may not be written although the record has not moved. */
function refusal({ store, now, time }: Writer, before: LedgerRecord, { after, intent }: Change): AdvanceRefusal | undefined {
  const pause = intent === undefined ? undefined : pauseOf([...store.pauses.values()], before.batchId);
  if (pause !== undefined) return { ok: false, why: 'paused', current: before, pause };
  const hold = intent === undefined ? null : holdOfSend(store, before, now());
  if (hold !== null) return { ok: false, why: 'held', current: before, hold };
  const isResend = intent !== undefined && before.firstSentAt !== null;
  if (intent !== undefined) time?.observe(intent.clocks);
  if (isResend && !(time === undefined ? mayResend(before, intent, now()) : time.mayResend(before, intent)))
    return { ok: false, why: 'too_old', current: before };
  for (const sessionId of newSessions(before, after)) {
    const takenBy = store.sessions.get(sessionId);
    if (takenBy !== undefined && takenBy !== before.recordId)
      return { ok: false, why: 'session_taken', current: before, sessionId, takenBy };
  }
  return undefined;
}

function changeBody(stored: StoredRecord, change: BodyChange): void {
  if ('keep' in change) stored.body = { attempt: stored.record.attempt, bytes: change.keep, eraseAt: null };
  else if (stored.body !== undefined) stored.body.eraseAt = change.eraseAt;
}

/** The bytes kept for this attempt; undefined when none are kept or their time is over. */
export function bodyOf({ body, record }: StoredRecord, now: number): Uint8Array | undefined {
  if (body === undefined || body.attempt !== record.attempt) return undefined;
  return body.eraseAt !== null && body.eraseAt <= now ? undefined : body.bytes;
}
