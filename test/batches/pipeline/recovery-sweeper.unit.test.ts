import { describe, expect, it } from 'vitest';
import { createBatchSweeper, createOutboxTakeOver } from '../../../batches/pipeline/recovery-sweeper.ts';
import type { Batch } from '../../../batches/record/batch.ts';
import { at, batchA, batchB } from '../../support/builders.ts';

describe('the outbox take-over', () => {
  it('takes over again at once after a full group, else in five seconds, and has what it took published', async () => {
    const groups = [512, 512, 7];
    let notified = 0;
    const ledger = { takeOverOutbox: () => Promise.resolve(groups.shift() ?? 0) };
    const worker = createOutboxTakeOver({ ledger, publisher: { notify: () => void (notified += 1) } });
    expect([await worker.tick(), await worker.tick(), await worker.tick(), await worker.tick()]).toEqual([0, 0, 5_000, 5_000]);
    expect(notified).toBe(4);
  });
});

describe('the batch sweeper', () => {
  it('reads the unfinished batches only, and finishes those whose rows are all enqueued and final', async () => {
    const asked: string[] = [];
    const written: unknown[] = [];
    const ask = <Value>(what: string, value: Value): Promise<Value> => {
      asked.push(what);
      return Promise.resolve(value);
    };
    const worker = createBatchSweeper({
      clock: { now: () => at },
      signal: new AbortController().signal,
      ledger: {
        unfinishedFiles: () => Promise.resolve([batchA, batchB]),
        enqueueProgress: (batchId) => ask(`progress ${batchId[0]}`, { line: 2, rows: batchId === batchA ? 1 : null }),
        batch: (batchId) => ask(`batch ${batchId[0]}`, { batchId, state: 'waiting' } as Batch),
        tallies: (batchId) =>
          ask(`tallies ${batchId?.[0]}`, [
            { status: 'received', currency: 'EUR', count: 1, amountMinor: 5n },
            { status: 'succeeded', currency: 'EUR', count: 1, amountMinor: 5n },
          ]),
        updateBatch: (change) => Promise.resolve(void written.push(change)),
      },
    });
    expect(await worker.tick()).toBe(5_000);
    expect(asked).toEqual(['progress a', 'batch a', 'tallies a', 'progress b']);
    expect(written).toEqual([{ batchId: batchA, state: 'finished', at }]);
  });
});
