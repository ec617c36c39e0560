/**
 * The life of a session as a function of the time asked about: no timer moves a session, so a hundred thousand of
 * them cost nothing while nobody looks, and what a webhook showed can be shown again byte for byte.
 *
 * init -> in progress -> (payouts under manual confirmation) waits for us -> confirmed or cancelled -> final.
 * Each step takes the settling time; a payout nobody confirms is cancelled after 240 minutes.
 */
import type { ErrorCode } from './errors.ts';

export const confirmationMs = 240 * 60_000;

/** How it ends. The last one shows session `error` first, which is not final, and then the session cancelled. */
export type Fate = 'succeeds' | 'fails-accepted' | 'fails-cancelled' | 'fails-after-error';

export interface Life {
  readonly recordedAtMs: number;
  readonly waitsForConfirmation: boolean;
  readonly fate: Fate;
  readonly failCode: ErrorCode;
  readonly decision: 'none' | 'confirmed' | 'cancelled';
  readonly decidedAtMs: number;
}

/**
 * @property error undefined unless the entry failed for a reason; a session cancelled by the caller has none
 */
export interface State {
  readonly session: 'in_progress' | 'accepted' | 'cancelled' | 'error';
  readonly entry: 'in_progress' | 'pending' | 'succeeded' | 'failed';
  readonly nextAction?: 'confirm';
  readonly error?: ErrorCode | 'confirm_timeout' | 'provider_timeout';
  readonly updatedAtMs: number;
}

/** What the gateway would show of this session at `nowMs`; decisions taken later than that are not seen. */
export function stateOf(life: Life, settleMs: number, nowMs: number): State {
  const readyAtMs = life.recordedAtMs + settleMs;
  if (nowMs < readyAtMs) return { session: 'in_progress', entry: 'in_progress', updatedAtMs: life.recordedAtMs };
  if (!life.waitsForConfirmation) return endOf(life, settleMs, readyAtMs, nowMs);
  if (life.decision === 'none' || life.decidedAtMs > nowMs) {
    const deadlineMs = readyAtMs + confirmationMs;
    return nowMs < deadlineMs
      ? { session: 'in_progress', entry: 'pending', nextAction: 'confirm', updatedAtMs: readyAtMs }
      : { session: 'cancelled', entry: 'failed', error: 'confirm_timeout', updatedAtMs: deadlineMs };
  }
  const closesAtMs = life.decidedAtMs + settleMs;
  if (nowMs < closesAtMs) return { session: 'in_progress', entry: 'pending', updatedAtMs: life.decidedAtMs };
  if (life.decision === 'cancelled') return { session: 'cancelled', entry: 'failed', updatedAtMs: closesAtMs };
  return endOf(life, settleMs, closesAtMs, nowMs);
}

function endOf(life: Life, settleMs: number, endAtMs: number, nowMs: number): State {
  if (life.fate === 'succeeds') return { session: 'accepted', entry: 'succeeded', updatedAtMs: endAtMs };
  const failed = { entry: 'failed', error: life.failCode, updatedAtMs: endAtMs } as const;
  if (life.fate === 'fails-accepted') return { session: 'accepted', ...failed };
  if (life.fate === 'fails-cancelled') return { session: 'cancelled', ...failed };
  const settledAtMs = endAtMs + settleMs;
  return nowMs < settledAtMs
    ? { session: 'error', ...failed, error: 'provider_timeout' }
    : { session: 'cancelled', ...failed, updatedAtMs: settledAtMs };
}

export interface LifeEvent {
  readonly type: 'ready_to_confirm' | 'payment_finished';
  readonly atMs: number;
}

/** What webhooks tell of this life, as far as it is decided now; an undecided payout ends by its deadline. */
export function eventsOf(life: Life, settleMs: number): readonly LifeEvent[] {
  const readyAtMs = life.recordedAtMs + settleMs;
  const finished = (atMs: number): LifeEvent[] => {
    const first: LifeEvent = { type: 'payment_finished', atMs };
    const ends = life.decision !== 'cancelled' && life.fate === 'fails-after-error';
    return ends ? [first, { type: 'payment_finished', atMs: atMs + settleMs }] : [first];
  };
  if (!life.waitsForConfirmation) return finished(readyAtMs);
  const ready: LifeEvent = { type: 'ready_to_confirm', atMs: readyAtMs };
  return life.decision === 'none'
    ? [ready, { type: 'payment_finished', atMs: readyAtMs + confirmationMs }]
    : [ready, ...finished(life.decidedAtMs + settleMs)];
}
