/** Rows and records of a batch that did not succeed, by code and column. */
import { formatMinor } from '../../batches/fields/money.ts';
import type { RecordStatus } from '../../batches/record/status.ts';
import type { Summary } from '../../batches/record/summary.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { LedgerReader } from '../profiles/profile.ts';

export interface ErrorGroup {
  readonly status: RecordStatus;
  readonly code: string;
  readonly column: string;
  readonly count: number;
  readonly amounts: Readonly<Record<string, string>>;
  readonly example: string;
}

export type ErrorGroups = (ledger: Pick<LedgerReader['ledger'], 'records'>, summary: Summary) => Promise<readonly ErrorGroup[]>;

/** Rejected rows are no records: only their results say what was wrong. */
const looked: readonly RecordStatus[] = ['failed', 'cancelled', 'unknown'];
const pageSize = 500;
/** Records that are looked at. */
const mostLooked = 5_000;
const mostKept = 100;
/** While counts change, groups are counted again no sooner. */
const restMs = 5_000;

interface Kept {
  readonly counts: string;
  readonly at: number;
  readonly groups: readonly ErrorGroup[];
}

/** @property results result events since a time, in milliseconds since the epoch */
interface ErrorGroupsParams {
  readonly clock: Pick<Clock, 'now'>;
  readonly results: (since: number) => AsyncIterable<ResultEvent>;
}

/** Kept until a count changes: a page that is looked at every second reads them once. */
export function createErrorGroups({ clock, results }: ErrorGroupsParams): ErrorGroups {
  const kept = new Map<string, Kept>();
  return async (ledger, { batch_id: batchId, statuses, started_at: startedAt }) => {
    const counts = ['rejected', ...looked].map((status) => statuses[status as RecordStatus].count).join();
    const known = kept.get(batchId);
    if (known !== undefined && (known.counts === counts || clock.now() - known.at < restMs)) return known.groups;
    const sums = createSums();
    if (statuses.rejected.count > 0)
      await addRejected(sums, { batchId, count: statuses.rejected.count, results: results(Date.parse(startedAt) - marginMs) });
    await addRecords(sums, ledger, { batchId, statuses: looked.filter((status) => statuses[status].count > 0) });
    const groups = sums.groups();
    kept.delete(batchId);
    kept.set(batchId, { counts, at: clock.now(), groups });
    const [oldest] = kept.keys();
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    return groups;
  };
}

/** Clocks of machines differ. */
const marginMs = 600_000;

interface Found {
  readonly of: Pick<ErrorGroup, 'status' | 'code' | 'column' | 'example'>;
  readonly currency: string;
  readonly amountMinor: bigint;
}

function createSums() {
  const sums = new Map<string, { count: number; readonly minor: Map<string, bigint>; readonly of: Found['of'] }>();
  return {
    add({ of, currency, amountMinor }: Found): void {
      const name = JSON.stringify([of.status, of.code, of.column]);
      const sum = sums.get(name) ?? { count: 0, minor: new Map<string, bigint>(), of };
      sum.count += 1;
      if (currency !== '') sum.minor.set(currency, (sum.minor.get(currency) ?? 0n) + amountMinor);
      sums.set(name, sum);
    },
    groups: (): readonly ErrorGroup[] =>
      [...sums.values()]
        .sort((one, other) => other.count - one.count)
        .map(({ count, minor, of }) => ({
          ...of,
          count,
          amounts: Object.fromEntries([...minor].map(([currency, sum]) => [currency, formatMinor(sum, currency)])),
        })),
  };
}

type Sums = ReturnType<typeof createSums>;

/** Ends as soon as all are found. */
async function addRejected(
  sums: Sums,
  { batchId, count, results }: { readonly batchId: string; readonly count: number; readonly results: AsyncIterable<ResultEvent> },
): Promise<void> {
  let left = Math.min(count, mostLooked);
  for await (const event of results) {
    if (event.batch_id !== batchId || event.status !== 'rejected') continue;
    const { error, amount_details: details } = event;
    const of = {
      status: 'rejected',
      code: error?.code ?? '(no reason)',
      column: error?.field ?? '',
      example: error?.description ?? '',
    } as const;
    sums.add({ of, currency: details?.currency ?? '', amountMinor: BigInt(details?.amount ?? 0) });
    left -= 1;
    if (left === 0) return;
  }
}

async function addRecords(
  sums: Sums,
  ledger: Pick<LedgerReader['ledger'], 'records'>,
  { batchId, statuses }: { readonly batchId: string; readonly statuses: readonly RecordStatus[] },
): Promise<void> {
  let after: string | undefined;
  for (let seen = 0; statuses.length > 0 && seen < mostLooked;) {
    const page = await ledger.records({ statuses, batchId, limit: pageSize, ...(after === undefined ? {} : { after }) });
    for (const { record } of page) {
      const { status, reason, currency, amountMinor } = record;
      const of = { status, code: reason?.code ?? '(no reason)', column: '', example: reason?.description ?? '' };
      sums.add({ of, currency, amountMinor });
    }
    seen += page.length;
    after = page.at(-1)?.cursor;
    if (page.length < pageSize) return;
  }
}
