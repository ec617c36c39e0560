/** What a process that pays a file says of a pause. */
import { whyPaused, type SetPause } from '../../batches/record/pause.ts';
import { formatDuration } from '../duration.ts';
import type { Logger } from '../logger.ts';
import type { Shutdown } from '../service/shutdown.ts';

/** One line when the wait begins. */
export const pauseReporter =
  (logger: Pick<Logger, 'warn'>, batchId: string) =>
  (pause: SetPause): void =>
    logger.warn({ code: pause.code, batch_id: batchId }, `${whyPaused(pause)}: its rows wait for disburse resume`);

/** Ends the process when the pause outlasted the wait. @param waitMs how long it waited */
export function stopWhilePaused(stopping: Pick<Shutdown, 'stop'>, pause: SetPause | undefined, waitMs: number): void {
  const why = pause === undefined ? 'the batch was paused' : whyPaused(pause);
  stopping.stop(
    `${why}, and it was not resumed within ${formatDuration(waitMs)}`,
    'Its rows are sent after disburse resume, by the next process that pays.',
  );
}
