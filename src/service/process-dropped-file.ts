/**
 * A file of the drop folder, from its acknowledgement to its results. Moving it between the folders is in
 * `consumers/drop-folder`; how it is paid differs by profile and is passed in.
 */
import type { Clock } from '../../batches/ports/clock.ts';
import type { DroppedFile, Verdict } from '../../consumers/drop-folder/drop-folder.ts';
import type { Settings } from '../config/variables.ts';
import { CommandError } from '../exit.ts';
import { brokenReport, report } from '../files/validation-report.ts';
import type { Logger } from '../logger.ts';
import { inspect, writeFixFile, type Inspection } from '../files/payout-file.ts';

export interface InboxDeps {
  readonly clock: Clock;
  readonly maxAmount: Settings['MAX_AMOUNT'];
  readonly logger: Logger;
  /** Pays or hands over; resolves when the batch has come to rest, `stopped` when we are stopping before. */
  readonly pay: (inspection: Inspection, signal: AbortSignal) => Promise<'rested' | 'stopped'>;
  /** Writes every row's newest result as CSV. */
  readonly writeResults: (batchId: string, path: string) => Promise<unknown>;
}

/** @returns which folder the file belongs to now; `left`: it stays in `processing/` for the next start */
export async function processDroppedFile(deps: InboxDeps, file: DroppedFile): Promise<Verdict> {
  const { clock, maxAmount, logger } = deps;
  const { name, path, signal } = file;
  const outcome = await inspect({
    path,
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
    await acknowledge(file, { ...brokenReport(outcome.broken), batch_id: null });
    const [first] = outcome.broken.problems;
    logger.warn(
      { file: name, code: first?.code, line: first?.line },
      `a dropped file has errors that block it, and nothing is paid from it: ${first?.message ?? ''}`,
    );
    return 'refused';
  }
  const { inspection } = outcome;
  const batchId = inspection.sha256;
  const told = { ...report(inspection), batch_id: batchId };
  await acknowledge(file, told);
  logger.info({ file: name, batch_id: batchId, rows: inspection.preflight.rows }, 'a dropped file is being paid');
  try {
    if ((await deps.pay(inspection, signal)) === 'stopped') return 'left';
  } catch (cause) {
    // Its bytes were read in another way before: foreseen, and no reason to try again.
    if (!(cause instanceof CommandError)) throw cause;
    await acknowledge(file, { ...told, refused: cause.message });
    logger.warn({ file: name, batch_id: batchId }, cause.message);
    return 'refused';
  }
  await writeFixFile(inspection, file.pathOf('errors.csv'));
  await deps.writeResults(batchId, file.pathOf('results.csv'));
  logger.info({ file: name, batch_id: batchId }, 'a dropped file is done');
  return 'done';
}

const acknowledge = (file: DroppedFile, value: unknown): Promise<void> => file.write('ack.json', `${JSON.stringify(value)}\n`);
