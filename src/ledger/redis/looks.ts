/** What readers ask of a shared ledger. */
import type { Ledger, ListedRecord } from '../../../batches/ports/ledger.ts';
import { selectRecords } from '../../../batches/record/record-selection.ts';
import { ageMs, type TimedRecord } from '../../../batches/record/record-view.ts';
import { isFinal } from '../../../batches/record/status.ts';
import type { FoundRecords, LedgerLooks, OldestQuery, SelectionQuery } from '../looks.ts';
import { activeParts, overview } from './overview.ts';
import { createRecordList, pageSize, readListed, type RecordListDeps } from './record-list.ts';
import type { ScriptClient } from './script-client.ts';
import { sessionHolder } from './sessions.ts';

interface LooksDeps extends RecordListDeps, Pick<Ledger, 'tallies'> {
  readonly calls: ScriptClient;
}

export function createLooks(deps: LooksDeps): Omit<LedgerLooks, 'keyCheck'> {
  const { calls, names } = deps;
  return {
    find: (recordId) => readListed(deps, { shard: names.shardOf(recordId), recordId, score: 0 }, 0),
    oldestOpen: async ({ from = 0, limit, ...query }) => (await oldestOpen(deps, { ...query, limit: from + limit })).slice(from),
    selected: (query) => selected(deps, query),
    sessionHolder: (sessionId) => sessionHolder(deps, sessionId),
    // Redis erases what has a time by itself.
    keepsBodyTooLong: async (recordId) => {
      const shard = names.shardOf(recordId);
      return (await calls.read(shard, 'pttl', names.body(shard, recordId))) === -1;
    },
  };
}

/** As many are all read, by the indexes of their statuses. */
const fewRecords = 2_000;

/**
 * A few are found by the indexes of their statuses. Of many, open records are read in the order of their admission, until
 * none behind can be older than those found: nothing is sent before it is admitted.
 */
async function oldestOpen(deps: LooksDeps, { statuses, batchId, limit }: OldestQuery): Promise<readonly TimedRecord[]> {
  const records = createRecordList(deps);
  const oldest = createOldest(limit);
  if ((await countOf(deps, { statuses, batchId })) <= fewRecords) {
    for (const one of batchId === undefined ? await activeBatches(deps) : [batchId])
      for await (const page of pagesOf((after) => records({ statuses, batchId: one, limit: pageSize, ...after }))) oldest.add(page);
    return oldest.found();
  }
  for await (const page of pagesOf((after) => records({ statuses, limit: pageSize, ...after }))) {
    oldest.add(batchId === undefined ? page : page.filter(({ record }) => record.batchId === batchId));
    if (oldest.isComplete(page.at(-1)?.admittedAt ?? null)) break;
  }
  return oldest.found();
}

/**
 * There is no index of amounts, reasons or ids, so that records are read: those of each batch by the indexes of their statuses, as many
 * as may be read.
 */
async function selected(deps: LooksDeps, { statuses, batchId, from, limit, mostRead, ...options }: SelectionQuery): Promise<FoundRecords> {
  const budget = { left: mostRead ?? Infinity };
  const records = createRecordList(deps, budget);
  const selection = selectRecords({ ...options, limit: from + limit });
  const isOpen = statuses.every((status) => !isFinal[status]);
  const batches = batchId !== undefined ? [batchId] : isOpen ? await activeBatches(deps) : await deps.batchIds();
  for (const one of batches) {
    for await (const page of pagesOf((after) => records({ statuses, batchId: one, limit: pageSize, ...after })))
      for (const record of page) selection.add(record);
    if (budget.left <= 0) break;
  }
  const result = selection.result();
  return { ...result, records: result.records.slice(from), isCut: budget.left <= 0 };
}

async function countOf(deps: LooksDeps, { statuses, batchId }: Pick<OldestQuery, 'statuses'> & { readonly batchId: string | undefined }) {
  const rows = batchId === undefined ? (await overview(deps)).open : await deps.tallies(batchId);
  const isAsked = (status: string): boolean => (statuses as readonly string[]).includes(status);
  return rows.filter(({ status }) => isAsked(status)).reduce((sum, { count }) => sum + count, 0);
}

const activeBatches = async (deps: LooksDeps): Promise<readonly string[]> => [
  ...new Set((await activeParts(deps)).map(({ batchId }) => batchId)),
];

type Page = readonly ListedRecord[];

async function* pagesOf(read: (after: { readonly after?: string }) => Promise<Page>): AsyncGenerator<Page> {
  for (let after: string | undefined; ;) {
    const page = await read(after === undefined ? {} : { after });
    yield page;
    if (page.length < pageSize) return;
    after = page.at(-1)?.cursor;
  }
}

/** Ages are compared at the end of time, so that none is cut at 0. */
const ageOf = (timed: TimedRecord): number => ageMs(timed, Number.MAX_SAFE_INTEGER);

function createOldest(limit: number) {
  let kept: TimedRecord[] = [];
  const compare = (one: TimedRecord, other: TimedRecord): number =>
    ageOf(other) - ageOf(one) || (one.record.recordId < other.record.recordId ? -1 : 1);
  return {
    add(page: readonly TimedRecord[]): void {
      kept = [...kept, ...page].sort(compare).slice(0, limit);
    },
    /** Whether everything that was admitted later than then is younger. */
    isComplete(admittedAt: number | null): boolean {
      const last = kept.at(-1);
      return kept.length >= limit && last !== undefined && admittedAt !== null && ageOf(last) > Number.MAX_SAFE_INTEGER - admittedAt;
    },
    found: (): readonly TimedRecord[] => kept,
  };
}
