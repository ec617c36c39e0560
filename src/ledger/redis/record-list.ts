/** Lists records by status, from the sorted sets of open records and of each batch and status, and those with alerts. */
import type { ListedRecord, RecordQuery } from '../../../batches/ports/ledger.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import type { RecordStatus } from '../../../batches/record/status.ts';
import { isFinal } from '../../../batches/record/status.ts';
import { shards, timeOfNumber, type KeyNames } from './key-names.ts';
import type { StoredRecord } from './record-codec.ts';
import type { ScriptClient } from './script-client.ts';

export interface RecordListDeps {
  readonly calls: Pick<ScriptClient, 'read'>;
  readonly names: KeyNames;
  readonly readRecord: (shard: number, recordId: string, text: string) => Promise<StoredRecord>;
  /** Ids of all batches, oldest first. */
  readonly batchIds: () => Promise<readonly string[]>;
}

interface Member {
  readonly shard: number;
  readonly recordId: string;
  readonly score: number;
}

/** One sorted set, in each shard. */
type Source = (shard: number) => string;

/** Members of a set that are read at once. */
export const pageSize = 500;

/** Records with an alert that no person has acknowledged, in the order of their admission. */
export function createAlertedList(
  deps: Omit<RecordListDeps, 'batchIds'>,
): (query: Pick<RecordQuery, 'limit' | 'after'>) => Promise<readonly ListedRecord[]> {
  const source: Source = (shard) => deps.names.alerted(shard);
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
    });
    return listed;
  };
}

export function createRecordList(deps: RecordListDeps): (query: RecordQuery) => Promise<readonly ListedRecord[]> {
  return async ({ statuses, batchId, limit, after }) => {
    const sources = await sourcesOf(deps, statuses, batchId);
    const separator = (after ?? '').indexOf(':');
    const fromSource = separator < 0 ? 0 : Number(after?.slice(0, separator));
    let from = separator < 0 ? '-inf' : `(${after?.slice(separator + 1)}`;
    const isAsked = (record: LedgerRecord): boolean =>
      statuses.includes(record.status) && (batchId === undefined || record.batchId === batchId);
    const listed: ListedRecord[] = [];
    for (let index = fromSource; index < sources.length && listed.length < limit; index += 1, from = '-inf') {
      const source = sources[index];
      if (source === undefined) break;
      await listSource(deps, { source, index, from, isAsked, limit, listed });
    }
    return listed;
  };
}

/** Open records of all batches are in one set; final ones only in those of their batches. */
async function sourcesOf(
  { names, batchIds }: RecordListDeps,
  statuses: readonly RecordStatus[],
  batchId: string | undefined,
): Promise<Source[]> {
  if (batchId === undefined && statuses.every((status) => !isFinal[status])) return [(shard) => names.open(shard)];
  const batches = batchId === undefined ? await batchIds() : [batchId];
  return batches.flatMap((batch) => statuses.map((status) => (shard: number) => names.index(shard, batch, status)));
}

interface Page {
  readonly source: Source;
  readonly index: number;
  readonly from: string;
  /** An instance may have moved it since it was found. */
  readonly isAsked: (record: LedgerRecord) => boolean;
  readonly limit: number;
  readonly listed: ListedRecord[];
}

async function listSource(deps: Omit<RecordListDeps, 'batchIds'>, { source, index, from, isAsked, limit, listed }: Page): Promise<void> {
  for (let bound = from; ;) {
    const size = Math.min(pageSize, limit);
    const members = await firstMembers(deps, { source, from: bound, size });
    const found = await Promise.all(members.map((member) => readListed(deps, member, index)));
    for (const one of found) {
      if (one === undefined || !isAsked(one.record)) continue;
      listed.push(one);
      if (listed.length >= limit) return;
    }
    const last = members.at(-1);
    if (members.length < size || last === undefined) return;
    bound = `(${last.score}`;
  }
}

/** The first members of the set over all shards, in the order of their scores. */
async function firstMembers(
  { calls }: Pick<RecordListDeps, 'calls'>,
  { source, from, size }: { readonly source: Source; readonly from: string; readonly size: number },
): Promise<readonly Member[]> {
  const lists = await Promise.all(
    shards.map(async (shard) => {
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
export async function readListed(
  { calls, names, readRecord }: Omit<RecordListDeps, 'batchIds'>,
  member: Member,
  index: number,
): Promise<ListedRecord | undefined> {
  const { shard, recordId, score } = member;
  const text = await calls.read(shard, 'get', names.record(shard, recordId));
  if (typeof text !== 'string') return undefined;
  const { record, order } = await readRecord(shard, recordId, text);
  const since = await calls.read(shard, 'zscore', names.index(shard, record.batchId, record.status), recordId);
  return {
    cursor: `${index}:${score}`,
    record,
    admittedAt: order === '' ? null : timeOfNumber(Number(order)),
    changedAt: typeof since === 'string' ? timeOfNumber(Number(since)) : null,
  };
}
