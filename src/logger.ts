/** One logger, on stderr, so that stdout carries data only. */
import { pino, type DestinationStream, type Logger } from 'pino';
import { maskDigits } from '../batches/instruction/masks.ts';

export type { Logger };

/**
 * @param level pino's
 * @param destination where the lines go; stderr when left out
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { name: 'disburse' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Nothing of ours logs account numbers; this is the last net under texts that came from outside.
      hooks: { streamWrite: (line) => maskDigits(line) },
    },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
}
