/** `serve` in the stand-alone profile: the drop folder, follow-ups of everything open, and HTTP. */
import pLimit from 'p-limit';
import { readResults } from '../producers/results-reader.ts';
import { openAlone, openAloneLedger, resultsPath } from './alone.ts';
import { createOpenBatches } from './background.ts';
import { writeBatchResults } from './batch-results.ts';
import { startFollower } from './follower.ts';
import { openFileBatch } from './open-batch.ts';
import { payFile, takeOverInterrupted } from './pay-file.ts';
import { windowFor } from './paying.ts';
import { readAgain } from './payout-file.ts';
import { loadSigner } from './private-key.ts';
import { startService, type ServeParams } from './service.ts';
import { untilSettled } from './settled.ts';
import { measureAlone } from './service-metrics.ts';

const defaultWaitMs = 900_000;
/** Files in hand at once. They are sent one after the other; the rest of the time is waiting for the gateway. */
const filesAtOnce = 16;

export async function serveAlone(params: ServeParams): Promise<void> {
  const { config, options, logger, stopping } = params;
  const { settings, dataDir } = config;
  const waitMs = options.wait ?? defaultWaitMs;
  const signer = await loadSigner(settings.GATEWAY_PRIVATE_KEY_FILE ?? '', (message) => logger.warn(message));
  const open = await openAloneLedger(config, options.newLedger === true);
  const { ledger, clock } = open;
  try {
    const metrics = measureAlone({ config, ledger, clock });
    const app = await openAlone({ config, signer, stopping, logger, ...open, metered: metrics.metered, meteredSink: metrics.meteredSink });
    const { deps } = app;
    metrics.watch(app);
    for (const { batchId } of await ledger.batches()) await takeOverInterrupted(deps, batchId);
    const openBatches = createOpenBatches({ ledger, clock });
    for (const { batchId } of await ledger.batches()) openBatches.add(batchId);
    const follower = startFollower(deps, { due: openBatches.due, waitMs: null });
    const oneFile = pLimit(1);
    try {
      await startService({
        ...params,
        metrics,
        ready: {
          ledger: async () => ledger.publishedMark().then(() => true),
          gateway: async () => !app.breaker.isOpen(),
        },
        inbox: {
          clock,
          filesAtOnce,
          writeResults: (batchId, path) => writeBatchResults(readResults(resultsPath(dataDir)), batchId, path),
          async pay(inspection, signal) {
            const { sha256: batchId, preflight } = inspection;
            const batch = await openFileBatch({ ledger, inspection, policy: null, clock });
            await oneFile(() =>
              payFile(deps, {
                batch,
                rows: () => readAgain(inspection),
                hasBadRows: preflight.errorsTotal > 0,
                window: windowFor(settings.DISPATCH_CONCURRENCY),
                waitMs: Number.POSITIVE_INFINITY,
                follow: false,
              }),
            );
            if (signal.aborted) return 'stopped';
            openBatches.add(batchId);
            const end = await untilSettled({
              ledger,
              clock,
              batchId,
              rows: preflight.rows,
              waitMs,
              patienceMs: null,
              signal,
              follow: true,
            });
            return end === 'stopped' ? 'stopped' : 'rested';
          },
        },
      });
    } finally {
      await follower.stop();
      await app.close();
    }
  } finally {
    await ledger.close();
  }
}
