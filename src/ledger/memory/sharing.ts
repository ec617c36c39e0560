/** What instances that share one store do beside each other: claim, take over, restore, purge. */
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import { checkAmount, checkBodyMayBeKept } from '../../../batches/record/check-change.ts';
import { isFinal } from '../../../batches/record/status.ts';
import { queueTimeOf } from '../due-times.ts';
import { addRecord, type Writer } from './admit.ts';
import { addReceived, appendEvent, batchOf, countSend, placeOf, settled, type MemoryStore, type StoredRecord } from './store.ts';

type Parameter<Name extends keyof SharedLedger> = Parameters<SharedLedger[Name]>[0];
type Answer<Name extends keyof SharedLedger> = Awaited<ReturnType<SharedLedger[Name]>>;

const queued = (store: MemoryStore): { readonly stored: StoredRecord; readonly queueAt: number }[] =>
  [...store.records.values()]
    .flatMap((stored) => (stored.queueAt === null ? [] : [{ stored, queueAt: stored.queueAt }]))
    .sort((one, other) => one.queueAt - other.queueAt || one.stored.order - other.stored.order);

export function claimDue({ store, now }: Writer, { limit, leaseMs }: Parameter<'claimDue'>): Answer<'claimDue'> {
  const at = now();
  const taken = queued(store)
    .slice(0, limit)
    .filter(({ queueAt }) => queueAt <= at);
  for (const { stored } of taken) stored.queueAt = at + leaseMs;
  const records = taken.map(({ stored }) => stored.record).sort((one, other) => (queueTimeOf(one) ?? 0) - (queueTimeOf(other) ?? 0));
  return { records, nextAt: queued(store)[0]?.queueAt ?? null };
}

export function takeOverOutbox({ store, owner, now }: Writer, { olderThanMs, limit }: Parameter<'takeOverOutbox'>): number {
  const at = now();
  const left = [...store.outbox.values()].filter((event) => event.owner !== owner && event.at <= at - olderThanMs).slice(0, limit);
  for (const event of left) {
    event.owner = owner;
    event.at = at;
  }
  return left.length;
}

export function restore(writer: Writer, { record, fields, audit = [], body, event }: Parameter<'restore'>): void {
  const { store, owner, now } = writer;
  checkAmount(record.amountMinor);
  if (body !== undefined) checkBodyMayBeKept(record);
  const batch = batchOf(store, record.batchId);
  if (store.records.has(record.recordId) || store.occurrences.has(placeOf(record.occurrence))) return;
  const sequence = Math.max(record.sequence, store.unboundSequences.get(record.recordId) ?? 0);
  const stored = addRecord(writer, {
    record: { ...record, sequence },
    fields,
    trail: [...audit],
    queueAt: queueTimeOf(record),
    endedAt: isFinal[record.status] ? now() : null,
  });
  if (body !== undefined) stored.body = { attempt: record.attempt, bytes: body, eraseAt: null };
  if (record.firstSentAt !== null) countSend(batch, record.firstSentAt);
  if (event !== undefined) appendEvent(store, event, owner, now());
}

export function restoreSettled({ store, owner, now }: Writer, params: Parameter<'restoreSettled'>): void {
  const { occurrence, batchId, recordId, status, amountMinor, sequence, event } = params;
  checkAmount(amountMinor);
  const batch = batchOf(store, batchId);
  if (store.occurrences.has(placeOf(occurrence))) return;
  const ended = settled(status, batchId, params);
  store.occurrences.set(placeOf(occurrence), ended);
  // The record that it is a duplicate of is not known: the one that has the id in the end.
  if (status === 'duplicate' && recordId !== undefined) batch.duplicates.push({ recordId, order: null });
  if (recordId !== undefined) raiseSequence(store, recordId, sequence);
  addReceived(batch, status, ended.currency, ended.amountMinor);
  if (event !== undefined) appendEvent(store, event, owner, now());
}

function raiseSequence(store: MemoryStore, recordId: string, sequence: number): void {
  const existing = store.records.get(recordId);
  if (existing === undefined) store.unboundSequences.set(recordId, Math.max(sequence, store.unboundSequences.get(recordId) ?? 0));
  else if (sequence > existing.record.sequence) existing.record = { ...existing.record, sequence };
}

export function purgeDetails({ store, rules, now }: Writer, { olderThanMs, limit }: Parameter<'purgeDetails'>): number {
  const endedBy = now() - olderThanMs;
  const ended = [...store.records.values()]
    .flatMap((stored) => (stored.endedAt === null || !isFinal[stored.record.status] ? [] : [{ stored, endedAt: stored.endedAt }]))
    .filter(({ endedAt }) => endedAt <= endedBy)
    .sort((one, other) => one.endedAt - other.endedAt)
    .slice(0, limit);
  for (const { stored } of ended) {
    const { record } = stored;
    const kept = record.audit === null ? undefined : rules.audit.retain(record.audit, record.recordId, now());
    stored.trail.splice(0, Infinity, ...(kept?.entries ?? []));
    stored.record = { ...record, destination: undefined, metadata: undefined, reason: null, checks: 0, audit: kept?.head ?? null };
    stored.fields = undefined;
    stored.endedAt = null;
  }
  return ended.length;
}
