/** Moves what falls due: status checks, confirmations and resends, a bounded number of them at once. */
import type { Clock } from '../ports/clock.ts';
import type { LedgerRecord } from '../record/record.ts';
import { follow, type FollowDeps } from './follow.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import type { HeldUp, SendMonitor } from './send-monitor.ts';
import type { Worker } from './worker.ts';

/** What is due now, and when the earliest of the rest falls due; null when there is none. */
export interface DueRecords {
  readonly records: readonly LedgerRecord[];
  readonly nextAt: number | null;
}

export interface OutageWatch {
  readonly heldUp: SendMonitor['heldUp'];
  readonly stop: (why: string) => void;
}

export type DueWorkerDeps = FollowDeps & OutageWatch & { readonly publisher: Pick<OutboxRelay, 'notify'>; readonly clock: Clock };

export interface DueWorkerParams {
  /** Records that are due, at most `limit`. */
  readonly due: (limit: number) => Promise<DueRecords>;
  /** `due` claims what it returns: others, and this worker, do not see it again for a while. Asks for no more than it can start. */
  readonly claims?: boolean;
  /** Longest pause between two looks while nothing is due, where each costs the ledger something; 100 ms when it is left out. */
  readonly idleMs?: number;
  /** How long nothing may get through to the gateway before the run stops; null: without end. */
  readonly waitMs: number | null;
}

/** Between two looks at what is due and at the gateway connection. */
const tickMs = 100;
const window = 128;

/** Its ticks start steps and do not wait for them; draining waits. */
export function createDueWorker(deps: DueWorkerDeps, { due, waitMs, claims = false, idleMs = tickMs }: DueWorkerParams): Worker {
  const underWay = new Map<string, Promise<void>>();
  // A step may itself wait: for a permit, a place, a closed breaker. Draining ends these waits, and no call in flight.
  const draining = new AbortController();
  const steps: FollowDeps = { ...deps, signal: AbortSignal.any([deps.signal, draining.signal]) };
  let nextAt: number | null = null;
  let failure: { readonly cause: unknown } | undefined;
  let wake = (): void => undefined;

  const move = async (record: LedgerRecord): Promise<void> => {
    try {
      await follow(steps, record);
      deps.publisher.notify();
    } catch (cause) {
      failure ??= { cause };
      wake();
    } finally {
      underWay.delete(record.recordId);
    }
  };
  const throwFailure = (): void => {
    if (failure !== undefined) throw failure.cause;
  };

  return {
    name: 'due worker',
    started: (wakes) => void (wake = wakes),
    async tick() {
      throwFailure();
      const room = window - underWay.size;
      const limit = claims ? room : window + underWay.size;
      const found = limit > 0 ? await due(limit) : { records: [], nextAt };
      const fresh = found.records.filter((record) => !underWay.has(record.recordId)).slice(0, Math.max(0, room));
      nextAt = found.records.length > 0 ? deps.clock.now() : found.nextAt;
      for (const record of fresh) underWay.set(record.recordId, move(record));
      if (waitMs !== null) stopWhenHeldUp(deps, waitMs);
      if (fresh.length > 0) return found.records.length >= limit ? 1 : tickMs;
      return Math.max(tickMs, Math.min(idleMs, nextAt === null ? idleMs : nextAt - deps.clock.now()));
    },
    async drain() {
      draining.abort(new Error('draining'));
      await Promise.all(underWay.values());
      throwFailure();
    },
  };
}

function stopWhenHeldUp({ clock, heldUp, stop }: OutageWatch & { readonly clock: Pick<Clock, 'now'> }, waitMs: number): void {
  const held = heldUp();
  if (held !== null && clock.now() - held.since > waitMs) stop(whyHeldUp(held));
}

/** As a clause for people. */
export function whyHeldUp(held: HeldUp): string {
  switch (held.type) {
    case 'unreachable':
      return 'the gateway cannot be reached';
    case 'server_trouble':
      return 'the gateway answers only with errors of its own';
    case 'alike':
      return `the gateway gives every instruction the same answer (${held.kind})`;
    case 'asked_to_wait':
      return 'the gateway asks for a pause (HTTP 429 or Retry-After)';
  }
}
