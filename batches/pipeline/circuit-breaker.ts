/**
 * Keeps a broken way to the gateway from turning a whole file into open records: after so many transport failures
 * in a row nothing more is sent until a harmless probe was answered. What the gateway refuses never counts: a
 * refusal is an answer.
 */
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';

/**
 * - `closed`: the way is open to all; `failures` in a row so far
 * - `trial`: a probe was answered, but no real call yet: the next transport failure opens it again at once, with
 *   the pauses and the time it had
 * - `open`: nothing passes; `probes` made so far without an answer
 */
export type BreakerState =
  | { readonly type: 'closed'; readonly failures: number }
  | { readonly type: 'trial'; readonly since: number; readonly probes: number }
  | { readonly type: 'open'; readonly since: number; readonly probes: number };

export type BreakerEvent = 'reached' | 'transport_failure' | 'probe_answered' | 'probe_failed';

const firstBreakerState: BreakerState = { type: 'closed', failures: 0 };

/** The decisions, pure. `reached` may also come from a call that was in flight when the breaker opened: it is as good as a probe. */
export function nextBreakerState(state: BreakerState, event: BreakerEvent, now: number, threshold: number): BreakerState {
  switch (event) {
    case 'reached':
      return firstBreakerState;
    case 'transport_failure':
      if (state.type === 'open') return state;
      // The probe was answered and the real call failed: the pauses grow all the same.
      if (state.type === 'trial') return { ...state, type: 'open', probes: state.probes + 1 };
      return state.failures + 1 >= threshold ? { type: 'open', since: now, probes: 0 } : { type: 'closed', failures: state.failures + 1 };
    case 'probe_answered':
      return state.type === 'open' ? { ...state, type: 'trial' } : state;
    case 'probe_failed':
      return state.type === 'open' ? { ...state, probes: state.probes + 1 } : state;
  }
}

/** The pause before the probe that follows `probes` failed ones: doubles, with a jitter of a quarter either way. */
export const probePauseMs = (probes: number, firstPauseMs: number, maxPauseMs: number, random: Random): number =>
  Math.min(firstPauseMs * 2 ** Math.min(probes, 30), maxPauseMs) * (0.75 + random() / 2);

/** What is told when it opens and closes; `since` is when it opened, in milliseconds since the epoch. */
export type BreakerChange = { readonly type: 'opened' | 'closed'; readonly since: number; readonly at: number };

export interface CircuitBreaker {
  record(outcome: 'reached' | 'transport_failure'): void;
  /** Resolves when calls may pass; rejects with the signal's reason. */
  waitUntilClosed(signal: AbortSignal): Promise<void>;
  /** Open at this moment; false while one call tries whether the way is whole again. */
  isOpen(): boolean;
  /** When the way broke, while it is broken; a probe that was answered in between does not set it back. */
  openSince(): number | null;
}

/**
 * @property threshold transport failures in a row that open it
 * @property probe a harmless call; true when the gateway answered it. A rejection counts as no answer
 */
export interface BreakerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly probe: () => Promise<boolean>;
  readonly threshold?: number;
  readonly firstPauseMs?: number;
  readonly maxPauseMs?: number;
  readonly onChange?: (change: BreakerChange) => void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** How long the call that goes first may keep the others waiting. */
const halfOpenMs = 5_000;

const passed = Promise.resolve();

/** It probes only while somebody waits, so there is nothing to close and no timer that keeps a process alive. */
export function createCircuitBreaker(options: BreakerOptions): CircuitBreaker {
  const { clock, random, probe, threshold = 10, firstPauseMs = 500, maxPauseMs = 30_000, onChange } = options;
  let state = firstBreakerState;
  const waiters = new Set<Waiter>();
  let probing: AbortController | undefined;

  const move = (event: BreakerEvent): void => {
    const before = state;
    const now = clock.now();
    state = nextBreakerState(before, event, now, threshold);
    if (state.type === 'open') {
      if (before.type !== 'open') onChange?.({ type: 'opened', since: state.since, at: now });
      return;
    }
    if (state.type === 'trial') {
      if (before.type === 'open') void admitOne(state);
      return;
    }
    if (before.type === 'closed') return;
    stopProbing();
    const released = [...waiters];
    waiters.clear();
    for (const waiter of released) waiter.resolve();
    onChange?.({ type: 'closed', since: before.since, at: now });
  };

  /** One call goes first; the others follow when it is answered. One that never tells must not hold them for ever. */
  const admitOne = async (trial: BreakerState): Promise<void> => {
    stopProbing();
    while (state === trial) {
      const [first] = waiters;
      if (first === undefined) return;
      waiters.delete(first);
      first.resolve();
      await clock.sleep(halfOpenMs);
    }
  };

  const stopProbing = (): void => {
    probing?.abort();
    probing = undefined;
  };

  const probeUntilAnswered = async (signal: AbortSignal): Promise<void> => {
    while (state.type === 'open') {
      try {
        await clock.sleep(probePauseMs(state.probes, firstPauseMs, maxPauseMs, random), signal);
      } catch {
        return;
      }
      const answered = await probe().catch(() => false);
      // Its news is old when the breaker closed or everybody left meanwhile; a next loop may be running already.
      if (signal.aborted) return;
      move(answered ? 'probe_answered' : 'probe_failed');
    }
  };

  const startProbing = (): void => {
    if (probing !== undefined) return;
    probing = new AbortController();
    void probeUntilAnswered(probing.signal);
  };

  return {
    record: move,
    waitUntilClosed(signal) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      if (state.type === 'closed' || (state.type === 'trial' && waiters.size === 0)) return passed;
      return new Promise<void>((resolve, reject) => {
        const waiter: Waiter = {
          resolve: () => {
            signal.removeEventListener('abort', leave);
            resolve();
          },
          reject,
        };
        const leave = (): void => {
          waiters.delete(waiter);
          if (waiters.size === 0) stopProbing();
          waiter.reject(signal.reason);
        };
        signal.addEventListener('abort', leave, { once: true });
        waiters.add(waiter);
        if (state.type === 'open') startProbing();
      });
    },
    openSince: () => (state.type === 'closed' ? null : state.since),
    isOpen: () => state.type === 'open',
  };
}
