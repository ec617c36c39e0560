/** Reads and checks a whole file for a command, with its progress on a terminal. */
import type { DecimalSign } from '../../batches/csv-row/amount.ts';
import { parseControlTotals, type Totals } from '../../batches/preflight/control-totals.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { grouped, printable } from '../terminal/format.ts';
import { canRedraw } from '../terminal/progress.ts';
import { shownFileName } from './file-name.ts';
import { inspect, type InspectionOutcome } from './payout-file.ts';

/** How to read a file; what is absent is detected, or has its default. */
export interface ReadingFlags {
  readonly encoding?: string;
  readonly delimiter?: string;
  readonly decimal?: DecimalSign;
  readonly expect?: string;
}

/** @throws {CommandError} exit 1 for flags that cannot be used and a file that cannot be opened */
export async function inspectFile(config: Config, path: string, flags: ReadingFlags, signal?: AbortSignal): Promise<InspectionOutcome> {
  const { MAX_AMOUNT: maxAmount } = config.settings;
  const { encoding, delimiter, decimal, expect } = flags;
  const progress = startProgress(path);
  try {
    return await inspect({
      path,
      ...(encoding === undefined ? {} : { encoding }),
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(signal === undefined ? {} : { signal }),
      reading: {
        now: systemClock.now(),
        ...(maxAmount === undefined ? {} : { maxAmount }),
        ...(decimal === undefined ? {} : { decimal }),
      },
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
/** A reading that takes longer is reported where nothing can be redrawn. */
const firstLineAfterMs = 1_000;
const nextLineAfterMs = 10_000;

/** A moving count on a terminal; a line now and then elsewhere, so that a large file is not silent. */
function startProgress(path: string): { show: (rows: number) => void; end: () => void } {
  const name = printable(shownFileName(path));
  let dueAt = systemClock.now();
  const every = (ms: number, write: () => void): void => {
    const now = systemClock.now();
    if (now < dueAt) return;
    dueAt = now + ms;
    write();
  };
  if (canRedraw(process.stderr, process.env)) {
    return {
      show: (rows) => every(redrawEveryMs, () => process.stderr.write(`\r\u001b[Kchecking ${name}: ${grouped(rows)} rows`)),
      end: () => void process.stderr.write('\r\u001b[K'),
    };
  }
  dueAt += firstLineAfterMs;
  return {
    show: (rows) => every(nextLineAfterMs, () => process.stderr.write(`checking ${name}: ${grouped(rows)} rows so far\n`)),
    end: () => undefined,
  };
}
