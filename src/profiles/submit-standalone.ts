/** How `run` pays a file: what both profiles offer, and the stand-alone one's way. */
import type { Batch } from '../../batches/record/batch.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { readResults } from '../../producers/results-reader.ts';
import type { Signer } from '../../batches/gateway/signature.ts';
import { openStandalone, openStandaloneLedger } from './standalone.ts';
import { resultsPath } from './data-dir.ts';
import type { GatewayStack } from './gateway-stack.ts';
import type { Config } from '../config/config.ts';
import { logNotice, type Logger } from '../logger.ts';
import { processFile } from '../../batches/pipeline/process-file.ts';
import { readAgain, type Inspection } from '../files/payout-file.ts';
import type { Shutdown } from '../service/shutdown.ts';
import { purgeAfterRun } from '../../batches/pipeline/retention.ts';

export interface SubmitRequest {
  readonly batch: Batch;
  readonly inspection: Inspection;
  /** How long to follow after the last row was sent, and to wait for whoever cannot be reached. */
  readonly waitMs: number;
  /** False: ends when every row was sent. */
  readonly follow: boolean;
}

export interface FileSubmitter {
  readonly ledger: Ledger;
  readonly clock: Clock;
  pay(order: SubmitRequest): Promise<void>;
  /** What is going on when it is not the ordinary, as a clause for people. */
  note(): string | null;
  /** The results since then, perhaps earlier ones too. */
  results(since: number): AsyncIterable<ResultEvent>;
  /** Publishes what is decided. Rejects when something could not be written; the ledger can still be asked. */
  finish(): Promise<void>;
  /** What can wait until everything is told: drops the stories of what ended long ago, unless others do. Never rejects. */
  runMaintenance(): Promise<void>;
  /** Releases everything. Idempotent. */
  close(): Promise<void>;
}

export interface PayingParams {
  readonly config: Config;
  readonly stopping: Shutdown;
  readonly logger: Logger;
  readonly newLedger: boolean;
}

/** Instructions between admission and outcome: enough for intents to share a disk sync, little to hold in memory. */
export const windowFor = (concurrency: number): number => Math.max(256, concurrency * 3);

export async function openStandaloneSubmitter(params: PayingParams & { readonly signer: Signer }): Promise<FileSubmitter> {
  const { config, newLedger, logger, stopping } = params;
  const open = await openStandaloneLedger(config, newLedger);
  const { ledger, clock } = open;
  let app: GatewayStack;
  try {
    app = await openStandalone({ ...params, ...open });
  } catch (cause) {
    await ledger.close();
    throw cause;
  }
  const { deps } = app;
  let rows = 0;
  return {
    ledger,
    clock,
    pay({ batch, inspection, waitMs, follow }) {
      rows = inspection.preflight.rows;
      return processFile(deps, {
        batch,
        rows: () => readAgain(inspection),
        hasBadRows: inspection.preflight.errorsTotal > 0,
        window: windowFor(config.settings.DISPATCH_CONCURRENCY),
        waitMs,
        follow,
      });
    },
    note: () => (deps.closedSince() === null ? null : 'the gateway cannot be reached: waiting for it'),
    results: () => readResults(resultsPath(config.dataDir)),
    finish: () => app.close(),
    runMaintenance: () =>
      purgeAfterRun(rows, {
        ledger,
        clock,
        retentionMs: config.settings.LEDGER_RETENTION,
        signal: stopping.signal,
        onNotice: logNotice(logger),
      }),
    close: () => ledger.close(),
  };
}
