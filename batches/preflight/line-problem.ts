import type { Problem } from '../instruction/instruction.ts';

/** A problem and the physical line where its row starts, from 1. */
export interface LineProblem extends Problem {
  readonly line: number;
}

/** How many problems of one sort a report lists; it counts them all. */
export const maxTold = 1000;

/** Keeps the first `maxTold` by line of what comes in several ascending runs. */
export interface FirstProblems {
  /** @param total how many `problems` stand for, when they are only the first of them */
  add(problems: readonly LineProblem[], total?: number): void;
  told(): readonly LineProblem[];
  total(): number;
}

export function firstProblems(): FirstProblems {
  let kept: LineProblem[] = [];
  let count = 0;
  const trim = (): void => {
    // Sorting is stable, so several problems of one line stay in the order of their columns.
    kept = kept.sort((a, b) => a.line - b.line).slice(0, maxTold);
  };
  return {
    add(problems, total = problems.length) {
      count += total;
      for (const problem of problems) kept.push(problem);
      if (kept.length >= 2 * maxTold) trim();
    },
    told() {
      trim();
      return kept;
    },
    total: () => count,
  };
}
