/** What any instance does for all of them. Each is a worker of its own, so that one that has much to do delays no other. */
import type { Clock } from '../ports/clock.ts';
import type { SharedLedger } from '../ports/ledger.ts';
import { writeBatchState, type BatchStateLedger } from './batch-state.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import type { Worker } from './worker.ts';

const everyMs = 5_000;
/** A live instance publishes far sooner, or waits for Kafka and publishes then: publishing twice is harmless. */
const orphanedAfterMs = 30_000;
const groupSize = 512;

/** Publishes the outbox entries of dead instances. */
export function createOutboxTakeOver({
  ledger,
  publisher,
}: {
  readonly ledger: Pick<SharedLedger, 'takeOverOutbox'>;
  readonly publisher: Pick<OutboxRelay, 'notify'>;
}): Worker {
  return {
    name: 'outbox take-over',
    async tick() {
      const taken = await ledger.takeOverOutbox({ olderThanMs: orphanedAfterMs, limit: groupSize });
      publisher.notify();
      return taken === groupSize ? 0 : everyMs;
    },
  };
}

export interface BatchSweeperDeps {
  readonly ledger: BatchStateLedger & Pick<SharedLedger, 'unfinishedFiles' | 'enqueueProgress'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly signal: AbortSignal;
}

/** Keeps the state of file batches true that are enqueued, until they are finished. */
export function createBatchSweeper({ ledger, clock, signal }: BatchSweeperDeps): Worker {
  const update = async (batchId: string): Promise<void> => {
    const { rows } = await ledger.enqueueProgress(batchId);
    if (rows !== null) await writeBatchState(ledger, { batchId, rows, stopped: false, at: clock.now() });
  };
  return {
    name: 'batch sweeper',
    async tick() {
      for (const batchId of await ledger.unfinishedFiles()) if (!signal.aborted) await update(batchId);
      return everyMs;
    },
  };
}
