/** Reads and checks a whole file for a command, with its progress on a terminal. */
import { parseControlTotals, type Totals } from '../../batches/preflight/control-totals.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { grouped, printable } from '../terminal/format.ts';
import { inspect, type InspectionOutcome } from './payout-file.ts';

/** How to read a file; what is absent is detected, or has its default. */
export interface ReadingFlags {
  readonly encoding?: string;
  readonly delimiter?: string;
  readonly expect?: string;
}

/** @throws {CommandError} exit 1 for flags that cannot be used and a file that cannot be opened */
export async function inspectFile(config: Config, path: string, flags: ReadingFlags, signal?: AbortSignal): Promise<InspectionOutcome> {
  const { MAX_AMOUNT: maxAmount } = config.settings;
  const { encoding, delimiter, expect } = flags;
  const progress = startProgress(path);
  try {
    return await inspect({
      path,
      ...(encoding === undefined ? {} : { encoding }),
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(signal === undefined ? {} : { signal }),
      reading: { now: systemClock.now(), ...(maxAmount === undefined ? {} : { maxAmount }) },
      expected: expect === undefined ? null : readControlTotals(expect),
      onProgress: progress.show,
    });
  } finally {
    progress.end();
  }
}

function readControlTotals(text: string): Totals {
  const totals = parseControlTotals(text);
  if (typeof totals === 'string') throw new CommandError(exitCodes.usage, `--expect: ${totals}.`);
  return totals;
}

const redrawEveryMs = 200;

/** A moving count on a terminal; nothing in a pipe. */
function startProgress(path: string): { show: (rows: number) => void; end: () => void } {
  if (process.stderr.isTTY !== true) return { show: () => undefined, end: () => undefined };
  let shownAt = 0;
  return {
    show(rows) {
      const now = systemClock.now();
      if (now - shownAt < redrawEveryMs) return;
      shownAt = now;
      process.stderr.write(`\r\u001b[Kchecking ${printable(path)}: ${grouped(rows)} rows`);
    },
    end: () => void process.stderr.write('\r\u001b[K'),
  };
}
