/** The result of checking a file, as one JSON object: `validate --json`, and the acknowledgement of a dropped file. */
import { maxTold, type LineProblem } from '../../batches/preflight/line-problem.ts';
import { formatMinor } from '../../batches/fields/money.ts';
import type { BrokenFile, Inspection } from './payout-file.ts';

export function report({ file, sha256, encoding, delimiter, sheet, preflight }: Inspection) {
  return {
    file,
    sha256,
    encoding,
    ...(sheet === undefined ? { delimiter } : { delimiter: null, sheet }),
    rows: preflight.rows,
    valid: preflight.valid,
    invalid: preflight.invalid,
    duplicates: preflight.duplicates,
    structural: false,
    totals: Object.fromEntries(
      [...preflight.totals].map(([currency, { count, amountMinor }]) => [currency, { count, amount: formatMinor(amountMinor, currency) }]),
    ),
    errors: preflight.errors.map(toJson),
    errors_total: preflight.errorsTotal,
    warnings: preflight.warnings.map(toJson),
    warnings_total: preflight.warningsTotal,
  };
}

export const brokenReport = ({ file, sha256, encoding, delimiter, rows, problems, advice }: BrokenFile) => ({
  file,
  sha256,
  encoding,
  delimiter,
  rows,
  valid: 0,
  invalid: 0,
  duplicates: 0,
  structural: true,
  totals: {},
  errors: withAdvice(problems.slice(0, maxTold), advice).map(toJson),
  errors_total: problems.length,
  warnings: [],
  warnings_total: 0,
});

/** The advice closes the report: it follows the last message. */
const withAdvice = (problems: readonly LineProblem[], advice: string | null): readonly LineProblem[] =>
  advice === null
    ? problems
    : problems.map((problem, at) => (at < problems.length - 1 ? problem : { ...problem, message: `${problem.message} ${advice}` }));

const toJson = ({ line, column, code, message, value }: LineProblem) => ({ line, column, code, message, value });
