/**
 * The state of a session as a function of time: no timer moves a session, so a hundred thousand idle sessions cost
 * nothing, and the body of a webhook can be produced again byte for byte.
 *
 * init -> in progress -> (payouts under manual confirmation) pending -> confirmed or cancelled -> final.
 * Each step takes the settling time; a payout without confirmation is cancelled after 240 minutes.
 */
import type { ErrorCode } from './errors.ts';

export const confirmationMs = 240 * 60_000;

/** How a session ends. The last one shows session `error` first, which is not final, and then the session cancelled. */
export type Outcome = 'succeeds' | 'fails-accepted' | 'fails-cancelled' | 'fails-after-error';

export interface Lifecycle {
  readonly recordedAtMs: number;
  readonly waitsForConfirmation: boolean;
  readonly outcome: Outcome;
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

/** What the gateway shows of this session at `nowMs`; later decisions are not visible. */
export function stateOf(session: Lifecycle, settleMs: number, nowMs: number): State {
  const readyAtMs = session.recordedAtMs + settleMs;
  if (nowMs < readyAtMs) return { session: 'in_progress', entry: 'in_progress', updatedAtMs: session.recordedAtMs };
  if (!session.waitsForConfirmation) return endOf(session, settleMs, readyAtMs, nowMs);
  if (session.decision === 'none' || session.decidedAtMs > nowMs) {
    const deadlineMs = readyAtMs + confirmationMs;
    return nowMs < deadlineMs
      ? { session: 'in_progress', entry: 'pending', nextAction: 'confirm', updatedAtMs: readyAtMs }
      : { session: 'cancelled', entry: 'failed', error: 'confirm_timeout', updatedAtMs: deadlineMs };
  }
  const closesAtMs = session.decidedAtMs + settleMs;
  if (nowMs < closesAtMs) return { session: 'in_progress', entry: 'pending', updatedAtMs: session.decidedAtMs };
  if (session.decision === 'cancelled') return { session: 'cancelled', entry: 'failed', updatedAtMs: closesAtMs };
  return endOf(session, settleMs, closesAtMs, nowMs);
}

function endOf(session: Lifecycle, settleMs: number, endAtMs: number, nowMs: number): State {
  if (session.outcome === 'succeeds') return { session: 'accepted', entry: 'succeeded', updatedAtMs: endAtMs };
  const failed = { entry: 'failed', error: session.failCode, updatedAtMs: endAtMs } as const;
  if (session.outcome === 'fails-accepted') return { session: 'accepted', ...failed };
  if (session.outcome === 'fails-cancelled') return { session: 'cancelled', ...failed };
  const settledAtMs = endAtMs + settleMs;
  return nowMs < settledAtMs
    ? { session: 'error', ...failed, error: 'provider_timeout' }
    : { session: 'cancelled', ...failed, updatedAtMs: settledAtMs };
}

export interface SessionEvent {
  readonly type: 'ready_to_confirm' | 'payment_finished';
  readonly atMs: number;
}

/** The events that webhooks report, as far as decided now; an undecided payout ends at its deadline. */
export function eventsOf(session: Lifecycle, settleMs: number): readonly SessionEvent[] {
  const readyAtMs = session.recordedAtMs + settleMs;
  const finished = (atMs: number): SessionEvent[] => {
    const first: SessionEvent = { type: 'payment_finished', atMs };
    const ends = session.decision !== 'cancelled' && session.outcome === 'fails-after-error';
    return ends ? [first, { type: 'payment_finished', atMs: atMs + settleMs }] : [first];
  };
  if (!session.waitsForConfirmation) return finished(readyAtMs);
  const ready: SessionEvent = { type: 'ready_to_confirm', atMs: readyAtMs };
  return session.decision === 'none'
    ? [ready, { type: 'payment_finished', atMs: readyAtMs + confirmationMs }]
    : [ready, ...finished(session.decidedAtMs + settleMs)];
}
