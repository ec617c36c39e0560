/** Summaries of batches, as a ledger knows them now. */
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Batch } from '../../batches/record/batch.ts';
import { ageMs } from '../../batches/record/record-view.ts';
import { holdOf, isFileBatch, noTerms } from '../../batches/record/gates.ts';
import { waitsForTime } from '../../batches/record/parking.ts';
import { openStatuses } from '../../batches/record/status.ts';
import { summarise, type Summary } from '../../batches/record/summary.ts';
import type { TallyRow } from '../../batches/record/tally.ts';

type Asked = Pick<Ledger, 'tallies' | 'pauses' | 'gates' | 'terms' | 'records' | 'alerted'>;

/** In the order of the batches. @param now milliseconds since the epoch */
export async function summariesOf(ledger: Asked, batches: readonly Batch[], now: number): Promise<Summary[]> {
  const pauses = await ledger.pauses();
  const gates = await ledger.gates();
  const alerts = await alertsByBatch(ledger);
  const summaries: Summary[] = [];
  for (const batch of batches) {
    const rows = await ledger.tallies(batch.batchId);
    const { oldestMs, waitsUntil } = await oldestOf(ledger, { batchId: batch.batchId, rows, now });
    const terms = isFileBatch(batch.batchId) ? await ledger.terms(batch.batchId) : noTerms;
    const hold = holdOf(batch.batchId, { gates, terms, now });
    summaries.push(summarise(batch, rows, { pauses, oldestMs, alerts: alerts.get(batch.batchId) ?? 0, terms, hold, waitsUntil }));
  }
  return summaries;
}

export async function summaryOf(ledger: Asked, batch: Batch, now: number): Promise<Summary> {
  const [summary] = await summariesOf(ledger, [batch], now);
  if (summary === undefined) throw new TypeError('one batch has one summary');
  return summary;
}

/** The first of each open status, in the order of the ledger's indexes. */
async function oldestOf(
  ledger: Asked,
  { batchId, rows, now }: { readonly batchId: string; readonly rows: readonly TallyRow[]; readonly now: number },
): Promise<{ readonly oldestMs: number | null; readonly waitsUntil: number | null }> {
  let oldest: number | null = null;
  let waitsUntil: number | null = null;
  for (const status of openStatuses) {
    if (!rows.some((row) => row.status === status && row.count > 0)) continue;
    const [first] = await ledger.records({ statuses: [status], batchId, limit: 1 });
    if (first === undefined) continue;
    oldest = Math.max(oldest ?? 0, ageMs(first, now));
    if (waitsForTime(first.record)) waitsUntil = first.record.dueAt;
  }
  return { oldestMs: oldest, waitsUntil };
}

const pageSize = 500;

async function alertsByBatch(ledger: Asked): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (let after: string | undefined; ;) {
    const page = await ledger.alerted({ limit: pageSize, ...(after === undefined ? {} : { after }) });
    for (const { record } of page) counts.set(record.batchId, (counts.get(record.batchId) ?? 0) + 1);
    if (page.length < pageSize) return counts;
    after = page.at(-1)?.cursor;
  }
}
