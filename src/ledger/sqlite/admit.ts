/** Writes what `decideAdmission` says of an occurrence, with everything that moves with it. */
import {
  decideAdmission,
  verdictOf,
  verdictOfKnown,
  type AdmissionDecision,
  type AdmissionRules,
} from '../../../batches/record/admission.ts';
import type { FieldDigests } from '../../../batches/record/fingerprint.ts';
import { checkAdmission } from '../../../batches/record/check-change.ts';
import type { Admission, Verdict } from '../../../batches/record/record.ts';
import type { BatchTally, Tallies } from './tallies.ts';
import type { Bodies } from './bodies.ts';
import { statusCode, statusOf } from '../codes.ts';
import type { UnboundSequences } from './unbound-sequences.ts';
import type { Outbox } from './outbox.ts';
import type { OwnOutcome, Occurrences, Stream } from './occurrences.ts';
import type { RecordStore, Stored } from './record-store.ts';
import type { Trails } from './trails.ts';

export interface AdmitDeps {
  readonly rules: AdmissionRules;
  readonly accounts: Tallies;
  readonly places: Occurrences;
  readonly records: RecordStore;
  readonly loose: UnboundSequences;
  readonly bodies: Bodies;
  readonly trails: Trails;
  readonly outbox: Outbox;
}

const nothingKnown = { paths: '', digests: Buffer.alloc(0) };

/** Part of a group. */
export function admit(deps: AdmitDeps, admission: Admission): Verdict {
  checkAdmission(admission);
  const { occurrence, content } = admission;
  const account = deps.accounts.ofBatch(admission.batchId);
  const stream = deps.places.streamOf(occurrence);

  const known = deps.places.find(stream, occurrence.position);
  if (known !== undefined) {
    if ('status' in known) return { type: 'settled', status: statusOf(known.status), fresh: false };
    const stored = deps.records.byId(known.record);
    if (stored === undefined) throw new RangeError('the ledger holds an occurrence whose record is gone');
    return verdictOfKnown(stored.record, admission);
  }

  const recordId = content.type === 'valid' ? content.draft.recordId : content.refusal.recordId;
  const looseSequence = recordId === undefined ? 0 : deps.loose.lastSequence(recordId);

  if (content.type === 'valid') {
    // Nearly every id is new: inserted as such, and read only if it is taken.
    const decision = decideAdmission(deps.rules, admission, { record: undefined, fields: () => nothingKnown, lastSequence: looseSequence });
    const inserted = decision.type === 'admitted' ? insert(deps, admission, account, stream, decision) : undefined;
    if (inserted !== undefined) return verdictOf(inserted.record);
  }

  const existing = recordId === undefined ? undefined : deps.records.byRecordId(recordId);
  const decision = decideAdmission(deps.rules, admission, {
    record: existing?.record,
    // Field digests that were purged cannot be compared: then no field is named.
    fields: () => (existing === undefined ? undefined : deps.records.fields(existing)) ?? askedFields(admission),
    lastSequence: looseSequence,
  });
  if (decision.type === 'settled') return settle(deps, admission, account, stream, decision, existing);

  if (existing !== undefined) releaseRecordId(deps, existing);
  const inserted = insert(deps, admission, account, stream, decision);
  if (inserted === undefined) throw new RangeError(`the record id ${decision.record.recordId} is still taken`);
  if (existing !== undefined) deps.trails.take(existing.id, inserted.id);
  return verdictOf(inserted.record);
}

const askedFields = ({ content }: Admission): FieldDigests => (content.type === 'valid' ? content.fields : nothingKnown);

function insert(
  deps: AdmitDeps,
  { occurrence, content, at }: Admission,
  account: BatchTally,
  stream: Stream,
  { record, audit }: Extract<AdmissionDecision, { type: 'admitted' }>,
): Stored | undefined {
  if (content.type !== 'valid') throw new TypeError('a rejected instruction cannot create a record');
  const source = deps.places.sourceText(stream, occurrence);
  const stored = deps.records.insert(record, { batch: account.id, stream: stream.id, source, fields: content.fields, at });
  if (stored === undefined) return undefined;
  deps.places.insertOfRecord(stream, occurrence.position, account.id, stored.id);
  deps.trails.append(stored.id, audit);
  deps.accounts.addReceived(account, record.currency, record.amountMinor, statusCode[record.status]);
  return stored;
}

/**
 * The id was free: the former record goes, and what became of it stays with its occurrence. Duplicates of it keep
 * pointing to a record that is gone, which shows that theirs was not paid.
 */
function releaseRecordId(deps: AdmitDeps, { id, stream, record }: Stored): void {
  const own: OwnOutcome = { status: statusCode[record.status], currency: record.currency, amountMinor: record.amountMinor };
  deps.places.keepOutcome(stream, record.occurrence.position, own);
  deps.bodies.remove(id);
  deps.records.remove({ id, stream, record });
}

function settle(
  deps: AdmitDeps,
  { occurrence, content }: Admission,
  account: BatchTally,
  stream: Stream,
  decision: Extract<AdmissionDecision, { type: 'settled' }>,
  existing: Stored | undefined,
): Verdict {
  const { status, sequence, event, head, audit } = decision;
  const { recordId, amountMinor, currency } = content.type === 'valid' ? content.draft : content.refusal;
  const readable = amountMinor !== undefined && currency !== undefined;
  const own: OwnOutcome = { status: statusCode[status], currency: readable ? currency : '', amountMinor: readable ? amountMinor : null };

  deps.places.insertSettled(stream, occurrence.position, account.id, existing?.id ?? null, own);
  if (existing !== undefined) {
    deps.records.update(existing, { ...existing.record, sequence, audit: head, version: existing.record.version + 1 });
    deps.trails.append(existing.id, audit);
  }
  if (existing === undefined && recordId !== undefined) deps.loose.raise(recordId, sequence);
  deps.outbox.append(event);
  deps.accounts.addReceived(account, own.currency, own.amountMinor ?? 0n, own.status);
  return { type: 'settled', status, fresh: true };
}
