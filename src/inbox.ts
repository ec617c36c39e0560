/**
 * A file of the drop folder, from its acknowledgement to its results. Who moves it between the folders stands in
 * `consumers/drop-folder`; how it is paid differs by profile and is passed in.
 */
import { writeFile, rename } from 'node:fs/promises';
import type { Clock } from '../batches/ports.ts';
import { brokenReport, report } from './inspection-report.ts';
import { inspect, writeFixFile, type Inspection } from './payout-file.ts';
import type { Settings } from './config.ts';

/** A file in hand; its companions lie beside it and move with it. */
export interface FileInHand {
  readonly name: string;
  readonly path: string;
  /** Where `<name>.<suffix>` belongs now. */
  readonly pathOf: (suffix: string) => string;
}

export interface InboxDeps {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly maxAmount: Settings['MAX_AMOUNT'];
  /** Pays or hands over; resolves when the batch has come to rest, `stopped` when we are stopping before. */
  readonly pay: (inspection: Inspection) => Promise<'rested' | 'stopped'>;
  /** Writes every row's newest result as CSV. */
  readonly writeResults: (batchId: string, path: string) => Promise<unknown>;
  readonly onOutcome: (file: string, outcome: string) => void;
}

/** @returns which folder the file belongs to now; `left`: it stays in hand for the next start */
export async function takeFile(deps: InboxDeps, file: FileInHand): Promise<'done' | 'refused' | 'left'> {
  const { clock, signal, maxAmount, onOutcome } = deps;
  const outcome = await inspect({
    path: file.path,
    signal,
    reading: { now: clock.now(), ...(maxAmount === undefined ? {} : { maxAmount }) },
    expected: null,
    onProgress: () => undefined,
  }).catch((cause: unknown) => {
    if (signal.aborted) return null;
    throw cause;
  });
  if (outcome === null) return 'left';
  if (!outcome.ok) {
    await writeJson(file.pathOf('ack.json'), { ...brokenReport(outcome.broken), batch_id: null });
    onOutcome(file.name, 'refused: it cannot be used as it is, and nothing of it is paid');
    return 'refused';
  }
  const { inspection } = outcome;
  const batchId = inspection.sha256;
  await writeJson(file.pathOf('ack.json'), { ...report(inspection), batch_id: batchId });
  if ((await deps.pay(inspection)) === 'stopped') return 'left';
  await writeFixFile(inspection, file.pathOf('errors.csv'));
  await deps.writeResults(batchId, file.pathOf('results.csv'));
  onOutcome(file.name, 'done');
  return 'done';
}

/** Whole or not at all, for whoever waits for it. */
async function writeJson(path: string, value: unknown): Promise<void> {
  const draft = `${path}.part`;
  await writeFile(draft, `${JSON.stringify(value)}\n`, { mode: 0o600, flush: true });
  await rename(draft, path);
}
