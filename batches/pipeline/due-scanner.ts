/** Which batches of the stand-alone ledger still have something that falls due, so that nothing else is asked about. */
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { LedgerRecord } from '../record/record.ts';

export interface DueScanner {
  /** The batch may have open records now. */
  add(batchId: string): void;
  /** What is due in any of them. */
  due(limit: number): Promise<{ readonly records: readonly LedgerRecord[]; readonly nextAt: number | null }>;
}

export function createDueScanner({ ledger, clock }: { readonly ledger: Ledger; readonly clock: Clock }): DueScanner {
  /** When each has something due next; what has nothing is not in it. */
  const next = new Map<string, number>();
  return {
    add: (batchId) => void next.set(batchId, 0),
    async due(limit) {
      const now = clock.now();
      const records: LedgerRecord[] = [];
      for (const [batchId, at] of next) {
        if (at > now || records.length >= limit) continue;
        const found = await ledger.due({ batchId, now, limit: limit - records.length });
        records.push(...found.records);
        if (found.records.length > 0) next.set(batchId, now);
        else if (found.nextAt === null) next.delete(batchId);
        else next.set(batchId, found.nextAt);
      }
      return { records, nextAt: next.size === 0 ? null : Math.min(...next.values()) };
    },
  };
}
