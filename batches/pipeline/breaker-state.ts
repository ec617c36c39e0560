/** The states of the circuit breaker and what moves them, pure. */
import type { Random } from '../ports/random.ts';

interface ClosedState {
  readonly type: 'closed';
  readonly failures: number;
  readonly streak: { readonly kind: string; readonly count: number } | null;
}

interface OpenedState {
  readonly type: 'trial' | 'open';
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Probes so far without an answer, or answered and followed by a failed send. */
  readonly probes: number;
  /** The kind of open outcome that opened it; null: failures of the connection. */
  readonly kind: string | null;
}

/**
 * - `closed`: open to all; `failures` in a row so far, and how many open outcomes of one kind in a row
 * - `trial`: a probe was answered, but no real call yet: the next failure opens it again at once, with the pauses and
 *   the time it had
 * - `open`: nothing passes
 */
export type BreakerState = ClosedState | OpenedState;

/**
 * What a send met. `server_trouble`: the gateway answers that it has failed. `open_outcome`: an answer that leaves
 * the record open; a first send spends a row on it.
 */
export type BreakerOutcome =
  | { readonly type: 'reached' | 'transport_failure' | 'server_trouble' }
  | { readonly type: 'open_outcome'; readonly kind: string; readonly isFirst: boolean };

export type BreakerEvent = BreakerOutcome | { readonly type: 'probe_answered' | 'probe_failed' };

export interface BreakerLimits {
  readonly threshold: number;
  readonly streak: number;
  readonly now: number;
}

export const firstBreakerState: ClosedState = { type: 'closed', failures: 0, streak: null };

/** `reached` may also come from a call that was in flight when the breaker opened: it is as good as a probe. */
export function nextBreakerState(state: BreakerState, event: BreakerEvent, limits: BreakerLimits): BreakerState {
  switch (event.type) {
    case 'reached':
      return firstBreakerState;
    case 'transport_failure':
    case 'server_trouble':
      return afterFailure(state, limits);
    case 'open_outcome':
      return afterOpenOutcome(state, event, limits);
    case 'probe_answered':
      return state.type === 'open' ? { ...state, type: 'trial' } : state;
    case 'probe_failed':
      return state.type === 'open' ? { ...state, probes: state.probes + 1 } : state;
  }
}

/** The probe was answered and the real call failed: the pauses grow all the same. */
const reopened = (state: OpenedState): BreakerState => ({ ...state, type: 'open', probes: state.probes + 1 });

function afterFailure(state: BreakerState, { threshold, now }: BreakerLimits): BreakerState {
  if (state.type !== 'closed') return state.type === 'trial' ? reopened(state) : state;
  const failures = state.failures + 1;
  return failures >= threshold ? { type: 'open', since: now, probes: 0, kind: null } : { type: 'closed', failures, streak: null };
}

function afterOpenOutcome(
  state: BreakerState,
  { kind, isFirst }: Extract<BreakerOutcome, { type: 'open_outcome' }>,
  { streak, now }: BreakerLimits,
): BreakerState {
  if (state.type !== 'closed') {
    if (state.kind === kind) return state.type === 'trial' ? reopened(state) : state;
    return { ...firstBreakerState, streak: isFirst ? { kind, count: 1 } : null };
  }
  const before = state.streak?.kind === kind ? state.streak.count : 0;
  // A resend spends no row; of the same kind it interrupts nothing either.
  const count = before + (isFirst ? 1 : 0);
  if (count >= streak) return { type: 'open', since: now, probes: 0, kind };
  return { type: 'closed', failures: 0, streak: count === 0 ? null : { kind, count } };
}

export interface ProbePauses {
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  readonly random: Random;
}

/** The pause before the probe that follows `probes` failed ones: doubles, with a jitter of a quarter either way. */
export const probePauseMs = (probes: number, { firstPauseMs, maxPauseMs, random }: ProbePauses): number =>
  Math.min(firstPauseMs * 2 ** Math.min(probes, 30), maxPauseMs) * (0.75 + random() / 2);
