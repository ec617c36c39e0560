/**
 * What any instance does for all of them: publishes the outbox entries of dead instances and keeps the
 * state of batches true that are enqueued.
 */
import type { Clock } from '../ports/clock.ts';
import type { SharedLedger } from '../ports/ledger.ts';
import type { Batch } from '../record/batch.ts';
import { writeBatchState } from './batch-state.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import type { Worker } from './worker.ts';

export interface RecoverySweeperDeps {
  readonly ledger: Pick<SharedLedger, 'takeOverOutbox' | 'batch' | 'batches' | 'enqueueProgress' | 'updateBatch' | 'tallies'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly publisher: Pick<OutboxRelay, 'notify'>;
  readonly signal: AbortSignal;
}

const everyMs = 5_000;
/** A live instance publishes far sooner, or waits for Kafka and publishes then: publishing twice is harmless. */
const orphanedAfterMs = 30_000;
const groupSize = 512;
const fileBatch = /^[0-9a-f]{64}$/;

export function createRecoverySweeper({ ledger, clock, publisher, signal }: RecoverySweeperDeps): Worker {
  const update = async ({ batchId }: Batch): Promise<void> => {
    const { rows } = await ledger.enqueueProgress(batchId);
    if (rows !== null) await writeBatchState(ledger, { batchId, rows, stopped: false, at: clock.now() });
  };
  return {
    name: 'recovery sweeper',
    async tick() {
      while ((await ledger.takeOverOutbox({ olderThanMs: orphanedAfterMs, limit: groupSize })) === groupSize) publisher.notify();
      publisher.notify();
      for (const batch of await ledger.batches())
        if ((batch.state === 'running' || batch.state === 'waiting') && fileBatch.test(batch.batchId) && !signal.aborted)
          await update(batch);
      return everyMs;
    },
  };
}
