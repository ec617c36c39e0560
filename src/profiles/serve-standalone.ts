/** `serve` in the stand-alone profile: the drop folder, follow-ups of everything open, and HTTP. */
import pLimit from 'p-limit';
import type { Ledger, LedgerOverview } from '../../batches/ports/ledger.ts';
import { readResults } from '../../producers/results-reader.ts';
import { openStandalone, openStandaloneLedger } from './standalone.ts';
import { resultsPath } from './data-dir.ts';
import { createDueScanner } from '../../batches/pipeline/due-scanner.ts';
import { writeBatchResults } from '../files/batch-results.ts';
import { systemClock } from '../clock.ts';
import { createDueWorker } from '../../batches/pipeline/due-worker.ts';
import { breakerPosition, createMetrics } from '../service/metrics.ts';
import { openFileBatch } from '../files/open-batch.ts';
import { processFile, markAllInterrupted } from '../../batches/pipeline/process-file.ts';
import { windowFor } from './submit-standalone.ts';
import { readAgain } from '../files/payout-file.ts';
import { loadSigner } from '../config/private-key.ts';
import { checkInbox, gatewayCheck, startService, type ServeParams } from '../service/service.ts';
import { waitUntilSettled } from '../../batches/pipeline/batch-settlement.ts';
import { createRetention } from '../../batches/pipeline/retention.ts';
import { messageOf } from '../../batches/pipeline/notice.ts';
import { startWorkers } from '../../batches/pipeline/worker.ts';
import { version } from '../version.ts';

const defaultWaitMs = 900_000;
/** Files in hand at once. They are sent one after the other; the rest of the time is waiting for the gateway. */
const filesAtOnce = 16;

export async function serveStandalone(params: ServeParams): Promise<void> {
  const { config, options, logger, stopping } = params;
  const { settings, dataDir } = config;
  const waitMs = options.wait ?? defaultWaitMs;
  await checkInbox(config);
  const signer = await loadSigner(settings.GATEWAY_PRIVATE_KEY_FILE ?? '', (message) => logger.warn(message));
  const open = await openStandaloneLedger(config, options.newLedger === true);
  const { ledger, clock } = open;
  try {
    const metrics = createMetrics({ version, clock: systemClock });
    const app = await openStandalone({ config, signer, stopping, logger, ...open, metrics });
    const { deps } = app;
    metrics.feed({
      ledger: () => overviewOf(ledger),
      dispatchRateLimit: () => deps.limiter.rate(),
      dispatchRateConfigured: () => settings.DISPATCH_RATE,
      breaker: () => breakerPosition(app.breaker),
    });
    for (const { batchId } of await ledger.batches()) await markAllInterrupted(deps, batchId);
    const openBatches = createDueScanner({ ledger, clock });
    for (const { batchId } of await ledger.batches()) openBatches.add(batchId);
    const oneFile = pLimit(1);
    try {
      await startService({
        ...params,
        metrics,
        begin() {
          const workers = [
            createDueWorker(deps, { due: openBatches.due, waitMs: null }),
            createRetention({ ledger, retentionMs: settings.LEDGER_RETENTION }),
          ];
          const { signal } = stopping;
          return startWorkers(workers, { clock, signal, onFailure: (cause) => stopping.stop(messageOf(cause)) }).stop;
        },
        checks: {
          ledger: async () => ledger.publishedMark().then(() => ({ ok: true })),
          gateway: () => gatewayCheck(app),
        },
        inbox: {
          clock,
          filesAtOnce,
          writeResults: (batchId, path) =>
            writeBatchResults({ ledger, clock, batchId, path, results: () => readResults(resultsPath(dataDir)) }),
          async pay(inspection, signal) {
            const { sha256: batchId, preflight } = inspection;
            const batch = await openFileBatch({ ledger, inspection, policy: null, clock });
            await oneFile(() =>
              processFile(deps, {
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
            const end = await waitUntilSettled({
              ledger,
              clock,
              batchId,
              rows: preflight.rows,
              waitMs,
              idleTimeoutMs: null,
              signal,
              follow: true,
            });
            return end === 'stopped' ? 'stopped' : 'rested';
          },
        },
      });
    } finally {
      await app.close();
    }
  } finally {
    await ledger.close();
  }
}

const openStatuses = ['queued', 'submitting', 'in_progress', 'unknown'] as const;

/** Asked for when somebody scrapes; a batch's oldest open records stand first in its lists. */
async function overviewOf(ledger: Ledger): Promise<LedgerOverview> {
  let oldestOpenAt: number | null = null;
  for (const { batchId, startedAt } of await ledger.batches()) {
    for (const status of openStatuses) {
      const [first] = await ledger.list({ batchId, status, limit: 1 });
      if (first !== undefined) oldestOpenAt = Math.min(oldestOpenAt ?? Infinity, first.record.firstSentAt ?? startedAt);
    }
  }
  return { oldestOpenAt, unpublished: (await ledger.outbox({ limit: 10_000 })).length, deadLetters: 0 };
}
