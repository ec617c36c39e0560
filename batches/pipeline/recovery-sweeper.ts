/**
 * What any instance does for all of them: publishes the outbox entries of dead instances and finishes batches that
 * are enqueued and settled.
 */
import type { Clock } from '../ports/clock.ts';
import type { SharedLedger } from '../ports/ledger.ts';
import type { Batch } from '../record/batch.ts';
import { progressOf } from './batch-settlement.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import type { Worker } from './worker.ts';

export interface RecoverySweeperDeps {
  readonly ledger: Pick<SharedLedger, 'takeOverOutbox' | 'batches' | 'enqueueProgress' | 'updateBatch' | 'tallies' | 'due'>;
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
  const finish = async ({ batchId }: Batch): Promise<void> => {
    const { rows } = await ledger.enqueueProgress(batchId);
    if (rows === null || !(await progressOf(ledger, clock, batchId, rows)).settled) return;
    await ledger.updateBatch({ batchId, state: 'finished', at: clock.now() });
  };
  return {
    name: 'recovery sweeper',
    async tick() {
      while ((await ledger.takeOverOutbox({ olderThanMs: orphanedAfterMs, limit: groupSize })) === groupSize) publisher.notify();
      publisher.notify();
      for (const batch of await ledger.batches())
        if (batch.state === 'running' && fileBatch.test(batch.batchId) && !signal.aborted) await finish(batch);
      return everyMs;
    },
  };
}
