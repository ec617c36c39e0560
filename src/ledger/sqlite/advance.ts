/** Writes one decided step of a record, with everything that moves with it. */
import type { Clock } from '../../../batches/ports/clock.ts';
import type { AdvanceResult } from '../../../batches/ports/ledger.ts';
import { checkBodyMayBeKept, checkChange, identityChanged, keepsIdentity, neverAdmitted } from '../../../batches/record/check-change.ts';
import type { Change } from '../../../batches/record/change.ts';
import type { Tallies } from './tallies.ts';
import type { Bodies } from './bodies.ts';
import { statusCode } from '../codes.ts';
import type { Outbox } from './outbox.ts';
import type { RecordStore } from './record-store.ts';

export interface AdvanceDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly accounts: Tallies;
  readonly records: RecordStore;
  readonly bodies: Bodies;
  readonly outbox: Outbox;
}

const written: AdvanceResult = { ok: true };

/**
 * Part of a group.
 *
 * @throws TypeError for a step that no rule can have decided; nothing is written then
 */
export function advance(deps: AdvanceDeps, change: Change): AdvanceResult {
  checkChange(change);
  const { expected, after, event, body } = change;
  const stored = deps.records.byRecordId(after.recordId);
  if (stored === undefined) throw neverAdmitted(after.recordId);
  const before = stored.record;
  if (before.version !== expected) return { ok: false, current: before };
  if (!keepsIdentity(before, after)) throw identityChanged(after.recordId);
  const keep = body !== undefined && 'keep' in body ? body.keep : undefined;
  if (keep !== undefined) checkBodyMayBeKept(before);

  const account = deps.accounts.ofBatch(before.batchId);
  deps.records.update(stored, after, deps.clock.now());
  if (keep !== undefined) deps.bodies.keep(stored.id, after, keep);
  else if (body !== undefined && 'eraseAt' in body) deps.bodies.eraseAt(stored.id, body.eraseAt, deps.clock.now());
  if (event !== undefined) deps.outbox.append(event);

  deps.accounts.transfer(account, before.currency, before.amountMinor, statusCode[before.status], statusCode[after.status]);
  if (before.firstSentAt === null && after.firstSentAt !== null) deps.accounts.countSend(account, after.firstSentAt);
  if (before.firstSentAt !== null && after.firstSentAt === null) deps.accounts.countSend(account, null);
  return written;
}
