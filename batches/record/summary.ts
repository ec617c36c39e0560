/** The summary of a batch: what was received, what became of it, and whether the two agree. */
import { z } from 'zod';
import type { Batch } from './batch.ts';
import { stateShown } from './batch-state.ts';
import { formatMinor } from '../fields/money.ts';
import { noTerms, type BatchTerms, type Hold } from './gates.ts';
import { pauseOf, type SetPause } from './pause.ts';
import { byStatus, isBalanced, isOpenTally, receivedOf, type TallyRow } from './tally.ts';
import { statuses } from './status.ts';

const countAndAmounts = z.strictObject({
  count: z.number().int().min(0),
  amounts: z.record(z.string().length(3), z.string().regex(/^\d+(\.\d+)?$/)),
});

const approvalView = z.strictObject({
  state: z.enum(['awaiting', 'approved', 'refused']),
  submitted_by: z.string().optional(),
  submitted_at: z.iso.datetime().optional(),
  /** Of the valid rows of the file. */
  totals: z.record(z.string().length(3), z.strictObject({ count: z.number().int().min(0), amount: z.string() })),
  decided_by: z.string().optional(),
  decided_at: z.iso.datetime().optional(),
  reason: z.string().optional(),
  /** Over place, record id and fingerprint of every row that was approved. */
  hash: z.string().optional(),
});

/** Printed by `run --json` and `status BATCH --json`. Amounts are major units as decimal text, by currency. */
export const summarySchema = z
  .strictObject({
    batch_id: z.string(),
    file: z.string(),
    state: z.enum(['awaiting_approval', 'running', 'waiting', 'finished', 'stopped', 'paused', 'cancelled']),
    received: countAndAmounts,
    statuses: z.record(z.enum(statuses), countAndAmounts),
    balanced: z.boolean(),
    open: z.strictObject({ count: z.number().int().min(0), oldest_seconds: z.number().int().min(0).nullable() }),
    /** Records with an alert that no person has acknowledged. */
    alerts: z.number().int().min(0),
    /** Of a file that was submitted under APPROVAL=required. */
    approval: approvalView.optional(),
    /** When it goes: no row that waits is sent before. */
    not_before: z.iso.datetime().optional(),
    started_at: z.iso.datetime(),
    finished_at: z.iso.datetime().nullable(),
    sent_per_second: z.number().min(0),
  })
  .meta({ title: 'disburse batch summary' });

export type Summary = z.infer<typeof summarySchema>;

/** What is so now, beside the totals. */
export interface Situation {
  /** All that is paused. */
  readonly pauses: readonly SetPause[];
  /** How old the oldest open record is, in milliseconds; null when none is open. */
  readonly oldestMs: number | null;
  /** How many records of the batch have an alert that no person has acknowledged. */
  readonly alerts: number;
  /** What holds for this batch; nothing where it is left out. */
  readonly terms?: BatchTerms;
  readonly hold?: Hold | null;
  /** When its oldest row that is not sent goes by itself; null where that is not known. */
  readonly waitsUntil?: number | null;
}

function termsView({ terms = noTerms, hold = null, waitsUntil = null }: Situation): Pick<Summary, 'approval' | 'not_before'> {
  const { submission, approval, refusal, notBefore } = terms;
  const decided = approval ?? refusal;
  const goesAt = waitsUntil ?? (hold?.code === 'not_before' ? hold.until : notBefore);
  const state = approval !== null ? 'approved' : refusal !== null ? 'refused' : 'awaiting';
  const isShown = decided !== null || hold?.code === 'awaiting_approval';
  const iso = (at: number): string => new Date(at).toISOString();
  return {
    ...(isShown
      ? {
          approval: {
            state,
            ...(submission === null ? {} : { submitted_by: submission.by, submitted_at: iso(submission.at) }),
            totals: Object.fromEntries(
              (submission?.totals ?? []).map(({ currency, count, amountMinor }) => [
                currency,
                { count, amount: formatMinor(BigInt(amountMinor), currency) },
              ]),
            ),
            ...(decided === null ? {} : { decided_by: decided.by, decided_at: iso(decided.at), reason: decided.reason }),
            ...(approval === null ? {} : { hash: approval.hash }),
          },
        }
      : {}),
    ...(goesAt === null ? {} : { not_before: iso(goesAt) }),
  };
}

export function summarise(batch: Batch, rows: readonly TallyRow[], situation: Situation): Summary {
  const { pauses, oldestMs, alerts, hold = null } = situation;
  const spanMs = batch.firstSentAt === null || batch.lastSentAt === null ? 0 : batch.lastSentAt - batch.firstSentAt;
  return {
    batch_id: batch.batchId,
    file: batch.file,
    state: stateShown(batch.state, rows, { pause: pauseOf(pauses, batch.batchId), hold }),
    received: receivedOf(rows),
    statuses: byStatus(rows),
    balanced: isBalanced(rows),
    open: {
      count: rows.filter(isOpenTally).reduce((sum, { count }) => sum + count, 0),
      oldest_seconds: oldestMs === null ? null : Math.floor(oldestMs / 1000),
    },
    alerts,
    ...termsView(situation),
    started_at: new Date(batch.startedAt).toISOString(),
    finished_at: batch.finishedAt === null ? null : new Date(batch.finishedAt).toISOString(),
    sent_per_second: sentPerSecond(batch.sent, spanMs),
  };
}

/** What is dated are intents, whose bytes leave so much later at most: a shorter span shows no rate and counts as this one. */
const shortestSpanMs = 100;

/** n sends span n - 1 intervals. */
const sentPerSecond = (sent: number, spanMs: number): number =>
  sent < 2 ? 0 : Math.round(((sent - 1) / Math.max(spanMs, shortestSpanMs)) * 100_000) / 100;

/**
 * Whether records need a person's look, which is exit code 2.
 *
 * @param countUnsettledDuplicates duplicates whose record has not succeeded
 * @param waited false when the caller did not wait for records in progress: then they are no reason to look
 */
export function needsAttention(summary: Summary, countUnsettledDuplicates: number, waited: boolean): boolean {
  const count = (status: (typeof statuses)[number]): number => summary.statuses[status].count;
  const restless = statuses.filter((status) => status !== 'succeeded' && status !== 'duplicate' && (waited || status !== 'in_progress'));
  return countUnsettledDuplicates > 0 || !summary.balanced || restless.some((status) => count(status) > 0);
}

/** What a person must look at, although records may still move by themselves: what `status --exit-status` reports. */
export function needsPerson(summary: Summary): boolean {
  const { state, balanced, alerts, statuses: totals } = summary;
  const isHeld = state === 'paused' || state === 'stopped' || state === 'awaiting_approval';
  return isHeld || !balanced || alerts > 0 || forPersons.some((status) => totals[status].count > 0);
}

const forPersons = ['rejected', 'conflict', 'unknown', 'failed', 'cancelled'] as const;
