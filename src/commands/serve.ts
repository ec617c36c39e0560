import type { ExitCode } from '../exit.ts';
import { exitCodes } from '../exit.ts';
import type { Config } from '../config/config.ts';
import { createLogger } from '../logger.ts';
import { createShutdown } from '../service/shutdown.ts';

export interface ServeOptions {
  /** Milliseconds. */
  readonly wait?: number;
  readonly newLedger?: boolean;
  readonly allowUnsafeRedis?: boolean;
}

/** What is in flight may take so long to end; then the process leaves, and what was begun is taken up elsewhere. */
const graceMs = 45_000;

/**
 * Pays what comes by the drop folder and, in the distributed profile, by the instructions topic, until it is stopped.
 * The first signal ends it gracefully, exit 0; whatever else ends it is exit 3.
 */
export async function serve(config: Config, options: ServeOptions): Promise<ExitCode> {
  const logger = createLogger(config.settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const leave = (): never => process.exit(exitCodes.stopped);
  let asked = false;
  const stopping = createShutdown((signal) => {
    asked = true;
    logger.info({ signal }, 'stopping: what is in flight is finished, nothing new is begun. Once more ends at once.');
  }, leave);
  const overdue = (): void => {
    logger.error(`not stopped after ${graceMs / 1000} s: leaving. Nothing is lost.`);
    leave();
  };
  stopping.signal.addEventListener('abort', () => setTimeout(overdue, graceMs).unref(), { once: true });
  try {
    const params = { config, options, logger, stopping };
    if (config.servers === null) await (await import('../profiles/serve-standalone.ts')).serveStandalone(params);
    else await (await import('../profiles/serve-distributed.ts')).serveDistributed(params);
  } finally {
    stopping.release();
  }
  if (asked) {
    logger.info('stopped');
    return exitCodes.ok;
  }
  process.stderr.write(
    `disburse: stopped: ${stopping.why() ?? 'for no reason that is known'}\nNothing is lost. Start it again to go on.\n`,
  );
  return exitCodes.stopped;
}
