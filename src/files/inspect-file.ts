/** Reads and checks a whole file for a command, with its progress on stderr. */
import { basename } from 'node:path';
import type { DecimalSign } from '../../batches/csv-row/amount.ts';
import type { Mapping } from '../../batches/csv-row/mapping.ts';
import { parseControlTotals, type Totals } from '../../batches/preflight/control-totals.ts';
import { monotonicClock, systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { createReadingDisplay } from '../terminal/reading-progress.ts';
import { shownFileName } from './file-name.ts';
import { loadMapping, mappingConflict } from './mapping-file.ts';
import type { RejectedRows } from './rejected-rows.ts';
import { inspect, writeFixFile, type Inspection, type InspectionOutcome, type OnReading } from './payout-file.ts';

/** How to read a file; what is absent is detected, or has its default. */
export interface ReadingFlags {
  readonly encoding?: string;
  readonly delimiter?: string;
  readonly decimal?: DecimalSign;
  readonly sheet?: string;
  /** A path, or the name of a mapping of the data folder. */
  readonly map?: string;
  readonly expect?: string;
}

interface InspectFileOptions {
  readonly signal?: AbortSignal;
  /** Rows that were rejected before. */
  readonly rejected?: RejectedRows | null;
}

/** @throws {CommandError} exit 1 for flags that cannot be used and a file that cannot be opened */
export async function inspectFile(
  config: Config,
  path: string,
  flags: ReadingFlags,
  { signal, rejected = null }: InspectFileOptions = {},
): Promise<InspectionOutcome> {
  const { MAX_AMOUNT: maxAmount, MAX_BATCH_TOTAL: maxBatchTotal } = config.settings;
  const { encoding, delimiter, decimal, sheet, expect } = flags;
  const mapping = flags.map === undefined ? undefined : await mappingOf(config, flags.map, flags);
  const progress = startProgress(path);
  try {
    return await inspect({
      path,
      ...(encoding === undefined ? {} : { encoding }),
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(sheet === undefined ? {} : { sheet }),
      ...(signal === undefined ? {} : { signal }),
      reading: {
        now: systemClock.now(),
        ...(maxAmount === undefined ? {} : { maxAmount }),
        ...(decimal === undefined ? {} : { decimal }),
        ...(mapping === undefined ? {} : { mapping }),
      },
      maxBatchTotal,
      rejected,
      expected: expect === undefined ? null : readControlTotals(expect),
      onProgress: progress.show,
    });
  } finally {
    progress.end();
  }
}

async function mappingOf({ dataDir }: Config, map: string, flags: ReadingFlags): Promise<Mapping> {
  const mapping = await loadMapping('--map', map, dataDir);
  const conflict = mappingConflict(mapping, flags);
  if (conflict === null) return mapping;
  const { name, stated, given } = conflict;
  throw new CommandError(
    exitCodes.usage,
    `--${name} ${JSON.stringify(given)}: the mapping says ${JSON.stringify(stated)}. Leave the option out.`,
  );
}

function readControlTotals(text: string): Totals {
  const totals = parseControlTotals(text);
  if (typeof totals === 'string') throw new CommandError(exitCodes.usage, `--expect: ${totals}.`);
  return totals;
}

const tasks = { check: 'checking', compare: 'comparing rows of', 'fix-file': 'writing the invalid rows of' } as const;

/** Shows on stderr what is being read. */
function startProgress(path: string): { show: OnReading; end: () => void } {
  const display = createReadingDisplay(
    { output: process.stderr, env: process.env, now: () => monotonicClock.now() },
    shownFileName(basename(path)),
  );
  return { show: ({ reading, ...read }) => display.show({ task: tasks[reading], ...read }), end: display.end };
}

/** The fix-file, with progress: the whole file is read for it. */
export async function writeFixFileShown(inspection: Inspection, path: string, rejected: RejectedRows | null = null): Promise<boolean> {
  const progress = startProgress(inspection.path);
  try {
    return await writeFixFile(inspection, path, { onProgress: progress.show, rejected });
  } finally {
    progress.end();
  }
}
