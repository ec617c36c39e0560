/** What can be asked of a ledger in memory. */
import type { Ledger, LedgerOverview } from '../../../batches/ports/ledger.ts';
import type { OutboxEntry } from '../../../batches/ports/result-sink.ts';
import { openStatuses, type OpenStatus } from '../../../batches/record/status.ts';
import { isBalanced, isOpenTally, sumTallies, type TallyRow } from '../../../batches/record/tally.ts';
import { dueTimeOf } from '../due-times.ts';
import type { MemoryStore, StoredBatch, StoredRecord } from './store.ts';

type Parameter<Name extends keyof Ledger> = Parameters<Ledger[Name]>[0];
type Answer<Name extends keyof Ledger> = Awaited<ReturnType<Ledger[Name]>>;

const recordsOf = (store: MemoryStore, batchId: string): readonly StoredRecord[] => [
  ...(store.batches.get(batchId)?.records.values() ?? []),
];

export function batches(store: MemoryStore, newest: number | undefined): Answer<'batches'> {
  const all = [...store.batches.values()].map(({ batch }) => ({ ...batch }));
  return newest === undefined ? all : all.toReversed().slice(0, newest);
}

export function due(store: MemoryStore, { batchId, now, limit }: Parameter<'due'>): Answer<'due'> {
  const timed = recordsOf(store, batchId)
    .flatMap(({ record, order }) => {
      const dueAt = dueTimeOf(record);
      return dueAt === null ? [] : [{ record, order, dueAt }];
    })
    .sort((one, other) => one.dueAt - other.dueAt || one.order - other.order);
  const taken = timed.slice(0, limit).filter(({ dueAt }) => dueAt <= now);
  return { records: taken.map(({ record }) => record), nextAt: timed[taken.length]?.dueAt ?? null };
}

export function list(store: MemoryStore, { batchId, status, limit, after = 0 }: Parameter<'list'>): Answer<'list'> {
  return recordsOf(store, batchId)
    .filter(({ record, order }) => record.status === status && order > after)
    .slice(0, limit)
    .map(({ record, order }) => ({ cursor: order, record }));
}

export function records(store: MemoryStore, { statuses, batchId, limit, after = '0' }: Parameter<'records'>): Answer<'records'> {
  return [...store.records.values()]
    .filter(({ record, order }) => order > Number(after) && statuses.includes(record.status))
    .filter(({ record }) => batchId === undefined || record.batchId === batchId)
    .sort((one, other) => one.order - other.order)
    .slice(0, limit)
    .map(({ record, order, admittedAt, changedAt }) => ({ cursor: String(order), record, admittedAt, changedAt }));
}

export const trail = (store: MemoryStore, recordId: string): Answer<'trail'> => [...(store.records.get(recordId)?.trail ?? [])];

export function alerted(store: MemoryStore, { limit, after = '0' }: Parameter<'alerted'>): Answer<'alerted'> {
  return [...store.records.values()]
    .filter(({ record, order }) => order > Number(after) && record.alerts.some(({ acknowledged }) => !acknowledged))
    .sort((one, other) => one.order - other.order)
    .slice(0, limit)
    .map(({ record, order, admittedAt, changedAt }) => ({ cursor: String(order), record, admittedAt, changedAt }));
}

export function recount(store: MemoryStore, batchId: string | undefined): Answer<'recount'> {
  const rows = [...store.occurrences.values()]
    .map((known) => ('record' in known ? known.record.record : known))
    .filter((one) => batchId === undefined || one.batchId === batchId)
    .map(({ status, currency, amountMinor }): TallyRow => ({ status, currency, count: 1, amountMinor }));
  return sumTallies([...rows, ...rows.map((row) => ({ ...row, status: 'received' as const }))]);
}

export function countUnsettledDuplicates(store: MemoryStore, params: Parameter<'countUnsettledDuplicates'>): number {
  const { batchId, exceptInProgress } = params;
  const isSettled = ({ recordId, order }: StoredBatch['duplicates'][number]): boolean => {
    const standing = store.records.get(recordId);
    // Another record took the id: the one that it was a duplicate of is gone and was not paid.
    if (standing === undefined || (order !== null && order !== standing.order)) return false;
    const { status } = standing.record;
    return status === 'succeeded' || (exceptInProgress && status === 'in_progress');
  };
  return (store.batches.get(batchId)?.duplicates ?? []).filter((duplicate) => !isSettled(duplicate)).length;
}

export function outbox(store: MemoryStore, owner: string, { limit, after = 0 }: Parameter<'outbox'>): readonly OutboxEntry[] {
  return [...store.outbox]
    .filter(([number, event]) => number > after && event.owner === owner)
    .slice(0, limit)
    .map(([number, { eventId, json }]) => ({ number, eventId, json }));
}

export function tallies(store: MemoryStore, batchId: string | undefined): readonly TallyRow[] {
  const asked = batchId === undefined ? [...store.batches.values()] : [store.batches.get(batchId)];
  return sumTallies(asked.flatMap((stored) => [...(stored?.tallies.values() ?? [])]));
}

export function overview(store: MemoryStore): LedgerOverview {
  const since = (status: OpenStatus): number | null =>
    [...store.records.values()]
      .filter(({ record }) => record.status === status)
      .reduce<number | null>((oldest, { changedAt }) => Math.min(oldest ?? changedAt, changedAt), null);
  const perBatch = [...store.batches.keys()].map((batchId) => tallies(store, batchId));
  return {
    open: sumTallies(perBatch.flat().filter(isOpenTally)),
    oldestOpenAt: Object.fromEntries(openStatuses.map((status) => [status, since(status)])) as LedgerOverview['oldestOpenAt'],
    isBalanced: perBatch.every(isBalanced),
    unpublished: store.outbox.size,
    deadLetters: store.deadLetters.size,
  };
}
