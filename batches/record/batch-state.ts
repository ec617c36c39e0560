/** The one rule for the state of a batch whose rows are being sent. */
import type { BatchState } from './batch.ts';
import type { Hold } from './gates.ts';
import type { SetPause } from './pause.ts';
import { byStatus, receivedOf, type TallyRow } from './tally.ts';

export interface BatchActivity {
  readonly tallies: readonly TallyRow[];
  /** Rows of the file; null while it is not known how many there are, as for a batch of events. */
  readonly rows: number | null;
  /** The process that works on the batch was stopped, or gave up waiting for the gateway. */
  readonly stopped: boolean;
}

/**
 * `finished`: every row is final. `waiting`: every row was sent and something is open. `stopped`: rows are unsent and
 * no process works on them. `running`: otherwise.
 */
export function batchStateAfter({ tallies, rows, stopped }: BatchActivity): BatchState {
  const counts = byStatus(tallies);
  const isComplete = rows !== null && receivedOf(tallies).count >= rows;
  const unsent = counts.queued.count + counts.submitting.count;
  const open = counts.in_progress.count + counts.unknown.count;
  if (isComplete && unsent + open === 0) return 'finished';
  if (isComplete && unsent === 0) return 'waiting';
  return stopped ? 'stopped' : 'running';
}

/**
 * The state as people see it: a pause is no state of its own in the ledger, since it begins and ends without a look at the
 * batch.
 */
export function stateShown(
  state: BatchState,
  tallies: readonly TallyRow[],
  { pause, hold = null }: { readonly pause: SetPause | undefined; readonly hold?: Hold | null },
): BatchState {
  if (hold?.code === 'awaiting_approval' && pause?.code !== 'cancelled' && byStatus(tallies).queued.count > 0) return 'awaiting_approval';
  if (pause === undefined) return state;
  const counts = byStatus(tallies);
  const unsent = counts.queued.count + counts.submitting.count;
  if (pause.code === 'cancelled') return unsent + counts.in_progress.count + counts.unknown.count === 0 ? 'cancelled' : state;
  return unsent > 0 || state === 'running' || state === 'stopped' ? 'paused' : state;
}
