/**
 * What any instance does now and then for all of them: publishes what a dead one left unpublished, finishes batches
 * that were handed over and have come to rest, drops the stories of what ended long ago.
 */
import type { Batch, Clock } from '../batches/ports.ts';
import type { Publisher } from '../producers/publisher.ts';
import type { RedisLedger } from './ledger/redis/ledger.ts';
import { restOf } from './settled.ts';

export interface SweeperDeps {
  readonly ledger: RedisLedger;
  readonly clock: Clock;
  readonly publisher: Publisher;
  readonly retentionMs: number;
  readonly signal: AbortSignal;
  /** The service stops: what is swept must not fail silently. */
  readonly stop: (why: string) => void;
}

const everyMs = 5_000;
/** An instance that lives publishes far sooner, or waits for Kafka and publishes then: twice does no harm. */
const leftAfterMs = 30_000;
const groupSize = 512;
/** Stories are looked through a part at a time. */
const storiesEvery = 12;
const fileBatch = /^[0-9a-f]{64}$/;

export function startSweeper(deps: SweeperDeps): { stop(): Promise<void> } {
  const { ledger, clock, publisher, retentionMs, signal, stop } = deps;
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);

  const finish = async ({ batchId }: Batch): Promise<void> => {
    const { rows } = await ledger.handOver(batchId);
    if (rows === null || !(await restOf(ledger, clock, batchId, rows)).settled) return;
    await ledger.updateBatch({ batchId, state: 'finished', at: clock.now() });
  };
  const loop = async (): Promise<void> => {
    for (let round = 0; !both.aborted; round += 1) {
      while ((await ledger.takeOverOutbox({ olderThanMs: leftAfterMs, limit: groupSize })) === groupSize) publisher.poke();
      publisher.poke();
      for (const batch of await ledger.batches())
        if (batch.state === 'running' && fileBatch.test(batch.batchId) && !both.aborted) await finish(batch);
      if (round % storiesEvery === 0) await ledger.dropStories({ olderThanMs: retentionMs, limit: groupSize });
      await clock.sleep(everyMs, both).catch(() => undefined);
    }
  };
  const running = loop().catch((cause: unknown) => {
    stop(cause instanceof Error ? cause.message : String(cause));
  });
  return {
    stop() {
      ended.abort();
      return running;
    },
  };
}
