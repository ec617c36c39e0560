/** A file that cannot be read, or is broken as a whole: nothing of it may be paid. */
import type { LineProblem } from '../../batches/preflight/line-problem.ts';

/** What is known of the file all the same, for the report and for telling one broken file from another. */
export interface SourceFacts {
  readonly sha256?: string;
  readonly bytes?: number;
  readonly encoding?: string;
  readonly delimiter?: string;
}

export class StructuralError extends Error {
  readonly code = 'structural';
  readonly retryable = false;
  /** In the order of the file. None shows a value: a broken file may hold a card number anywhere. */
  readonly problems: readonly [LineProblem, ...LineProblem[]];
  readonly facts: SourceFacts;

  constructor(problems: readonly [LineProblem, ...LineProblem[]], facts: SourceFacts = {}) {
    super(`line ${problems[0].line}: ${problems[0].message}`);
    this.name = 'StructuralError';
    this.problems = problems;
    this.facts = facts;
  }
}

/** @param line what concerns the file as a whole is reported on line 1 */
export const structural = (line: number, code: string, message: string): StructuralError =>
  new StructuralError([{ line, column: null, code, message, value: null }]);
