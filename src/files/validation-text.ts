/** The result of checking a file, as text. As JSON: validation-report.ts. */
import type { LineProblem } from '../../batches/preflight/line-problem.ts';
import { formatMinor } from '../../batches/fields/money.ts';
import { counted, grouped, printable, type Paint } from '../terminal/format.ts';
import type { BrokenFile, Inspection } from './payout-file.ts';

const shownProblems = 50;

function problemLine({ line, column, value, message, code }: LineProblem): string {
  const position = column === null ? `line ${line}` : `line ${line}, ${printable(column)}`;
  return `  ${position}${value === null ? '' : ` (${printable(value)})`}: ${printable(message)} [${code}]`;
}

/** A file that is not paid at all. */
export const brokenText = ({ file, problems, advice }: BrokenFile, paint: Paint): string =>
  [
    paint('red', `${printable(file)} has errors that block the whole file. Nothing is paid from it until they are fixed.`),
    ...problems.slice(0, shownProblems).map(problemLine),
    ...(problems.length > shownProblems ? [`  … and ${grouped(problems.length - shownProblems)} more; --json prints up to 1,000`] : []),
    ...(advice === null ? [] : [advice]),
  ].join('\n');

function problemList(title: string, problems: readonly LineProblem[], total: number): string[] {
  if (total === 0) return [];
  const more = total > shownProblems ? [`  … and ${grouped(total - shownProblems)} more`] : [];
  return [title, ...problems.slice(0, shownProblems).map(problemLine), ...more];
}

const delimiterNames: Readonly<Record<string, string>> = { ',': 'comma', ';': 'semicolon', '\t': 'tab' };

/** Counts, totals, errors and warnings of a file that can be paid, in part at least. */
export function validationText({ file, encoding, delimiter, sha256, preflight }: Inspection, paint: Paint): string {
  const { rows, valid, invalid, duplicates, errors, errorsTotal, warnings, warningsTotal, totals } = preflight;
  const bad = invalid > 0 ? paint('red', `${grouped(invalid)} invalid`) : '0 invalid';
  return [
    `${paint('bold', printable(file))}  ${encoding}, ${delimiterNames[delimiter] ?? delimiter}, sha256 ${sha256.slice(0, 12)}…`,
    `  ${counted(rows, 'row', 'rows')}: ${paint('green', `${grouped(valid)} valid`)}, ${bad}, ${counted(duplicates, 'duplicate', 'duplicates')}`,
    ...[...totals].map(
      ([currency, { count, amountMinor }]) =>
        `  ${currency} ${grouped(formatMinor(amountMinor, currency))} in ${counted(count, 'row', 'rows')}`,
    ),
    ...problemList(paint('red', `Errors (${grouped(errorsTotal)}):`), errors, errorsTotal),
    ...problemList(paint('yellow', `Warnings (${grouped(warningsTotal)}):`), warnings, warningsTotal),
  ].join('\n');
}
