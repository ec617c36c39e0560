/** How `run` pays a file in the distributed profile: it hands the file over and watches what others make of it. */
import { createFingerprints } from '../../batches/record/fingerprint.ts';
import { createOutboxRelay } from '../../batches/pipeline/outbox-relay.ts';
import { connect } from './distributed.ts';
import { formatDuration } from '../duration.ts';
import { enqueueFile } from '../../batches/pipeline/enqueue-file.ts';
import { isFullyCommitted } from '../kafka/consumer-group.ts';
import { createTopicSeal } from '../ledger/seal.ts';
import type { FileSubmitter, PayingParams } from './submit-standalone.ts';
import { readAgain } from '../files/payout-file.ts';
import { resultsFromTopic } from '../kafka/results-reader.ts';
import { startRelay } from './gateway-stack.ts';
import { transitionSettings } from './transition-settings.ts';
import { waitUntilSettled } from '../../batches/pipeline/batch-settlement.ts';

interface HandingOverParams extends PayingParams {
  readonly allowUnsafeRedis: boolean;
  /** Ends when the file was handed over. */
  readonly detach: boolean;
}

/** Nobody takes instructions for so long: worth a word to whoever watches. */
const quietMs = 10_000;

export async function openDistributedSubmitter(params: HandingOverParams): Promise<FileSubmitter> {
  const { config, stopping, logger, detach } = params;
  const connected = await connect(params);
  const { ledger, ledgerKey, clock, topics, topicPublisher, sink } = connected;
  const publisher = createOutboxRelay({ ledger, sink, batchDelayMs: 5 });
  const publishing = startRelay(publisher, stopping);
  let watching: { readonly since: number; readonly received: number } | null = null;

  return {
    ledger,
    clock,
    async pay({ batch, inspection, waitMs, follow }) {
      const { batchId } = batch;
      const { rows, errorsTotal } = inspection.preflight;
      const complete = await enqueueFile(
        {
          ledger,
          clock,
          seal: createTopicSeal(ledgerKey).close,
          publisher,
          settings: transitionSettings(config),
          fingerprints: createFingerprints(ledgerKey),
          signal: stopping.signal,
          isTopicDone: () => isFullyCommitted(connected.createKafka, config.settings.KAFKA_GROUP, topics.instructions),
          publish: async ({ key, value, headers }) => {
            const partition = await topicPublisher.partitionFor(topics.instructions, key);
            await topicPublisher.publish({ topic: topics.instructions, partition, key, value, headers });
          },
        },
        { batch, rows: () => readAgain(inspection), hasBadRows: errorsTotal > 0, rowsTotal: rows },
      );
      if (!complete || detach) return;
      const end = await waitUntilSettled({
        ledger,
        clock,
        batchId,
        rows,
        waitMs,
        idleTimeoutMs: waitMs,
        signal: stopping.signal,
        follow,
        onLook: (received, sent) => {
          if (sent) watching = null;
          else if (watching?.received !== received) watching = { since: clock.now(), received };
        },
      });
      if (end === 'stalled') {
        stopping.stop(
          `nobody took the instructions for ${formatDuration(waitMs)}: start disburse serve with the same KAFKA_BROKERS, REDIS_URL and prefixes, or see what holds it up`,
        );
      }
      const state = end === 'stopped' || end === 'stalled' ? 'stopped' : 'finished';
      await ledger.updateBatch({ batchId, state, at: clock.now() });
    },
    note() {
      const quiet = watching !== null && clock.now() - watching.since > quietMs;
      return quiet ? 'nothing has moved for a while: is disburse serve running, and does Kafka answer?' : null;
    },
    results: (since) =>
      resultsFromTopic(config, {
        from: since,
        follow: false,
        signal: new AbortController().signal,
        onWarning: (message) => logger.warn(message),
      }),
    finish: () => publishing.stop(),
    // The instances of `serve` do it.
    runMaintenance: () => Promise.resolve(),
    close: () => connected.close(),
  };
}
