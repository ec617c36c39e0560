/**
 * What any instance does now and then for all of them: publishes what a dead one left unpublished, finishes batches
 * that were handed over and have come to rest, drops the stories of what ended long ago.
 */
import type { Batch } from '../record/batch.ts';
import type { Clock } from '../ports/clock.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import type { RedisLedger } from '../../src/ledger/redis/ledger.ts';
import { progressOf } from './batch-settlement.ts';

export interface RecoverySweeperDeps {
  readonly ledger: RedisLedger;
  readonly clock: Clock;
  readonly publisher: OutboxRelay;
  readonly retentionMs: number;
  readonly signal: AbortSignal;
  /** The service stops: what is swept must not fail silently. */
  readonly stop: (why: string) => void;
}

const everyMs = 5_000;
/** An instance that lives publishes far sooner, or waits for Kafka and publishes then: twice does no harm. */
const leftAfterMs = 30_000;
const groupSize = 512;
/** Looking through the stories takes long where there are many batches, so it is a turn of its own. */
const storiesEveryMs = 60_000;
const fileBatch = /^[0-9a-f]{64}$/;

export function startRecoverySweeper(deps: RecoverySweeperDeps): { stop(): Promise<void> } {
  const { ledger, clock, publisher, retentionMs, signal, stop } = deps;
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);

  const finish = async ({ batchId }: Batch): Promise<void> => {
    const { rows } = await ledger.enqueueProgress(batchId);
    if (rows === null || !(await progressOf(ledger, clock, batchId, rows)).settled) return;
    await ledger.updateBatch({ batchId, state: 'finished', at: clock.now() });
  };
  const loop = async (): Promise<void> => {
    while (!both.aborted) {
      while ((await ledger.takeOverOutbox({ olderThanMs: leftAfterMs, limit: groupSize })) === groupSize) publisher.notify();
      publisher.notify();
      for (const batch of await ledger.batches())
        if (batch.state === 'running' && fileBatch.test(batch.batchId) && !both.aborted) await finish(batch);
      await clock.sleep(everyMs, both).catch(() => undefined);
    }
  };
  const purgeDetails = async (): Promise<void> => {
    while (!both.aborted) {
      await clock.sleep(storiesEveryMs, both).catch(() => undefined);
      if (!both.aborted) await ledger.purgeDetails({ olderThanMs: retentionMs, limit: groupSize });
    }
  };
  const failed = (cause: unknown): void => stop(cause instanceof Error ? cause.message : String(cause));
  const running = Promise.all([loop().catch(failed), purgeDetails().catch(failed)]);
  return {
    async stop() {
      ended.abort();
      await running;
    },
  };
}
