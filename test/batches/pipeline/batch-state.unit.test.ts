import { describe, expect, it } from 'vitest';
import { createBatchFinisher, writeBatchState, type BatchStateLedger } from '../../../batches/pipeline/batch-state.ts';
import type { Batch, BatchState } from '../../../batches/record/batch.ts';
import type { Status } from '../../../batches/record/status.ts';

const batchId = 'b'.repeat(64);

/** A ledger of one batch, whose counts the test changes. */
function ledgerOf(counts: Partial<Record<Status, number>>, state: BatchState = 'running') {
  const written: { state: BatchState | undefined; at: number }[] = [];
  let current = state;
  const ledger: BatchStateLedger = {
    batch: async () => ({ batchId, state: current }) as Batch,
    tallies: async () => {
      const rows = Object.entries(counts).map(([status, count]) => ({ status: status as Status, currency: 'EUR', count, amountMinor: 0n }));
      const received = rows.reduce((sum, { count }) => sum + count, 0);
      return [...rows, { status: 'received' as const, currency: 'EUR', count: received, amountMinor: 0n }];
    },
    async updateBatch({ state: next, at }) {
      written.push({ state: next, at });
      current = next ?? current;
    },
  };
  return { ledger, written, counts };
}

describe('the state of a batch in the ledger', () => {
  it('is waiting, not finished, while a sent row is open', async () => {
    const { ledger, written } = ledgerOf({ succeeded: 1, unknown: 1 });
    expect(await writeBatchState(ledger, { batchId, rows: 2, stopped: false, at: 7 })).toBe('waiting');
    expect(written).toEqual([{ state: 'waiting', at: 7 }]);
  });

  it('is not written again when it is right already', async () => {
    const { ledger, written } = ledgerOf({ succeeded: 2 }, 'finished');
    expect(await writeBatchState(ledger, { batchId, rows: 2, stopped: true, at: 7 })).toBe('finished');
    expect(written).toEqual([]);
  });
});

describe('the batch finisher', () => {
  it('finishes a batch when its last open record ends, and asks about it no more', async () => {
    const { ledger, written, counts } = ledgerOf({ in_progress: 1 }, 'waiting');
    let now = 1;
    const finisher = createBatchFinisher({ ledger, clock: { now: () => now } });
    finisher.add(batchId);
    await finisher.tick();
    expect(written).toEqual([]);
    delete counts.in_progress;
    counts.succeeded = 1;
    now = 2;
    await finisher.tick();
    counts.unknown = 1;
    await finisher.tick();
    expect(written).toEqual([{ state: 'finished', at: 2 }]);
  });
});
