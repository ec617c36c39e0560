/** Moves the results file away whole, so that results continue in an empty one. */
import { renameSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { markAfterMove } from '../../../producers/results-mark.ts';
import { systemClock } from '../../clock.ts';
import { resultsPath, syncDir } from '../../ledger/data-dir.ts';
import { rotatedPath } from '../../ledger/rotated-results.ts';
import { openIdle, settleFile } from './idle-results.ts';

/**
 * A crash leaves a state that opens at every point: before the move the file is the one that was noted; after it there is none,
 * and results begin at the start of the next file, whatever the note says.
 *
 * @returns where the results are; null when there are none to move
 * @throws LedgerHeldError while a process pays from the ledger
 */
export async function rotateFile(dir: string, onWarning: (message: string) => void): Promise<string | null> {
  const idle = await openIdle(dir);
  try {
    const path = resultsPath(dir);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined || found.size === 0) return null;
    await settleFile(idle, dir, onWarning);
    const target = rotatedPath(dir, systemClock.now());
    renameSync(path, target);
    syncDir(dir);
    idle.published([], markAfterMove(basename(target)));
    return target;
  } finally {
    idle.close();
  }
}
