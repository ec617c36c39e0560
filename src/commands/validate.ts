import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { inspectFile, writeFixFileShown, type ReadingFlags } from '../files/inspect-file.ts';
import { assertWritable } from '../files/output-path.ts';
import { brokenReport, report } from '../files/validation-report.ts';
import { brokenText, validationText } from '../files/validation-text.ts';
import { assertWorkbookRows } from '../files/workbook-out.ts';
import { openRejected } from '../profiles/rejected-rows.ts';
import { ownFiles } from './own-files.ts';
import { paintFor, printable } from '../terminal/format.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';

interface ValidateOptions extends ReadingFlags {
  readonly json?: boolean;
  /** Path of the fix-file. */
  readonly errors?: string;
}

/** Checks a file and reports every error of every row. Sends nothing, and needs neither gateway nor ledger. */
export async function validate(config: Config, path: string, { json = false, errors, ...flags }: ValidateOptions): Promise<ExitCode> {
  if (errors !== undefined) await assertWritable('--errors', errors, path, ownFiles(config));
  const onWarning = (message: string): void => void process.stderr.write(`disburse: ${printable(message)}\n`);
  const rejected = openRejected(config, { make: false, onWarning });
  const outcome = await inspectFile(config, path, flags, { rejected }).finally(() => rejected?.close());
  const paint = paintFor(process.stdout, process.env);
  if (!outcome.ok) {
    process.stdout.write(
      `${json ? JSON.stringify(brokenReport(outcome.broken)) : wrapText(brokenText(outcome.broken, paint), columnsOf(process.stdout))}\n`,
    );
    return exitCodes.usage;
  }
  const { inspection } = outcome;
  if (errors !== undefined && !inspection.rereadable) {
    throw new CommandError(exitCodes.usage, '--errors reads the file twice, but a pipe can be read only once: save it to a file first.');
  }
  if (errors !== undefined) assertWorkbookRows('--errors', errors, inspection.preflight.invalid);
  const hasFixFile = errors !== undefined && (await writeFixFileShown(inspection, errors));
  process.stdout.write(
    `${json ? JSON.stringify(report(inspection)) : wrapText(validationText(inspection, paint), columnsOf(process.stdout))}\n`,
  );
  if (hasFixFile) process.stderr.write(`The invalid rows are in ${printable(errors)}, with their errors in the last column.\n`);
  return inspection.preflight.errorsTotal > 0 ? exitCodes.needsAttention : exitCodes.ok;
}
