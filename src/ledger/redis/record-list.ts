/** Lists records by status, from the sorted sets of open records and of each batch and status, and those with alerts. */
import type { ListedRecord, RecordQuery } from '../../../batches/ports/ledger.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import type { RecordStatus } from '../../../batches/record/status.ts';
import { isFinal } from '../../../batches/record/status.ts';
import { timeOfNumber, type KeyNames } from './key-names.ts';
import type { StoredRecord } from './record-codec.ts';
import { ordinalOf, packedMembers } from './packed-list.ts';
import type { ScriptClient } from './script-client.ts';
import { readStored, type Stored } from './stored-record.ts';

export interface RecordListDeps {
  readonly calls: Pick<ScriptClient, 'read' | 'readBytes'>;
  readonly names: KeyNames;
  readonly readRecord: (shard: number, recordId: string, stored: Stored) => Promise<StoredRecord>;
  /** Ids of all batches, oldest first. */
  readonly batchIds: () => Promise<readonly string[]>;
}

interface Member {
  readonly shard: number;
  readonly recordId: string;
  readonly score: number;
}

/** One sorted set, in each shard; or the packed records of a batch. */
type Source = SortedSet | { readonly packedOf: string };
type SortedSet = (shard: number) => string;

/** Members of a set that are read at once. */
export const pageSize = 500;

/** Records with an alert that no person has acknowledged, in the order of their admission. */
export function createAlertedList(
  deps: Omit<RecordListDeps, 'batchIds'>,
): (query: Pick<RecordQuery, 'limit' | 'after'>) => Promise<readonly ListedRecord[]> {
  const source: SortedSet = (shard) => deps.names.alerted(shard);
  return async ({ limit, after }) => {
    const listed: ListedRecord[] = [];
    const from = after === undefined ? '-inf' : `(${after.slice(after.indexOf(':') + 1)}`;
    await listSource(deps, {
      source,
      index: 0,
      from,
      isAsked: ({ alerts }) => alerts.some(({ acknowledged }) => !acknowledged),
      limit,
      listed,
      budget: { left: Infinity },
    });
    return listed;
  };
}

/** Members that may still be read; once there are none, lists end early. */
export interface ReadBudget {
  left: number;
}

/** @param budget none: every list is read to its end */
export function createRecordList(
  deps: RecordListDeps,
  budget: ReadBudget = { left: Infinity },
): (query: RecordQuery) => Promise<readonly ListedRecord[]> {
  return async ({ statuses, batchId, limit, after }) => {
    const sources = await sourcesOf(deps, statuses, batchId);
    const separator = (after ?? '').indexOf(':');
    const fromSource = separator < 0 ? 0 : Number(after?.slice(0, separator));
    let behind = separator < 0 ? undefined : after?.slice(separator + 1);
    const isAsked = (record: LedgerRecord): boolean =>
      statuses.includes(record.status) && (batchId === undefined || record.batchId === batchId);
    const listed: ListedRecord[] = [];
    for (let index = fromSource; index < sources.length && listed.length < limit && budget.left > 0; index += 1, behind = undefined) {
      const source = sources[index];
      if (source === undefined) break;
      const page = { index, isAsked, limit, listed, budget };
      if (typeof source !== 'function') await listPacked(deps, { ...page, batchId: source.packedOf, behind });
      else await listSource(deps, { ...page, source, from: behind === undefined ? '-inf' : `(${behind}` });
    }
    return listed;
  };
}

/** Open records of all batches are in one set; final ones only in those of their batches, and packed ones in none. */
async function sourcesOf(
  { names, batchIds }: RecordListDeps,
  statuses: readonly RecordStatus[],
  batchId: string | undefined,
): Promise<Source[]> {
  if (batchId === undefined && statuses.every((status) => !isFinal[status])) return [(shard) => names.open(shard)];
  const batches = batchId === undefined ? await batchIds() : [batchId];
  const mayBePacked = statuses.some((status) => isFinal[status]);
  return batches.flatMap((batch): Source[] => [
    ...(mayBePacked ? [{ packedOf: batch }] : []),
    ...statuses.map((status) => (shard: number) => names.index(shard, batch, status)),
  ]);
}

interface Page {
  readonly index: number;
  /** An instance may have moved it since it was found. */
  readonly isAsked: (record: LedgerRecord) => boolean;
  readonly limit: number;
  readonly listed: ListedRecord[];
  readonly budget: ReadBudget;
}

interface PackedPage extends Page {
  readonly batchId: string;
  /** Number of the bucket and record id, with a dot between them. */
  readonly behind: string | undefined;
}

async function listPacked(
  deps: Omit<RecordListDeps, 'batchIds'>,
  { batchId, index, behind, isAsked, limit, listed, budget }: PackedPage,
): Promise<void> {
  const dot = behind?.indexOf('.') ?? -1;
  const from = { ordinal: Number(behind?.slice(0, dot) ?? 0), recordId: behind?.slice(dot + 1) };
  for await (const members of packedMembers(deps, batchId, from.ordinal)) {
    for (const { stored, recordId, ...bucket } of members) {
      const isKnown = from.recordId !== undefined && ordinalOf(bucket) === from.ordinal && recordId <= from.recordId;
      if (isKnown || !isAsked(stored.record)) continue;
      listed.push({ cursor: `${index}:${ordinalOf(bucket)}.${recordId}`, record: stored.record, admittedAt: null, changedAt: null });
      if (listed.length >= limit) return;
    }
    budget.left -= Math.max(members.length, 1);
    if (budget.left <= 0) return;
  }
}

interface SetPage extends Page {
  readonly source: SortedSet;
  readonly from: string;
}

async function listSource(
  deps: Omit<RecordListDeps, 'batchIds'>,
  { source, index, from, isAsked, limit, listed, budget }: SetPage,
): Promise<void> {
  for (let bound = from; ;) {
    const size = Math.min(pageSize, limit);
    const members = await firstMembers(deps, { source, from: bound, size });
    // A set is asked for in each shard, also when it is empty.
    budget.left -= Math.max(members.length, deps.names.shards.length);
    const found = await Promise.all(members.map((member) => readListed(deps, member, index)));
    for (const one of found) {
      if (one === undefined || !isAsked(one.record)) continue;
      listed.push(one);
      if (listed.length >= limit) return;
    }
    const last = members.at(-1);
    if (members.length < size || last === undefined || budget.left <= 0) return;
    bound = `(${last.score}`;
  }
}

/** The first members of the set over all shards, in the order of their scores. */
async function firstMembers(
  { calls, names }: Pick<RecordListDeps, 'calls' | 'names'>,
  { source, from, size }: { readonly source: SortedSet; readonly from: string; readonly size: number },
): Promise<readonly Member[]> {
  const lists = await Promise.all(
    names.shards.map(async (shard) => {
      const found = (await calls.read(
        shard,
        'zrangebyscore',
        source(shard),
        from,
        '+inf',
        'WITHSCORES',
        'LIMIT',
        '0',
        String(size),
      )) as readonly string[];
      return Array.from({ length: found.length / 2 }, (_, at): Member => {
        return { shard, recordId: found[2 * at] ?? '', score: Number(found[2 * at + 1]) };
      });
    }),
  );
  return lists
    .flat()
    .sort((one, other) => one.score - other.score)
    .slice(0, size);
}

/** Undefined for a record that another instance has removed meanwhile. */
export async function readListed(deps: Omit<RecordListDeps, 'batchIds'>, member: Member, index: number): Promise<ListedRecord | undefined> {
  const { calls, names } = deps;
  const { shard, recordId, score } = member;
  const stored = await readStored(deps, shard, recordId);
  if (stored === undefined) return undefined;
  const { record, order } = stored;
  const since = await calls.read(shard, 'zscore', names.index(shard, record.batchId, record.status), recordId);
  return {
    cursor: `${index}:${score}`,
    record,
    admittedAt: order === '' ? null : timeOfNumber(Number(order)),
    changedAt: typeof since === 'string' ? timeOfNumber(Number(since)) : null,
  };
}
