/** The results file while no process pays: everything that is decided is published in it, and more can be. */
import { hostname } from 'node:os';
import { openResultsFile, type ResultsFileSink } from '../../../producers/results-file.ts';
import { systemClock } from '../../clock.ts';
import { resultsPath } from '../../ledger/data-dir.ts';
import { rotatedResults } from '../../ledger/rotated-results.ts';
import { openIdleResults, type IdleResults } from '../../ledger/sqlite/idle-results.ts';
import { findUnknownResults } from './unknown-results.ts';

const groupSize = 512;

/** @throws LedgerHeldError while a process pays; LedgerIncompleteError when the ledger is older than its results */
export const openIdle = (dir: string): Promise<IdleResults> =>
  openIdleResults({
    dir,
    clock: systemClock,
    host: hostname(),
    findUnknown: (published) => findUnknownResults({ path: resultsPath(dir), rotated: rotatedResults(dir), published, isQuiet: true }),
  });

/** Publishes what former processes decided and did not publish, and notes that all lines of the file are published. */
export async function settleFile(idle: IdleResults, dir: string, onWarning: (message: string) => void): Promise<string | null> {
  const sink = await openResultsFile({ path: resultsPath(dir), mark: idle.mark, onWarning });
  try {
    await flush(idle, sink);
    const { mark } = await sink.publish([]);
    idle.published([], mark);
    return mark;
  } finally {
    await sink.close();
  }
}

async function flush(idle: IdleResults, sink: ResultsFileSink): Promise<void> {
  for (;;) {
    const entries = idle.outbox(groupSize);
    if (entries.length === 0) return;
    const { mark } = await sink.publish(entries);
    idle.published(
      entries.map(({ number }) => number),
      mark,
    );
  }
}

/**
 * Appends the events to the file. They go through the outbox of the ledger: after a crash the next process publishes what is left
 * of the group, and no line is behind the mark that the ledger does not know.
 */
export async function publishAgain(
  idle: IdleResults,
  dir: string,
  {
    groups,
    onWarning,
  }: { readonly groups: Iterable<readonly { eventId: string; json: string }[]>; readonly onWarning: (message: string) => void },
): Promise<number> {
  const mark = await settleFile(idle, dir, onWarning);
  // Opened at the mark, so that no event counts as written already.
  const sink = await openResultsFile({ path: resultsPath(dir), mark, onWarning });
  let published = 0;
  try {
    for (const group of groups) {
      idle.enqueue(group);
      await flush(idle, sink);
      published += group.length;
    }
    return published;
  } finally {
    await sink.close();
  }
}
