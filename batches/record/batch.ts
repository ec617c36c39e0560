/** What is pinned about a file when its batch is made, and how far the batch is. Times are milliseconds since the epoch. */

/** What bad rows do to the good ones of their file. */
export type Policy = 'skip' | 'all-or-nothing';

/** What is pinned about a file when its batch is made; a second reading must find the same. */
export interface Manifest {
  readonly batchId: string;
  readonly file: string;
  readonly policy: Policy;
  readonly encoding: string;
  readonly delimiter: string;
  readonly bytes: number;
  readonly blockDigests: readonly string[];
}

/** Only `finished` says that every row is final. */
export type BatchState = 'awaiting_approval' | 'running' | 'waiting' | 'finished' | 'stopped' | 'paused' | 'cancelled';

/**
 * How far an all-or-nothing batch is: `admitting` until every row is in the ledger, then `released` (rows may be
 * sent) or `refused` (every row ends rejected). A `skip` batch is released from the start.
 */
export type BatchPhase = 'admitting' | 'released' | 'refused';

export interface Batch extends Manifest {
  readonly state: BatchState;
  readonly phase: BatchPhase;
  readonly startedAt: number;
  readonly finishedAt: number | null;
  /**
   * First sends so far, and when the first and the newest of them were made; a stand-alone ledger moves the first one forward
   * by each pause between two processes, so that both span the time that was spent sending.
   */
  readonly sent: number;
  readonly firstSentAt: number | null;
  readonly lastSentAt: number | null;
}
