/** One logger, on stderr, so that stdout carries data only. */
import { pino, type DestinationStream, type Logger } from 'pino';
import { maskDigits } from '../batches/instruction/masks.ts';

export type { Logger };

/**
 * @param level a level of pino
 * @param destination stderr by default
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { name: 'disburse' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // disburse logs no account numbers; this masks those in texts from outside.
      hooks: { streamWrite: (line) => maskDigits(line) },
    },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
}

/** Notices of the pipeline, as log lines. */
export const logNotice =
  (logger: Pick<Logger, 'info' | 'warn'>) =>
  ({ level, message, cause }: { readonly level: 'info' | 'warn'; readonly message: string; readonly cause?: unknown }): void => {
    if (cause === undefined) logger[level](message);
    else logger[level]({ err: cause }, message);
  };
