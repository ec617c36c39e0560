/** All results of a stand-alone ledger that are in its folder: of files that were moved away, then of the results file. */
import type { ResultEvent } from '../../../batches/record/result-event.ts';
import { readResults, type ReadResultsOptions } from '../../../producers/results-reader.ts';
import { resultsPath } from '../../ledger/data-dir.ts';
import { rotatedResults } from '../../ledger/rotated-results.ts';

export async function* readAllResults(dir: string, options: ReadResultsOptions = {}): AsyncGenerator<ResultEvent, void, undefined> {
  const { follow: _follow, onCaughtUp: _onCaughtUp, ...once } = options;
  for (const path of rotatedResults(dir)) yield* readResults(path, once);
  yield* readResults(resultsPath(dir), options);
}
