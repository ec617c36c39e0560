/** Appends lines of the results files to the results file again, as they are. */
import { open } from 'node:fs/promises';
import type { ResultEvent } from '../../../batches/record/result-event.ts';
import { readLines } from '../../../producers/lines.ts';
import { parseResultLine } from '../../../producers/results-reader.ts';
import { createReplayStore } from '../../files/replay-store.ts';
import { resultsPath } from '../../ledger/data-dir.ts';
import { rotatedResults } from '../../ledger/rotated-results.ts';
import { openIdle, publishAgain } from './idle-results.ts';

interface ReplayParams {
  readonly matches: (event: ResultEvent) => boolean;
  readonly onWarning: (message: string) => void;
  readonly onSkipped: (message: string) => void;
}

const groupSize = 512;

/** @returns how many events were appended, each once */
export async function replayFile(dir: string, { matches, onWarning, onSkipped }: ReplayParams): Promise<number> {
  const idle = await openIdle(dir);
  const store = createReplayStore();
  try {
    for (const path of [...rotatedResults(dir), resultsPath(dir)])
      for await (const { text, end } of linesOf(path)) {
        const event = text === undefined ? undefined : parseResultLine(text);
        if (event === undefined)
          onSkipped(`${path}: the line that ends at byte ${end} is not a result event that this version reads; skipped.`);
        else if (matches(event)) store.add({ eventId: event.event_id, key: null, value: Buffer.from(text as string, 'utf8') });
      }
    if (store.count() === 0) return 0;
    return await publishAgain(idle, dir, { groups: linesIn(store.groups(groupSize)), onWarning });
  } finally {
    store.close();
    idle.close();
  }
}

function* linesIn(groups: Iterable<readonly { eventId: string; value: Buffer }[]>) {
  for (const group of groups) yield group.map(({ eventId, value }) => ({ eventId, json: value.toString('utf8') }));
}

async function* linesOf(path: string) {
  const handle = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw cause;
  });
  if (handle === undefined) return;
  try {
    yield* readLines(handle, 0);
  } finally {
    await handle.close();
  }
}
