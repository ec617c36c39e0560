/** When a batch has settled, as the ledger alone shows it, whichever process moves its records. */
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Hold } from '../record/gates.ts';
import { isParked, waitsForApproval, waitsForResume } from '../record/parking.ts';
import type { SetPause } from '../record/pause.ts';
import type { LedgerRecord } from '../record/record.ts';
import { byStatus, receivedOf } from '../record/tally.ts';
import { startWorkers, type Worker } from './worker.ts';

const defaultEveryMs = 250;

type SettlementLedger = Pick<Ledger, 'tallies' | 'due' | 'list'>;

/** How far a batch is: every row known, every row sent, and nothing left that moves by itself. */
export interface BatchProgress {
  readonly received: number;
  readonly sent: boolean;
  readonly settled: boolean;
}

/**
 * @param rows how many rows the file has
 * @param hasWebhooks a record whose session is not known may be ended by a webhook
 */
export async function progressOf(
  ledger: SettlementLedger,
  clock: Pick<Clock, 'now'>,
  batchId: string,
  rows: number,
  hasWebhooks = false,
): Promise<BatchProgress> {
  const tallies = await ledger.tallies(batchId);
  const counts = byStatus(tallies);
  const received = receivedOf(tallies).count;
  const sent = received >= rows && counts.queued.count === 0 && counts.submitting.count === 0;
  if (!sent) return { received, sent, settled: false };
  if (counts.in_progress.count === 0 && counts.unknown.count === 0) return { received, sent, settled: true };
  const { records, nextAt } = await ledger.due({ batchId, now: clock.now(), limit: 1 });
  if (records.length > 0 || nextAt !== null) return { received, sent, settled: false };
  return { received, sent, settled: !(hasWebhooks && (await hasRecordWithoutSession(ledger, batchId))) };
}

const pageSize = 256;

/** Of those that are open and have nothing due. */
async function hasRecordWithoutSession(ledger: SettlementLedger, batchId: string): Promise<boolean> {
  for (let after: number | undefined; ;) {
    const page = await ledger.list({ batchId, status: 'unknown', limit: pageSize, ...(after === undefined ? {} : { after }) });
    if (page.some(({ record }) => record.sessionId === null)) return true;
    after = page.at(-1)?.cursor;
    if (page.length < pageSize || after === undefined) return false;
  }
}

/**
 * `waited`: the wait is over and records are open; `stalled`: rows are unsent and nothing came for the idle timeout; `paused`: rows
 * are unsent and the batch was paused for the whole wait; `held`: every row is received, and those that are unsent wait for an
 * approval, for a time beyond the wait, or for a person.
 */
export type SettlementEnd = 'settled' | 'waited' | 'stalled' | 'stopped' | 'paused' | 'held';

export interface SettlementParams {
  readonly ledger: SettlementLedger;
  readonly clock: Clock;
  readonly batchId: string;
  readonly rows: number;
  /** Counted from when the last row was sent; and from when the batch was found paused. */
  readonly waitMs: number;
  /** Gives up when no row was received for so long, counted from the start; null: never. */
  readonly idleTimeoutMs: number | null;
  readonly signal: AbortSignal;
  /** Between two looks. */
  readonly everyMs?: number;
  /** False: ends when every row was sent. */
  readonly follow: boolean;
  /** Webhooks are taken: waits for records whose session is not known, too. */
  readonly hasWebhooks?: boolean;
  /** What pauses the batch; nothing ever does where it is left out. */
  readonly pauseOf?: (batchId: string) => Promise<SetPause | undefined>;
  /** What the gates hold the batch for; nothing where it is left out. */
  readonly holdOf?: (batchId: string) => Promise<Hold | null>;
  /** How long a batch that waits for an approval is watched. */
  readonly heldMs?: number;
  /** Called once when the batch is found paused, and rows wait for its end. */
  readonly onPaused?: (pause: SetPause) => void;
  /** Called at each look with the rows that the ledger knows. */
  readonly onLook?: (received: number, sent: boolean) => void;
}

/** Looks at the batch until it has settled; `onEnd` receives why it looks no more, once. */
export function createBatchSettlement(params: SettlementParams, onEnd: (end: SettlementEnd) => void): Worker {
  const { ledger, clock, batchId, rows, waitMs, idleTimeoutMs, follow, onLook, hasWebhooks, everyMs = defaultEveryMs } = params;
  const { pauseOf, onPaused } = params;
  const holds = createHoldLook(params);
  let sentAt: number | null = null;
  let received = -1;
  let movedAt = clock.now();
  let pausedAt: number | null = null;
  const look = async (): Promise<SettlementEnd | null> => {
    const progress = await progressOf(ledger, clock, batchId, rows, hasWebhooks);
    onLook?.(progress.received, progress.sent);
    if (progress.settled || (progress.sent && !follow)) return 'settled';
    const now = clock.now();
    if (progress.sent) sentAt ??= now;
    if (sentAt !== null && now - sentAt >= waitMs) return 'waited';
    if (!progress.sent && progress.received >= rows && (await holds(now))) return 'held';
    if (!progress.sent && (await isPausedFor(waitMs, now))) return 'paused';
    if (progress.received !== received) [received, movedAt] = [progress.received, now];
    return idleTimeoutMs !== null && !progress.sent && now - movedAt >= idleTimeoutMs ? 'stalled' : null;
  };
  const isPausedFor = async (ms: number, now: number): Promise<boolean> => {
    const pause = await pauseOf?.(batchId);
    if (pause === undefined || pause.code === 'cancelled') pausedAt = null;
    else if (pausedAt === null) {
      pausedAt = now;
      onPaused?.(pause);
    }
    return pausedAt !== null && now - pausedAt >= ms;
  };
  return {
    name: 'batch settlement',
    async tick() {
      const end = await look();
      if (end === null) return everyMs;
      onEnd(end);
      return Number.POSITIVE_INFINITY;
    },
  };
}

/** So long nothing has moved when a batch counts as held until another day. */
const stillMs = 2_000;

/**
 * Whether it is not sent by itself until then. The end of a pause comes at any time, and what waits for an approval is due a
 * moment after its file is approved.
 */
const waitsBeyond = (record: LedgerRecord, until: number): boolean =>
  isParked(record) && !waitsForResume(record) && !waitsForApproval(record) && (record.dueAt === null || record.dueAt > until);

/** Whether what is unsent waits for an approval, for a time beyond the wait, or for a person. */
function createHoldLook({ ledger, clock, batchId, waitMs, heldMs = 0, holdOf }: SettlementParams): (now: number) => Promise<boolean> {
  let heldSince: number | null = null;
  let stillSince: number | null = null;
  let unsent = { count: -1, since: 0 };
  const waitsForTime = async (now: number): Promise<boolean> => {
    const { records, nextAt } = await ledger.due({ batchId, now: clock.now(), limit: 1 });
    if (records.length > 0 || nextAt === null || nextAt - now <= waitMs) return false;
    const counts = byStatus(await ledger.tallies(batchId));
    if (counts.submitting.count > 0) return false;
    const queued = await ledger.list({ batchId, status: 'queued', limit: pageSize });
    return queued.every(({ record }) => record.dueAt !== null && isParked(record));
  };
  // What is still followed may be so for days: it keeps no run waiting for rows that are not sent in them.
  const isHeldBack = async (now: number): Promise<boolean> => {
    const { queued, submitting } = byStatus(await ledger.tallies(batchId));
    const count = queued.count + submitting.count;
    if (count !== unsent.count) unsent = { count, since: now };
    if (submitting.count > 0 || now - unsent.since < waitMs) return false;
    for (let after: number | undefined; ;) {
      const page = await ledger.list({ batchId, status: 'queued', limit: pageSize, ...(after === undefined ? {} : { after }) });
      if (!page.every(({ record }) => waitsBeyond(record, now + waitMs))) return false;
      after = page.at(-1)?.cursor;
      if (page.length < pageSize || after === undefined) return true;
    }
  };
  return async (now) => {
    const hold = (await holdOf?.(batchId)) ?? null;
    heldSince = hold?.code === 'awaiting_approval' ? (heldSince ?? now) : null;
    if (heldSince !== null) return now - heldSince >= heldMs;
    stillSince = holdOf !== undefined && (await waitsForTime(now)) ? (stillSince ?? now) : null;
    return (stillSince !== null && now - stillSince >= stillMs) || (holdOf !== undefined && (await isHeldBack(now)));
  };
}

/** Resolves when the batch has settled or the wait is over. Rejects when the ledger cannot be read. */
export async function waitUntilSettled(params: SettlementParams): Promise<SettlementEnd> {
  const { clock, signal } = params;
  const { promise, resolve, reject } = Promise.withResolvers<SettlementEnd>();
  const stop = (): void => resolve('stopped');
  if (signal.aborted) return 'stopped';
  signal.addEventListener('abort', stop, { once: true });
  const running = startWorkers([createBatchSettlement(params, resolve)], { clock, signal, onFailure: reject });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', stop);
    await running.stop().catch(() => undefined);
  }
}
