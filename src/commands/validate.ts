import { parseControlTotals, type Totals } from '../../batches/preflight/control-totals.ts';
import type { LineProblem } from '../../batches/preflight/line-problem.ts';
import { formatMinor } from '../../batches/fields/money.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { checkPlaceFor } from '../files/output-path.ts';
import { brokenReport, report } from '../files/validation-report.ts';
import { inspect, writeFixFile, type BrokenFile, type Inspection } from '../files/payout-file.ts';
import { counted, grouped, paintFor, printable, type Paint } from '../terminal/format.ts';

export interface FileOptions {
  readonly json?: boolean;
  readonly encoding?: string;
  readonly delimiter?: string;
  readonly expect?: string;
}

/** Checks a file and tells every problem of every row. Sends nothing, and needs neither gateway nor ledger. */
export async function validate(config: Config, path: string, options: FileOptions & { readonly errors?: string }): Promise<ExitCode> {
  if (options.errors !== undefined) await checkPlaceFor('--errors', options.errors);
  const outcome = await inspectFile(config, path, options);
  const paint = paintFor(process.stdout, process.env);
  if (!outcome.ok) {
    process.stdout.write(
      options.json === true ? `${JSON.stringify(brokenReport(outcome.broken))}\n` : `${brokenText(outcome.broken, paint)}\n`,
    );
    return exitCodes.usage;
  }
  const { inspection } = outcome;
  if (options.errors !== undefined && !inspection.rereadable) {
    throw new CommandError(
      exitCodes.usage,
      '--errors needs to read the file twice, and a pipe can be read only once. Save it to a file first.',
    );
  }
  const fixed = options.errors !== undefined && (await writeFixFile(inspection, options.errors));
  process.stdout.write(options.json === true ? `${JSON.stringify(report(inspection))}\n` : `${reportText(inspection, paint)}\n`);
  if (fixed) process.stderr.write(`The bad rows are in ${options.errors}, with what to do in the last column.\n`);
  return inspection.preflight.errorsTotal > 0 ? exitCodes.needsALook : exitCodes.ok;
}

/** @throws {CommandError} exit 1 for flags that make no sense and a file that cannot be opened */
export async function inspectFile(config: Config, path: string, options: FileOptions, signal?: AbortSignal): ReturnType<typeof inspect> {
  const { MAX_AMOUNT } = config.settings;
  const progress = startProgress(path);
  try {
    return await inspect({
      path,
      ...(options.encoding === undefined ? {} : { encoding: options.encoding }),
      ...(options.delimiter === undefined ? {} : { delimiter: options.delimiter }),
      ...(signal === undefined ? {} : { signal }),
      reading: { now: systemClock.now(), ...(MAX_AMOUNT === undefined ? {} : { maxAmount: MAX_AMOUNT }) },
      expected: options.expect === undefined ? null : readExpectation(options.expect),
      onProgress: progress.show,
    });
  } finally {
    progress.end();
  }
}

function readExpectation(text: string): Totals {
  const totals = parseControlTotals(text);
  if (typeof totals === 'string') throw new CommandError(exitCodes.usage, `--expect: ${totals}.`);
  return totals;
}

/** A moving count on a terminal; nothing in a pipe, where the report follows anyway. */
function startProgress(path: string): { show: (rows: number) => void; end: () => void } {
  if (process.stderr.isTTY !== true) return { show: () => undefined, end: () => undefined };
  let shownAt = 0;
  return {
    show(rows) {
      const now = systemClock.now();
      if (now - shownAt < 200) return;
      shownAt = now;
      process.stderr.write(`\r\u001b[Kchecking ${printable(path)}: ${grouped(rows)} rows`);
    },
    end: () => void process.stderr.write('\r\u001b[K'),
  };
}

const problemLine = (problem: LineProblem): string => {
  const where = problem.column === null ? `line ${problem.line}` : `line ${problem.line}, ${printable(problem.column)}`;
  const value = problem.value === null ? '' : ` (${printable(problem.value)})`;
  return `  ${where}${value}: ${printable(problem.message)} [${problem.code}]`;
};

export const brokenText = ({ file, problems }: BrokenFile, paint: Paint): string =>
  [
    paint('red', `${printable(file)} cannot be used as it is: nothing of it is paid until this is mended.`),
    ...problems.slice(0, 50).map(problemLine),
    ...(problems.length > 50 ? [`  … and ${problems.length - 50} more; --json tells up to 1,000`] : []),
  ].join('\n');

const shownProblems = 50;

function reportText(inspection: Inspection, paint: Paint): string {
  const { file, encoding, delimiter, sha256, preflight } = inspection;
  const { rows, valid, invalid, duplicates, errors, errorsTotal, warnings, warningsTotal, totals } = preflight;
  const list = (title: string, problems: readonly LineProblem[], total: number): string[] =>
    total === 0
      ? []
      : [
          title,
          ...problems.slice(0, shownProblems).map(problemLine),
          ...(total > shownProblems ? [`  … and ${grouped(total - shownProblems)} more`] : []),
        ];
  const delimiterName = { ',': 'comma', ';': 'semicolon', '\t': 'tab' }[delimiter] ?? delimiter;
  return [
    `${paint('bold', printable(file))}  ${encoding}, ${delimiterName}, sha256 ${sha256.slice(0, 12)}…`,
    `  ${counted(rows, 'row', 'rows')}: ${paint('green', `${grouped(valid)} valid`)}, ${invalid > 0 ? paint('red', `${grouped(invalid)} invalid`) : '0 invalid'}, ${counted(duplicates, 'duplicate', 'duplicates')}`,
    ...[...totals].map(
      ([currency, { count, amountMinor }]) =>
        `  ${currency} ${grouped(formatMinor(amountMinor, currency))} in ${counted(count, 'row', 'rows')}`,
    ),
    ...list(paint('red', `Errors (${grouped(errorsTotal)}):`), errors, errorsTotal),
    ...list(paint('yellow', `Warnings (${grouped(warningsTotal)}):`), warnings, warningsTotal),
  ].join('\n');
}
