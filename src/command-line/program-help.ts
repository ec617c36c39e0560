import type { ExitCode } from '../exit.ts';

/** What an exit code means, for the help and the manual page. */
export const exitHelp: readonly (readonly [ExitCode, string])[] = [
  [0, 'success'],
  [1, 'usage, configuration or input error: nothing was sent'],
  [2, 'finished, but some records need attention'],
  [3, 'stopped before the end: run the same command again'],
];

export const programDescription =
  'Pays files of payouts through the Smart Glocal gateway: every valid row at most once, every row accounted for.';
