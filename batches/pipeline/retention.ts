/** When details of records that ended long ago are purged: `serve` in the background, `run` after its report. */
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import { messageOf, type OnNotice } from './notice.ts';
import type { Worker } from './worker.ts';

interface RetentionParams {
  readonly ledger: Pick<Ledger, 'purgeDetails'>;
  /** LEDGER_RETENTION. */
  readonly retentionMs: number;
}

/** Dispatching continues between two groups. */
const defaultGroupSize = 256;
const defaultBetweenGroupsMs = 50;
/** A record is packed or purged within a minute of the end of its retention. */
const everyMs = 20_000;
/** A purge that takes longer is reported. */
const quietMs = 1_000;
const minAfterRun = 20_000;

export interface RetentionWorkerParams extends RetentionParams {
  readonly groupSize?: number;
  /** Pause while there is more to purge; longer where one purge costs much. */
  readonly betweenGroupsMs?: number;
}

export function createRetention(params: RetentionWorkerParams): Worker {
  const { ledger, retentionMs: olderThanMs, groupSize = defaultGroupSize, betweenGroupsMs = defaultBetweenGroupsMs } = params;
  return {
    name: 'retention',
    async tick() {
      const purged = await ledger.purgeDetails({ olderThanMs, limit: groupSize });
      return purged === groupSize ? betweenGroupsMs : everyMs;
    },
  };
}

interface PurgeAfterRunParams extends RetentionParams {
  readonly clock: Pick<Clock, 'now'>;
  readonly signal: AbortSignal;
  readonly onNotice: OnNotice;
}

/**
 * Purges what is due after a file of so many rows: at most twice as many, so that a ledger that grows by files is
 * kept up with, and some even after the smallest. A failure is reported and fails nothing: the file was paid, and the
 * next run tries again.
 */
export async function purgeAfterRun(rows: number, params: PurgeAfterRunParams): Promise<void> {
  const { ledger, clock, retentionMs: olderThanMs, signal, onNotice } = params;
  const startedAt = clock.now();
  let isReported = false;
  try {
    for (let left = Math.max(minAfterRun, 2 * rows); left > 0 && !signal.aborted;) {
      const limit = Math.min(defaultGroupSize, left);
      if ((await ledger.purgeDetails({ olderThanMs, limit })) < limit) return;
      left -= limit;
      if (isReported || clock.now() - startedAt < quietMs) continue;
      isReported = true;
      onNotice({ level: 'info', message: 'purging details of records older than LEDGER_RETENTION' });
    }
  } catch (cause) {
    onNotice({ level: 'warn', message: `details of old records could not be purged: ${messageOf(cause)}`, cause });
  }
}
