/** Counts again what the totals of the batches hold. */
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import type { RecordStatus } from '../../../batches/record/status.ts';
import { sumTallies, type TallyRow } from '../../../batches/record/tally.ts';
import { statusOf } from '../codes.ts';
import type { BatchReads } from './batch-reads.ts';
import type { LedgerContext } from './context.ts';
import { packedMembers } from './packed-list.ts';

interface RecountDeps extends Pick<LedgerContext, 'calls' | 'names' | 'readRecord'> {
  readonly batches: Pick<BatchReads, 'ids' | 'tallies'>;
}

type Sums = Map<string, TallyRow>;

/** Every record that was ever in one of these is there: an id that was sent under is never free again. */
const ofRecordsAlone: readonly RecordStatus[] = ['queued', 'submitting', 'in_progress', 'unknown', 'succeeded', 'failed'];
/** Occurrences without a record are in these too: rejected rows, and records that left their id free. */
const ofRecordsAndPlaces: readonly RecordStatus[] = ['rejected', 'cancelled'];

/** Heads of records that are read at once. */
const pageSize = 500;
/** Longer than the first line of a record. */
const headBytes = '255';

/**
 * Reads every record by the indexes of its batch, a page at a time, and those that are packed by their buckets. Occurrences that ended without a record keep no amount
 * but in the totals, and those of a topic no batch: `received`, `conflict` and `duplicate` are taken from the totals, and so are
 * `rejected` and `cancelled`, unless there are more records in them than the totals say. What changes meanwhile may be
 * counted twice or not at all.
 */
export const createRecount = (deps: RecountDeps): SharedLedger['recount'] =>
  async function recount(batchId) {
    const rows: TallyRow[] = [];
    for (const batch of batchId === undefined ? await deps.batches.ids() : [batchId]) rows.push(...(await recountBatch(deps, batch)));
    return sumTallies(rows);
  };

async function recountBatch(deps: RecountDeps, batchId: string): Promise<readonly TallyRow[]> {
  const totals = await deps.batches.tallies(batchId);
  const counted = new Map<string, TallyRow>();
  for (const status of [...ofRecordsAlone, ...ofRecordsAndPlaces]) await countRecords(deps, { batchId, status }, counted);
  for await (const members of packedMembers(deps, batchId)) for (const { stored } of members) addOne(counted, stored.record);
  const isAlone = ({ status }: TallyRow): boolean => (ofRecordsAlone as readonly string[]).includes(status);
  const kept = totals.filter((row) => !isAlone(row)).map((row) => larger(row, counted.get(nameOf(row))));
  const names = new Set(kept.map(nameOf));
  return [...kept, ...[...counted.values()].filter((row) => !names.has(nameOf(row)))];
}

const nameOf = ({ status, currency }: Pick<TallyRow, 'status' | 'currency'>): string => `${status}:${currency}`;

const larger = (total: TallyRow, counted: TallyRow | undefined): TallyRow =>
  counted !== undefined && (counted.count > total.count || counted.amountMinor > total.amountMinor) ? counted : total;

async function countRecords(
  deps: RecountDeps,
  which: { readonly batchId: string; readonly status: RecordStatus },
  counted: Sums,
): Promise<void> {
  await Promise.all(deps.names.shards.map((shard) => countIndex(deps, { ...which, shard }, counted)));
}

async function countIndex(
  { calls, names }: RecountDeps,
  { shard, batchId, status }: { readonly shard: number; readonly batchId: string; readonly status: RecordStatus },
  counted: Sums,
): Promise<void> {
  const index = names.index(shard, batchId, status);
  for (let from = '-inf'; ;) {
    const bounds = [from, '+inf', 'WITHSCORES', 'LIMIT', '0', String(pageSize)];
    const page = (await calls.read(shard, 'zrangebyscore', index, ...bounds)) as readonly string[];
    const ids = page.filter((_, at) => at % 2 === 0);
    const heads = await Promise.all(ids.map((id) => calls.read(shard, 'getrange', names.record(shard, id), '0', headBytes)));
    for (const head of heads) add(counted, String(head), status);
    const last = page.at(-1);
    if (ids.length < pageSize || last === undefined) return;
    from = `(${last}`;
  }
}

function add(counted: Sums, head: string, status: RecordStatus): void {
  const [, code, , , amount = '0', currency = ''] = head.split('\n', 1)[0]?.split(' ') ?? [];
  // An index that names a record which is elsewhere counts nothing.
  if (code === undefined || statusOf(Number(code)) !== status) return;
  addOne(counted, { status, currency, amountMinor: BigInt(amount) });
}

function addOne(counted: Sums, { status, currency, amountMinor }: Pick<LedgerRecord, 'status' | 'currency' | 'amountMinor'>): void {
  const name = nameOf({ status, currency });
  const sum = counted.get(name) ?? { status, currency, count: 0, amountMinor: 0n };
  counted.set(name, { ...sum, count: sum.count + 1, amountMinor: sum.amountMinor + amountMinor });
}
