/** Problems of a payout file as a whole that only show when all of it was read. */
import type { ParseResult, Problem } from '../../batches/instruction/instruction.ts';
import type { LineProblem } from '../../batches/preflight/line-problem.ts';
import { batchTotalCode } from './batch-total.ts';

export const noRecords = (headerLine: number): LineProblem => ({
  line: headerLine,
  code: 'no_records',
  column: null,
  message: 'The file has a header but no rows, so there is nothing to pay.',
  value: null,
});

export const pipeNeedsFile: LineProblem = {
  line: 1,
  code: 'pipe_read_once',
  column: null,
  message: 'Some rows must be compared with earlier ones, but a pipe can be read only once. Save it to a file and check that file.',
  value: null,
};

export const totalAbove = (message: string): LineProblem => ({ line: 1, code: batchTotalCode, column: null, message, value: null });
export const unexpectedTotal = (message: string): LineProblem => ({ line: 1, code: 'totals_differ', column: null, message, value: null });

/** A row that is refused for what is elsewhere in the file. */
export const alsoAmbiguous = (found: ParseResult, problem: Problem): ParseResult => {
  if (!found.ok) return { ok: false, refusal: { ...found.refusal, problems: [...found.refusal.problems, problem] } };
  const { recordId, kind, amountMinor, currency, metadata } = found.draft;
  return { ok: false, refusal: { recordId, kind, amountMinor, currency, metadata, problems: [problem] } };
};
