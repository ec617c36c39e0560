/** Which batches still have something that falls due, so that the ledger is asked about no others. */
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { LedgerRecord } from '../record/record.ts';
import type { DueRecords } from './due-worker.ts';

export interface DueScanner {
  /** The batch may have open records now. */
  add(batchId: string): void;
  /** Rows of the batch are being sent: it is asked about until the returned function is called. */
  hold(batchId: string): () => void;
  /** What is due in any of them. */
  due(limit: number): Promise<DueRecords>;
}

export function createDueScanner({
  ledger,
  clock,
}: {
  readonly ledger: Pick<Ledger, 'due'>;
  readonly clock: Pick<Clock, 'now'>;
}): DueScanner {
  /** When each has something due next; a batch that has nothing is not in it. */
  const next = new Map<string, number>();
  const held = new Set<string>();
  return {
    add: (batchId) => void next.set(batchId, 0),
    hold(batchId) {
      held.add(batchId);
      next.set(batchId, 0);
      return () => {
        held.delete(batchId);
        next.set(batchId, 0);
      };
    },
    async due(limit) {
      const now = clock.now();
      const records: LedgerRecord[] = [];
      for (const [batchId, at] of next) {
        if (at > now || records.length >= limit) continue;
        const found = await ledger.due({ batchId, now, limit: limit - records.length });
        records.push(...found.records);
        if (found.records.length > 0 || held.has(batchId)) next.set(batchId, now);
        else if (found.nextAt === null) next.delete(batchId);
        else next.set(batchId, found.nextAt);
      }
      return { records, nextAt: next.size === 0 ? null : Math.min(...next.values()) };
    },
  };
}
