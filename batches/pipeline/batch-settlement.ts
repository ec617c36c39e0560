/** When a batch has come to rest, as the ledger alone can tell, whoever moves it. */
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import { byStatus, receivedOf } from '../record/tally.ts';

const lookEveryMs = 250;

/** How far a batch is: every row known, every row sent, and nothing left that moves by itself. */
export interface BatchProgress {
  readonly received: number;
  readonly sent: boolean;
  readonly settled: boolean;
}

/** @param rows how many rows the file has */
export async function progressOf(ledger: Ledger, clock: Clock, batchId: string, rows: number): Promise<BatchProgress> {
  const tallies = await ledger.tallies(batchId);
  const counts = byStatus(tallies);
  const received = receivedOf(tallies).count;
  const sent = received >= rows && counts.queued.count === 0 && counts.submitting.count === 0;
  if (!sent) return { received, sent, settled: false };
  if (counts.in_progress.count === 0 && counts.unknown.count === 0) return { received, sent, settled: true };
  const { records, nextAt } = await ledger.due({ batchId, now: clock.now(), limit: 1 });
  return { received, sent, settled: records.length === 0 && nextAt === null };
}

interface SettledParams {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly batchId: string;
  readonly rows: number;
  /** Counted from when the last row was sent. */
  readonly waitMs: number;
  /** Given up when nothing at all happened for so long, counted from the beginning; null: never. */
  readonly idleTimeoutMs: number | null;
  readonly signal: AbortSignal;
  /** False: ends when every row was sent. */
  readonly follow: boolean;
  /** Told at each look how many rows the ledger knows. */
  readonly onLook?: (received: number, sent: boolean) => void;
}

/** Waits until the batch has come to rest. Answers why it waits no longer. */
export async function waitUntilSettled(params: SettledParams): Promise<'settled' | 'waited' | 'impatient' | 'stopped'> {
  const { ledger, clock, batchId, rows, waitMs, idleTimeoutMs: patienceMs, signal, follow } = params;
  let sentAt: number | null = null;
  let received = -1;
  let movedAt = clock.now();
  while (!signal.aborted) {
    const rest = await progressOf(ledger, clock, batchId, rows);
    params.onLook?.(rest.received, rest.sent);
    if (rest.settled || (rest.sent && !follow)) return 'settled';
    const now = clock.now();
    if (rest.sent) sentAt ??= now;
    if (sentAt !== null && now - sentAt >= waitMs) return 'waited';
    if (rest.received !== received) [received, movedAt] = [rest.received, now];
    if (patienceMs !== null && !rest.sent && now - movedAt >= patienceMs) return 'impatient';
    await clock.sleep(lookEveryMs, signal).catch(() => undefined);
  }
  return 'stopped';
}
