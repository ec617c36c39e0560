/**
 * Keeps a broken connection, or a gateway that answers nothing but nonsense, from turning a whole file into open
 * records: nothing more is sent until a harmless probe was answered and one real send has passed.
 */
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import {
  nextBreakerState,
  probePauseMs,
  firstBreakerState,
  type BreakerEvent,
  type BreakerOutcome,
  type BreakerState,
} from './breaker-state.ts';

export type { BreakerOutcome } from './breaker-state.ts';

/** `since` is when it opened, in milliseconds since the epoch; `kind` the open outcome that opened it, if one did. */
export interface BreakerChange {
  readonly type: 'opened' | 'closed';
  readonly since: number;
  readonly at: number;
  readonly kind: string | null;
}

export interface CircuitBreaker {
  record(outcome: BreakerOutcome): void;
  /** Resolves when calls may pass; rejects with the signal's reason. */
  waitUntilClosed(signal: AbortSignal): Promise<void>;
  /** True while it is open; false while a single request tries the connection. */
  isOpen(): boolean;
  /** Since when it is not closed; an answered probe in between does not reset it. */
  openSince(): number | null;
  /** The kind of open outcome that opened it; null when it is closed, or the connection fails. */
  openKind(): string | null;
}

/**
 * @property probe a harmless call; true when the gateway answered it. A rejection counts as no answer
 * @property threshold transport failures in a row that open it
 * @property streak open outcomes of one kind, with no other outcome between them, that open it
 */
export interface BreakerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly probe: () => Promise<boolean>;
  readonly threshold?: number;
  readonly streak?: number;
  readonly firstPauseMs?: number;
  readonly maxPauseMs?: number;
  readonly onChange?: (change: BreakerChange) => void;
}

/** How long the single request may keep the others waiting: one that never ends must not block them. */
const halfOpenMs = 5_000;

const passed = Promise.resolve();

/** It probes only while a call waits, so there is nothing to close and no timer that keeps a process alive. */
export function createCircuitBreaker(options: BreakerOptions): CircuitBreaker {
  const { clock, onChange } = options;
  const limits = { threshold: options.threshold ?? 10, streak: options.streak ?? 20 };
  let state: BreakerState = firstBreakerState;
  const waiters = createWaiters();
  const prober = createProber(options, {
    probes: () => (state.type === 'open' ? state.probes : null),
    onProbe: (answered) => move({ type: answered ? 'probe_answered' : 'probe_failed' }),
  });

  const move = (event: BreakerEvent): void => {
    const before = state;
    const now = clock.now();
    state = nextBreakerState(before, event, { ...limits, now });
    if (state.type === 'open') {
      if (before.type !== 'open') onChange?.({ type: 'opened', since: state.since, at: now, kind: state.kind });
      return;
    }
    if (state.type === 'trial') {
      if (before.type === 'open') void admitSingle(state);
      return;
    }
    if (before.type === 'closed') return;
    prober.stop();
    waiters.releaseAll();
    onChange?.({ type: 'closed', since: before.since, at: now, kind: before.kind });
  };

  /** One call goes first; the others follow when it has ended. */
  const admitSingle = async (trial: BreakerState): Promise<void> => {
    prober.stop();
    while (state === trial) {
      if (!waiters.releaseFirst()) return;
      await clock.sleep(halfOpenMs);
    }
  };

  return {
    record: move,
    waitUntilClosed(signal) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      if (state.type === 'closed' || (state.type === 'trial' && waiters.size() === 0)) return passed;
      const waiting = waiters.add(signal, () => {
        if (waiters.size() === 0) prober.stop();
      });
      if (state.type === 'open') prober.start();
      return waiting;
    },
    openSince: () => (state.type === 'closed' ? null : state.since),
    openKind: () => (state.type === 'closed' ? null : state.kind),
    isOpen: () => state.type === 'open',
  };
}

interface ProbeControl {
  /** Probes made so far without an answer; null when it is not open any more. */
  readonly probes: () => number | null;
  readonly onProbe: (answered: boolean) => void;
}

function createProber(
  { clock, random, probe, firstPauseMs = 500, maxPauseMs = 30_000 }: BreakerOptions,
  { probes, onProbe }: ProbeControl,
) {
  let probing: AbortController | undefined;
  const probeUntilAnswered = async (signal: AbortSignal): Promise<void> => {
    for (let made = probes(); made !== null; made = probes()) {
      try {
        await clock.sleep(probePauseMs(made, { firstPauseMs, maxPauseMs, random }), signal);
      } catch {
        return;
      }
      const answered = await probe().catch(() => false);
      // Its result is stale when the breaker closed or every waiter left meanwhile; the next loop may run already.
      if (signal.aborted) return;
      onProbe(answered);
    }
  };
  return {
    start() {
      if (probing !== undefined) return;
      probing = new AbortController();
      void probeUntilAnswered(probing.signal);
    },
    stop() {
      probing?.abort();
      probing = undefined;
    },
  };
}

function createWaiters() {
  const waiters = new Set<() => void>();
  return {
    size: () => waiters.size,
    releaseAll() {
      const released = [...waiters];
      waiters.clear();
      for (const resolve of released) resolve();
    },
    /** False when none waits. */
    releaseFirst(): boolean {
      const [first] = waiters;
      if (first === undefined) return false;
      waiters.delete(first);
      first();
      return true;
    },
    add: (signal: AbortSignal, onLeave: () => void): Promise<void> =>
      new Promise<void>((resolve, reject) => {
        const waiter = (): void => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        const leave = (): void => {
          waiters.delete(waiter);
          onLeave();
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', leave, { once: true });
        waiters.add(waiter);
      }),
  };
}
