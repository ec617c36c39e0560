/** The signals and the log of a command that changes the ledger. */
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { createLogger } from '../logger.ts';
import type { OperateParams } from '../profiles/profile.ts';
import { createShutdown } from '../service/shutdown.ts';
import { logLine } from '../terminal/log-line.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';

/** @throws {CommandError} exit 3 when it was stopped before it ended */
export async function withShutdown<Result>(config: Config, work: (params: OperateParams) => Promise<Result>): Promise<Result> {
  const logger = createLogger(config.settings.LOG_LEVEL === 'info' ? 'warn' : config.settings.LOG_LEVEL, {
    write: (line) => void process.stderr.write(process.stderr.isTTY === true ? wrapText(logLine(line), columnsOf(process.stderr)) : line),
  });
  const stopping = createShutdown(
    () => undefined,
    () => process.exit(exitCodes.stopped),
  );
  try {
    return await work({ config, logger, stopping });
  } catch (cause) {
    const why = stopping.why();
    if (why !== null && !(cause instanceof CommandError))
      throw new CommandError(exitCodes.stopped, `stopped: ${why}. disburse explain shows whether it was done.`, { cause });
    throw cause;
  } finally {
    stopping.release();
  }
}
