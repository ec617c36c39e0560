/** Writes the state of a batch, by the one rule for it, and keeps it true while others move its records. */
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { BatchState } from '../record/batch.ts';
import { batchStateAfter } from '../record/batch-state.ts';
import { receivedOf } from '../record/tally.ts';
import type { Worker } from './worker.ts';

export type BatchStateLedger = Pick<Ledger, 'batch' | 'tallies' | 'updateBatch'>;

export interface BatchStateParams {
  readonly batchId: string;
  /** Rows of the file; null while it is not known how many there are. */
  readonly rows: number | null;
  /** Rows may be unsent, and this process works on them no more. */
  readonly stopped: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Returns the state that is in the ledger afterwards. A state that is right already is not written again. */
export async function writeBatchState(ledger: BatchStateLedger, { batchId, rows, stopped, at }: BatchStateParams): Promise<BatchState> {
  const [batch, tallies] = await Promise.all([ledger.batch(batchId), ledger.tallies(batchId)]);
  const state = batchStateAfter({ tallies, rows, stopped });
  if (batch?.state !== state) await ledger.updateBatch({ batchId, state, at });
  return state;
}

export interface BatchFinisher extends Worker {
  /** All rows of the batch were received; it is finished when the last of them is. */
  add(batchId: string): void;
}

const everyMs = 1_000;

/** Finishes batches that wait for their last records, in a process that alone moves them. */
export function createBatchFinisher({
  ledger,
  clock,
}: {
  readonly ledger: BatchStateLedger;
  readonly clock: Pick<Clock, 'now'>;
}): BatchFinisher {
  const waiting = new Set<string>();
  return {
    name: 'batch finisher',
    add: (batchId) => void waiting.add(batchId),
    async tick() {
      for (const batchId of waiting) {
        const rows = receivedOf(await ledger.tallies(batchId)).count;
        const state = await writeBatchState(ledger, { batchId, rows, stopped: false, at: clock.now() });
        if (state !== 'waiting') waiting.delete(batchId);
      }
      return everyMs;
    },
  };
}
