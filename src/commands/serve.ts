import { setFlagsFromString } from 'node:v8';
import type { ExitCode } from '../exit.ts';
import { exitCodes } from '../exit.ts';
import type { Config } from '../config/config.ts';
import { loadVerifier } from '../config/keys.ts';
import { systemClock } from '../clock.ts';
import { ownerOf } from '../files/file-owner.ts';
import { openFileBatch } from '../files/open-batch.ts';
import { batchEvents, writeBatchResults } from '../files/batch-results.ts';
import { captureOf } from './run.ts';
import type { Layer } from '../config/settings-list.ts';
import { checkAddress, type ConsoleServer } from '../console/server.ts';
import { createLogger, type Logger } from '../logger.ts';
import { startWorkers } from '../../batches/pipeline/worker.ts';
import { messageOf } from '../../batches/pipeline/notice.ts';
import { checkFunds } from '../profiles/check-funds.ts';
import { prepareProfile } from '../profiles/open-profile.ts';
import { openRejected } from '../profiles/rejected-rows.ts';
import type { Profile } from '../profiles/profile.ts';
import { createMetrics } from '../service/metrics.ts';
import type { InboxDeps } from '../service/process-dropped-file.ts';
import { checkInbox, startService, type OfService } from '../service/service.ts';
import { createShutdown, type Shutdown } from '../service/shutdown.ts';
import { version } from '../version.ts';

export interface ServeOptions {
  /** Milliseconds. */
  readonly wait?: number;
  readonly capture?: 'auto' | 'manual';
  readonly newLedger?: boolean;
  readonly allowUnsafeRedis?: boolean;
}

/** What is in flight may take so long to end; then the process leaves, and the next start takes over. */
const graceMs = 45_000;
const defaultWaitMs = 900_000;

/**
 * Pays files from the drop folder and, in the distributed profile, events from the instructions topic, until it is
 * stopped. The first signal ends it gracefully, exit 0; any other end is exit 3.
 */
export async function serve(config: Config, options: ServeOptions, layers: readonly Layer[]): Promise<ExitCode> {
  // The command starts with a small heap, for which `run` pays a few percent of CPU; `serve` has more in flight and would pay a fifth.
  setFlagsFromString('--heap-growing-percent=0');
  const logger = createLogger(config.settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const leave = (): never => process.exit(exitCodes.stopped);
  const stopping = createShutdown(
    (signal) => logger.info({ signal }, 'stopping: finishing payments in flight; send the signal again to exit now'),
    leave,
  );
  const overdue = (): void => {
    logger.error(`not stopped after ${graceMs / 1000} s: leaving. Nothing is lost.`);
    leave();
  };
  stopping.signal.addEventListener('abort', () => setTimeout(overdue, graceMs).unref(), { once: true });
  try {
    await serveProfile(config, options, { logger, stopping, layers });
  } finally {
    stopping.release();
  }
  if (!stopping.failed()) {
    logger.info('stopped');
    return exitCodes.ok;
  }
  const next = stopping.remedy() ?? 'Start it again to continue.';
  process.stderr.write(`disburse: stopped: ${stopping.why() ?? 'for an unknown reason'}\nNothing is lost. ${next}\n`);
  return exitCodes.stopped;
}

async function serveProfile(
  config: Config,
  options: ServeOptions,
  { logger, stopping, layers }: { readonly logger: Logger; readonly stopping: Shutdown; readonly layers: readonly Layer[] },
): Promise<void> {
  await checkInbox(config);
  if (config.settings.CONSOLE_PORT !== undefined) checkAddress(config);
  const metrics = createMetrics({ version, clock: systemClock });
  const { newLedger = false, allowUnsafeRedis = false, wait = defaultWaitMs } = options;
  const role = 'serve';
  const verifier = await loadVerifier(config.settings.GATEWAY_PUBLIC_KEY_FILE);
  const params = {
    config,
    logger,
    stopping,
    metrics,
    verifier,
    role,
    patienceMs: null,
    detach: false,
    newLedger,
    ...captureOf(options),
    allowUnsafeRedis,
  } as const;
  const profile = await (await prepareProfile(params)).open();
  try {
    metrics.feed(profile.metricSources());
    const onFailure = (cause: unknown): void => stopping.stop(messageOf(cause));
    const begin = () => startWorkers(profile.workers(), { clock: profile.clock, signal: stopping.signal, onFailure }).stop;
    const { webhooks } = profile;
    const console = await consoleOf(profile, { config, layers, logger, stopping });
    await startService({
      config,
      logger,
      stopping,
      metrics,
      checks: profile.checks(),
      webhooks,
      inbox: inboxOf(profile, wait, { config, logger }),
      begin,
    }).finally(() => console?.close());
  } finally {
    await profile.close();
  }
}

/** The console of this process; undefined without a port for it. */
async function consoleOf(
  profile: Profile,
  {
    config,
    layers,
    logger,
    stopping,
  }: { readonly config: Config; readonly layers: readonly Layer[]; readonly logger: Logger; readonly stopping: Shutdown },
): Promise<ConsoleServer | undefined> {
  const { CONSOLE_PORT: port } = config.settings;
  if (port === undefined) return undefined;
  const { openConsole } = await import('../console/console.ts');
  const pays = (): string => 'This process (disburse serve) pays.';
  const opened = await openConsole({
    config,
    layers,
    logger,
    port,
    pays,
    ask: profile.operate,
    checks: profile.checks(),
    payment: { profile, signal: stopping.signal },
  });
  logger.info({ console: opened.url }, 'serving the console; "disburse console login NAME" prints a link to log in');
  return opened;
}

/** How a dropped file is paid, and its results are written. */
const inboxOf = (
  { ledger, clock, submit, results, cancelQueued, alert }: Profile,
  waitMs: number,
  { config, logger }: { readonly config: Config; readonly logger: Logger },
): Omit<InboxDeps, OfService> => ({
  clock,
  rejected:
    config.settings.INBOX_DIR === undefined ? null : openRejected(config, { make: true, onWarning: (message) => logger.warn(message) }),
  writeResults: (batchId, path) => writeBatchResults({ ledger, clock, batchId, path, results }),
  cancelQueued,
  alert,
  record: (recordId) => ledger.record(recordId),
  tallies: (batchId) => ledger.tallies(batchId),
  async *conflicts(batchId) {
    for await (const event of batchEvents({ ledger, batchId, results })) if (event.status === 'conflict') yield event;
  },
  async pay(inspection, signal, notBefore) {
    const by = await ownerOf(inspection.path);
    const batch = await openFileBatch({ ledger, inspection, policy: null, clock, by, notBefore });
    // It waits without end for a balance that is required: only the signal ends it.
    if ((await checkFunds({ config, ledger, clock, logger, batch, inspection, waitMs: null, signal })) !== null) return 'stopped';
    const end = await submit({ batch, inspection, waitMs, follow: true, signal, isOneOfMany: true });
    // A file that waits for its approval stays where it is, and lets others go first.
    return end === 'stopped' || end === 'held' ? 'stopped' : 'rested';
  },
});
