/** Why no intent is written: for one batch, or for all. */

/**
 * @property code `paused` by a person; `underfunded` when the gateway's balance ran out; `moved` after an import or a rebuild;
 *   `cancelled`: for good, what is not sent ends
 * @property at milliseconds since the epoch
 */
export interface Pause {
  readonly code: 'paused' | 'underfunded' | 'moved' | 'cancelled';
  readonly by: string;
  readonly reason: string | null;
  readonly at: number;
}

/** @property batchId null for all batches */
export interface SetPause extends Pause {
  readonly batchId: string | null;
}

/** What pauses a batch, of all that is paused: `cancelled` stays, whatever else there is. */
export function pauseOf(pauses: readonly SetPause[], batchId: string): SetPause | undefined {
  const own = pauses.find((pause) => pause.batchId === batchId);
  return own?.code === 'cancelled' ? own : (pauses.find((pause) => pause.batchId === null) ?? own);
}

/** As a clause for people. */
export function whyPaused({ batchId, code, by, reason }: SetPause): string {
  const what = batchId === null ? 'everything' : 'the batch';
  const why = reason === null ? '' : ` (${reason})`;
  switch (code) {
    case 'paused':
      return `${by} paused ${what}${why}`;
    case 'cancelled':
      return `${by} cancelled ${what}${why}`;
    case 'underfunded':
      return `the balance at the gateway does not cover ${what}${why}`;
    case 'moved':
      return `${what} waits for disburse resume, because the ledger was rebuilt or moved${why}`;
  }
}
