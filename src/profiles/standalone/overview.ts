import type { Ledger, LedgerOverview } from '../../../batches/ports/ledger.ts';

const openStatuses = ['queued', 'submitting', 'in_progress', 'unknown'] as const;

/** Read at each scrape of the metrics. The oldest open records of a batch come first in its lists. */
export async function overviewOf(ledger: Pick<Ledger, 'batches' | 'list' | 'outbox'>): Promise<LedgerOverview> {
  let oldestOpenAt: number | null = null;
  for (const { batchId, startedAt } of await ledger.batches()) {
    for (const status of openStatuses) {
      const [first] = await ledger.list({ batchId, status, limit: 1 });
      if (first !== undefined) oldestOpenAt = Math.min(oldestOpenAt ?? Infinity, first.record.firstSentAt ?? startedAt);
    }
  }
  return { oldestOpenAt, unpublished: (await ledger.outbox({ limit: 10_000 })).length, deadLetters: 0 };
}
