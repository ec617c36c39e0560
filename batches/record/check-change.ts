/**
 * What every store checks of an admission and of a change before it writes them. A failed check is a mistake of the
 * caller, not an outcome: nothing is written, and the process has to stop rather than go on with wrong books.
 */
import { maxAmountMinor } from '../fields/money.ts';
import type { Admission, LedgerRecord } from './record.ts';
import type { Change } from './change.ts';

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** @throws RangeError when the amount is negative or above 2^53 - 1 minor units */
export function checkAmount(amountMinor: bigint | undefined): void {
  if (amountMinor === undefined) return;
  if (amountMinor < 0n || amountMinor > maxAmountMinor) throw new RangeError(`an amount of ${amountMinor} minor units is out of bounds`);
}

/** @throws RangeError for an amount or a position out of bounds */
export function checkAdmission({ content, occurrence }: Admission): void {
  checkAmount(content.type === 'valid' ? content.draft.amountMinor : content.refusal.amountMinor);
  if (!isCount(occurrence.position)) throw new RangeError(`a position of ${occurrence.position} in ${occurrence.stream} is out of bounds`);
}

/** @throws RangeError when the record to be inserted has a history: stores leave these fields at their defaults */
export function checkNewRecord(record: LedgerRecord): void {
  const isBlank =
    record.firstSentAt === null &&
    record.keyLifetimeMs === null &&
    record.sentClocks === null &&
    record.idempotencyHeader === null &&
    record.sends === 0 &&
    !record.alreadyReceived &&
    record.sessionId === null &&
    !record.isSessionProven &&
    record.entryId === null &&
    record.confirmSession === null &&
    record.cancelSession === null &&
    record.reason === null &&
    record.resend === null &&
    record.dueAt === null &&
    record.checks === 0 &&
    record.alerts.length === 0 &&
    record.resolvedBy === null &&
    record.awaitsConfirmationSince === null &&
    record.previousSession === null &&
    record.amendments.length === 0 &&
    record.leaseOwner === null &&
    record.leaseUntil === null;
  if (!isBlank) throw new RangeError(`a new record must have no history: ${record.recordId}`);
}

/**
 * What can be checked of a change without the record as it is stored.
 *
 * @throws TypeError when its version, sequence, lease, event or body is one that no rule can have decided
 */
export function checkChange({ expected, after, event, body, audit = [] }: Change): void {
  const { recordId } = after;
  if (after.version !== expected + 1) throw new TypeError(`a change of ${recordId} must raise its version by one`);
  if (!isCount(after.sequence)) throw new TypeError(`a change of ${recordId} has the sequence ${after.sequence}`);
  if (after.status === 'submitting' && (after.leaseOwner === null || after.leaseUntil === null))
    throw new TypeError(`a change of ${recordId} to submitting must carry a lease`);
  if (event !== undefined && (event.record_id !== recordId || event.sequence !== after.sequence))
    throw new TypeError(`a change of ${recordId} carries the event of another step`);
  const newest = audit.at(-1);
  if (newest !== undefined && newest.number !== after.audit?.number)
    throw new TypeError(`a change of ${recordId} carries the audit entries of another step`);
  if (body !== undefined && 'keep' in body) checkBodyMayBeKept(after);
}

/** @throws TypeError for a record whose body holds a card number */
export function checkBodyMayBeKept({ recordId, hasCardNumber }: Pick<LedgerRecord, 'recordId' | 'hasCardNumber'>): void {
  if (hasCardNumber) throw new TypeError(`the body of ${recordId} holds a card number and must never be kept`);
}

/** Whether a change keeps what the books of its batch rely on: amount, currency, batch, and a sequence that never falls. */
export const keepsIdentity = (before: LedgerRecord, after: LedgerRecord): boolean =>
  after.amountMinor === before.amountMinor &&
  after.currency === before.currency &&
  after.batchId === before.batchId &&
  after.sequence >= before.sequence;

export const identityChanged = (recordId: string): TypeError =>
  new TypeError(`a change of ${recordId} must not change its amount, currency or batch, nor lower its sequence`);

export const neverAdmitted = (recordId: string): TypeError => new TypeError(`the record ${recordId} was never admitted`);

export const batchNeverOpened = (batchId: string): TypeError => new TypeError(`the batch ${batchId} was never opened`);
