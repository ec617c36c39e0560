/** What waits for a person, counted at a bounded cost: of more than the limit, the limit is what is counted. */
import type { Ledger, ListedRecord } from '../../batches/ports/ledger.ts';
import type { AlertKind } from '../../batches/record/alert.ts';
import { isParked, type ParkingCode } from '../../batches/record/parking.ts';
import type { SetPause } from '../../batches/record/pause.ts';
import type { CheckResult } from './http/routes.ts';
import type { MetricSources } from './metric-sources.ts';

/** Records that one count looks at. */
export const countLimit = 1_024;
const pageSize = 256;

type CountedLedger = Pick<Ledger, 'overview' | 'pauses' | 'records' | 'alerted'>;

/** The gauges that come from a ledger, in either profile. */
export const ledgerSources = (ledger: CountedLedger): Required<Pick<MetricSources, 'ledger' | 'pauses' | 'parked' | 'unacknowledged'>> => ({
  ledger: () => ledger.overview(),
  pauses: () => ledger.pauses(),
  parked: () => countParked(ledger),
  unacknowledged: () => countUnacknowledged(ledger),
});

/** Of the queued records that the ledger lists first. */
export async function countParked(ledger: Pick<Ledger, 'records'>): Promise<ReadonlyMap<ParkingCode, number>> {
  const counts = new Map<ParkingCode, number>();
  const page = (limit: number, after?: string) =>
    ledger.records({ statuses: ['queued'], limit, ...(after === undefined ? {} : { after }) });
  for await (const { record } of firstOf(page)) if (isParked(record)) raise(counts, record.reason?.code as ParkingCode);
  return counts;
}

/** A record with two kinds counts in both. */
export async function countUnacknowledged(ledger: Pick<Ledger, 'alerted'>): Promise<ReadonlyMap<AlertKind, number>> {
  const counts = new Map<AlertKind, number>();
  const page = (limit: number, after?: string) => ledger.alerted({ limit, ...(after === undefined ? {} : { after }) });
  for await (const { record } of firstOf(page))
    for (const kind of new Set(record.alerts.filter(({ acknowledged }) => !acknowledged).map(({ alert }) => alert))) raise(counts, kind);
  return counts;
}

async function* firstOf(page: (limit: number, after?: string) => Promise<readonly ListedRecord[]>): AsyncGenerator<ListedRecord> {
  let after: string | undefined;
  for (let seen = 0; seen < countLimit;) {
    const limit = Math.min(pageSize, countLimit - seen);
    const found = await page(limit, after);
    yield* found;
    seen += found.length;
    after = found.at(-1)?.cursor;
    if (found.length < limit || after === undefined) return;
  }
}

const raise = <Name>(counts: Map<Name, number>, name: Name): void => void counts.set(name, (counts.get(name) ?? 0) + 1);

/** Batches that an answer names. */
const namedLimit = 20;

/** What is paused is reported, and is no reason to keep work away. */
export async function pausesCheck(ledger: Pick<Ledger, 'pauses'>): Promise<CheckResult> {
  const paused = (await ledger.pauses()).filter(({ code }) => code !== 'cancelled');
  if (paused.length === 0) return { ok: true };
  const named = paused.toSorted((one, other) => Number(one.batchId !== null) - Number(other.batchId !== null)).slice(0, namedLimit);
  const more = paused.length - named.length;
  const names = named.map(({ batchId, code }) => `${nameOf(batchId)} (${code})`).join(', ');
  return {
    ok: true,
    detail: `paused: ${names}${more === 0 ? '' : ` and ${more} more`}`,
    paused: named.map(({ batchId }) => nameOf(batchId)),
  };
}

const nameOf = (batchId: SetPause['batchId']): string => (batchId === null ? 'everything' : batchId.slice(0, 12));
