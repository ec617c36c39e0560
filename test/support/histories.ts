/** How many random histories a comparison of ledgers runs: as many as the full form asks for, or the usual number of the tests. */

export interface Histories {
  readonly runs: number;
  /** Chosen by fast-check when it is left out. */
  readonly seed?: number;
}

export function histories(usual: number): Histories {
  const { HISTORIES: runs, HISTORIES_SEED: seed } = process.env;
  return { runs: Number(runs ?? usual), ...(seed === undefined ? {} : { seed: Number(seed) }) };
}
