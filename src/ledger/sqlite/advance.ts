/** Writes one decided step of a record, with everything that moves with it. */
import type { Clock } from '../../../batches/ports/clock.ts';
import type { AdvanceRefusal, AdvanceResult } from '../../../batches/ports/ledger.ts';
import { checkBodyMayBeKept, checkChange, identityChanged, keepsIdentity, neverAdmitted } from '../../../batches/record/check-change.ts';
import type { Change } from '../../../batches/record/change.ts';
import type { Tallies } from './tallies.ts';
import type { Bodies } from './bodies.ts';
import { statusCode } from '../codes.ts';
import type { Outbox } from './outbox.ts';
import { newSessions } from '../claimed-sessions.ts';
import type { LedgerTime } from '../ledger-time.ts';
import type { GateStore } from './gates.ts';
import type { RecordStore, Stored } from './record-store.ts';
import type { Pauses } from './pauses.ts';
import type { Sessions } from './sessions.ts';
import type { Trails } from './trails.ts';

export interface AdvanceDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly accounts: Tallies;
  readonly records: RecordStore;
  readonly bodies: Bodies;
  readonly outbox: Outbox;
  readonly sessions: Sessions;
  readonly time: LedgerTime;
  readonly trails: Trails;
  readonly pauses: Pick<Pauses, 'of'>;
  readonly gates: Pick<GateStore, 'holdOf' | 'sent' | 'takeBack'>;
}

const written: AdvanceResult = { ok: true };

/**
 * Part of a group.
 *
 * @throws TypeError for a step that no rule can have decided; nothing is written then
 */
export function advance(deps: AdvanceDeps, change: Change): AdvanceResult {
  checkChange(change);
  const { expected, after, event, body, audit = [] } = change;
  const stored = deps.records.byRecordId(after.recordId);
  if (stored === undefined) throw neverAdmitted(after.recordId);
  const before = stored.record;
  if (before.version !== expected) return { ok: false, why: 'moved', current: before };
  if (!keepsIdentity(before, after)) throw identityChanged(after.recordId);
  const keep = body !== undefined && 'keep' in body ? body.keep : undefined;
  if (keep !== undefined) checkBodyMayBeKept(before);

  const sessions = newSessions(before, after);
  const refused = refusal(deps, stored, change, sessions);
  if (refused !== undefined) return refused;

  const account = deps.accounts.ofBatch(before.batchId);
  for (const sessionId of sessions) deps.sessions.claim(sessionId, stored.id);
  deps.records.update(stored, after, deps.clock.now());
  deps.trails.append(stored.id, audit);
  if (keep !== undefined) deps.bodies.keep(stored.id, after, keep);
  else if (body !== undefined && 'eraseAt' in body) deps.bodies.eraseAt(stored.id, body.eraseAt, deps.time.now());
  if (event !== undefined) deps.outbox.append(event);

  deps.accounts.transfer(account, before.currency, before.amountMinor, statusCode[before.status], statusCode[after.status]);
  if (before.firstSentAt === null && after.firstSentAt !== null) deps.accounts.countSend(account, after.firstSentAt);
  if (before.firstSentAt !== null && after.firstSentAt === null) deps.accounts.countSend(account, null);
  if (change.intent !== undefined && before.firstSentAt === null) deps.gates.sent(before, deps.time.now());
  if (before.status === 'submitting' && after.firstSentAt === null) deps.gates.takeBack(before);
  return written;
}

/** Why the change may not be written although the record has not moved. */
function refusal(
  { sessions, time, pauses, gates }: AdvanceDeps,
  { id, record: before }: Stored,
  { intent }: Change,
  claimed: readonly string[],
): AdvanceRefusal | undefined {
  if (intent !== undefined) {
    const pause = pauses.of(before.batchId);
    if (pause !== undefined) return { ok: false, why: 'paused', current: before, pause };
    time.observe(intent.clocks);
    const hold = gates.holdOf(before, time.now());
    if (hold !== null) return { ok: false, why: 'held', current: before, hold };
    const isResend = before.firstSentAt !== null;
    if (isResend && !time.mayResend(before, intent)) return { ok: false, why: 'too_old', current: before };
  }
  for (const sessionId of claimed) {
    const takenBy = sessions.holder(sessionId, id);
    if (takenBy !== undefined) return { ok: false, why: 'session_taken', current: before, sessionId, takenBy };
  }
  return undefined;
}
