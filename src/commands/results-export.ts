import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Batch } from '../../batches/record/batch.ts';
import { resultsCsvLines, writeResultsCsv } from '../../producers/results-csv.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { withBatchRows } from '../files/batch-results.ts';
import { assertWritable } from '../files/output-path.ts';
import { writeResultsWorkbook } from '../files/results-workbook.ts';
import { assertWorkbookRows, isWorkbookName } from '../files/workbook-out.ts';
import { openLedgerReader, readEvents } from '../profiles/open-profile.ts';
import { printable } from '../terminal/format.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';
import { chooseBatch } from '../views/find-batch.ts';
import { interruptible } from './interruptible.ts';
import { ownFiles } from './own-files.ts';
import type { ResultsOptions } from './results-options.ts';

/** Results that were decided a moment ago are published soon. */
const patienceMs = 3_000;

type Rows = Parameters<Parameters<typeof withBatchRows>[1]>[0];

/**
 * Writes the newest result of every row of a batch: to stdout or a file as CSV, or to a file whose name ends in .xlsx as a
 * workbook. Exit 2 when results of some rows are not found.
 */
export async function exportResults(config: Config, named: string | undefined, { out }: ResultsOptions): Promise<ExitCode> {
  if (named === undefined)
    throw new CommandError(exitCodes.usage, 'results export needs a batch: its id, at least the first 6 characters of it, or its file.');
  const warn = (message: string): void => void process.stderr.write(`${wrapText(`disburse: ${message}`, columnsOf(process.stderr))}\n`);
  const { ledger, close } = await openLedgerReader(config, warn);
  const interrupt = interruptible();
  let skipped = 0;
  const onSkipped = (message: string): void => {
    skipped += 1;
    warn(message);
  };
  try {
    const batch = await chooseBatch(ledger, named);
    if (out !== undefined) await assertOutput(config, batch, out);
    const reading = { follow: false, signal: interrupt.signal, onWarning: warn, onSkipped, withRotated: true } as const;
    const results = (since: number) => {
      skipped = 0;
      return readEvents(config, { ...reading, from: since });
    };
    const params = { ledger, clock: systemClock, batchId: batch.batchId, results, patienceMs };
    const missing = await withBatchRows(params, async (rows) => {
      await write(rows, out);
      return rows.missing;
    });
    if (missing > 0) warn(`${missing} more rows of this batch are decided, and their results were not found: ${whereMissing(config)}`);
    return missing > 0 || skipped > 0 ? exitCodes.needsAttention : exitCodes.ok;
  } catch (cause) {
    if (interrupt.signal.aborted && !(cause instanceof CommandError))
      throw new CommandError(exitCodes.stopped, 'interrupted before the results were written.', { cause });
    throw cause;
  } finally {
    interrupt.release();
    await close();
  }
}

const whereMissing = ({ servers, dataDir }: Config): string =>
  servers === null
    ? `put results files that were moved away back into ${dataDir}, under their names.`
    : 'the results topic keeps them no longer.';

async function write(rows: Rows, out: string | undefined): Promise<void> {
  const { events, count } = rows;
  if (out === undefined) return print(resultsCsvLines(events));
  assertWorkbookRows('--out', out, count);
  if (isWorkbookName(out)) await writeResultsWorkbook({ path: out, events });
  else await writeResultsCsv({ path: out, events });
  process.stdout.write(`${count} ${count === 1 ? 'row' : 'rows'} written to ${printable(out)}\n`);
}

/** In the pace of the reader; ends when there is none any more. */
async function print(lines: Iterable<string>): Promise<void> {
  const { stdout } = process;
  for (const line of lines) {
    if (stdout.destroyed) return;
    if (stdout.write(line)) continue;
    await new Promise<void>((resolve) => {
      const events = ['drain', 'close', 'error'] as const;
      const done = (): void => {
        for (const name of events) stdout.removeListener(name, done);
        resolve();
      };
      for (const name of events) stdout.once(name, done);
    });
  }
}

/** The ledger has the input's name and not its path, but knows its bytes: they make the id of the batch. */
async function assertOutput(config: Config, { batchId }: Batch, out: string): Promise<void> {
  await assertWritable('--out', out, '', ownFiles(config));
  const found = await stat(out).catch(() => undefined);
  if (found?.isFile() !== true) return;
  const hash = createHash('sha256');
  await pipeline(createReadStream(out), hash);
  if (hash.digest('hex') === batchId)
    throw new CommandError(exitCodes.usage, `cannot write --out ${out}: it is the input itself, which would be lost. Give another path.`);
}
