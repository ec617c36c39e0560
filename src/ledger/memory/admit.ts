/** Writes what `decideAdmission` says about an occurrence, with everything that moves with it. */
import {
  decideAdmission,
  verdictOf,
  verdictOfKnown,
  type AdmissionDecision,
  type AdmissionRules,
} from '../../../batches/record/admission.ts';
import { checkAdmission } from '../../../batches/record/check-change.ts';
import type { FieldDigests } from '../../../batches/record/fingerprint.ts';
import type { Admission, LedgerRecord, Verdict } from '../../../batches/record/record.ts';
import type { LedgerTime } from '../ledger-time.ts';
import { addReceived, appendEvent, batchOf, placeOf, settled, type MemoryStore, type StoredRecord } from './store.ts';

/** What a write needs to know of the instance that makes it. */
export interface Writer {
  readonly store: MemoryStore;
  readonly rules: AdmissionRules;
  readonly owner: string;
  readonly now: () => number;
  /** That of a ledger which one process pays from. */
  readonly time?: LedgerTime;
}

const noFields: FieldDigests = { paths: '', digests: new Uint8Array() };

/** @throws TypeError for an unknown batch, RangeError for an admission out of bounds; nothing is written then */
export function admit(writer: Writer, admission: Admission): Verdict {
  checkAdmission(admission);
  const { store } = writer;
  const { content, occurrence, batchId } = admission;
  batchOf(store, batchId);
  const known = store.occurrences.get(placeOf(occurrence));
  if (known !== undefined)
    return 'status' in known ? { type: 'settled', status: known.status, fresh: false } : verdictOfKnown(known.record.record, admission);

  const recordId = content.type === 'valid' ? content.draft.recordId : content.refusal.recordId;
  const existing = recordId === undefined ? undefined : store.records.get(recordId);
  const decision = decideAdmission(writer.rules, admission, {
    record: existing?.record,
    // After purgeDetails the fields cannot be told apart: then none is named.
    fields: () => existing?.fields ?? (content.type === 'valid' ? content.fields : noFields),
    lastSequence: recordId === undefined ? 0 : (store.unboundSequences.get(recordId) ?? 0),
  });
  if (decision.type === 'settled') return settle(writer, admission, decision, existing);
  if (existing !== undefined) releaseRecordId(store, existing);
  const fields = content.type === 'valid' ? content.fields : noFields;
  const trail = [...(existing?.trail ?? []), ...decision.audit];
  addRecord(writer, { record: decision.record, fields, trail, queueAt: null, endedAt: null });
  return verdictOf(decision.record);
}

/** Part of a write. */
export function addRecord(
  { store, now }: Writer,
  { record, fields, trail, queueAt, endedAt }: Pick<StoredRecord, 'record' | 'fields' | 'trail' | 'queueAt' | 'endedAt'>,
): StoredRecord {
  const batch = batchOf(store, record.batchId);
  store.lastNumber += 1;
  const at = now();
  const stored: StoredRecord = {
    order: store.lastNumber,
    admittedAt: at,
    changedAt: at,
    record,
    fields,
    trail,
    queueAt,
    endedAt,
    body: undefined,
  };
  store.records.set(record.recordId, stored);
  store.unboundSequences.delete(record.recordId);
  store.occurrences.set(placeOf(record.occurrence), { record: stored });
  batch.records.set(stored.order, stored);
  addReceived(batch, record.status, record.currency, record.amountMinor);
  return stored;
}

/** The former record goes; what became of it stays with its occurrence. */
function releaseRecordId(store: MemoryStore, { order, record }: StoredRecord): void {
  store.occurrences.set(placeOf(record.occurrence), settled(record.status, record.batchId, record));
  store.records.delete(record.recordId);
  batchOf(store, record.batchId).records.delete(order);
}

function settle(
  { store, owner, now }: Writer,
  { content, occurrence, batchId }: Admission,
  { status, sequence, event, head, audit }: Extract<AdmissionDecision, { type: 'settled' }>,
  existing: StoredRecord | undefined,
): Verdict {
  const row = content.type === 'valid' ? content.draft : content.refusal;
  const { recordId } = row;
  const batch = batchOf(store, batchId);
  if (existing !== undefined) {
    const { record, order } = existing;
    existing.record = { ...record, sequence, audit: head, version: record.version + 1 } satisfies LedgerRecord;
    existing.trail.push(...audit);
    if (status === 'duplicate') batch.duplicates.push({ recordId: record.recordId, order });
  } else if (recordId !== undefined) store.unboundSequences.set(recordId, sequence);
  const ended = settled(status, batchId, row);
  store.occurrences.set(placeOf(occurrence), ended);
  addReceived(batch, status, ended.currency, ended.amountMinor);
  appendEvent(store, event, owner, now());
  return { type: 'settled', status, fresh: true };
}
