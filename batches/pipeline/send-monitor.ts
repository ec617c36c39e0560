/** What one send met, as far as it concerns all others: breaker, rate, outage, and whether the run can go on at all. */
import { failureClass, suggestsWrongSetup, tripsBreaker } from '../gateway/failure-codes.ts';
import { deliveryOf } from '../gateway/gateway-response.ts';
import type { Clock } from '../ports/clock.ts';
import type { Limiter } from '../ports/limiter.ts';
import type { FirstSendEvidence, ResendEvidence } from '../record/evidence.ts';
import type { Reason } from '../record/record.ts';
import type { BreakerOutcome, CircuitBreaker } from './circuit-breaker.ts';
import type { WaitReporter } from './notice.ts';

export interface SendMonitor {
  /** Called in the order in which sends end, before the next one takes the slot. */
  report(evidence: FirstSendEvidence | ResendEvidence, isFirst: boolean): void;
  /** Why nothing gets through, and since when; null while something does. */
  heldUp(): HeldUp | null;
}

/**
 * - `unreachable`: no request reaches the gateway
 * - `server_trouble`: it answers nothing but errors of its own
 * - `alike`: it answers every instruction with the open outcome `kind`
 * - `asked_to_wait`: it asks to send more slowly, or to wait
 */
export type HeldUp =
  | { readonly type: 'unreachable' | 'server_trouble' | 'asked_to_wait'; readonly since: number }
  | { readonly type: 'alike'; readonly since: number; readonly kind: string };

export interface SendMonitorDeps {
  readonly breaker: Pick<CircuitBreaker, 'record' | 'openSince' | 'openKind'>;
  readonly limiter: Pick<Limiter, 'pushBack' | 'slowDown' | 'closedForMs'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly waits: WaitReporter;
  readonly haltRun: (reason: Reason) => void;
}

/** Failures in a row that are no accident. The breaker opens later; a file of a few rows would take minutes to open it. */
const outageFailures = 3;
/** First sends of a run that all meet the same page of something that is not the gateway's API. */
const wrongSetupSends = 3;

/** Null for a send that we held back ourselves: it says nothing of the gateway. */
function outcomeOf(evidence: FirstSendEvidence | ResendEvidence, isFirst: boolean): BreakerOutcome | null {
  if (evidence.type === 'session') return { type: 'reached' };
  const { code } = evidence;
  if (code === 'lease_over') return null;
  if (tripsBreaker[code]) return { type: code in deliveryOf ? 'transport_failure' : 'server_trouble' };
  const decision = failureClass[code];
  const isOpen = decision === 'open' || decision === 'manual_review' || decision === 'already_received';
  return isOpen ? { type: 'open_outcome', kind: evidence.reason.code, isFirst } : { type: 'reached' };
}

export function createSendMonitor(deps: SendMonitorDeps): SendMonitor {
  const { breaker, limiter, clock } = deps;
  const outage = createOutageWatch(clock);
  const pushback = createPushbackWatch(deps);
  const setup = createSetupWatch(deps.haltRun);
  return {
    report(evidence, isFirst) {
      const outcome = outcomeOf(evidence, isFirst);
      if (outcome !== null) {
        outage.note(outcome);
        breaker.record(outcome);
        pushback.note(evidence);
        if (evidence.type !== 'session' && evidence.code === 'too_many_requests') limiter.slowDown();
      }
      setup(evidence, isFirst);
    },
    heldUp() {
      const [unreachable, openSince, waiting] = [outage.since(), breaker.openSince(), pushback.since()];
      const kind = breaker.openKind();
      if (unreachable !== null) return { type: 'unreachable', since: unreachable };
      if (openSince !== null)
        return kind === null ? { type: 'server_trouble', since: openSince } : { type: 'alike', since: openSince, kind };
      return waiting === null ? null : { type: 'asked_to_wait', since: waiting };
    },
  };
}

function createOutageWatch(clock: Pick<Clock, 'now'>) {
  let failures = 0;
  let firstAt = 0;
  return {
    note({ type }: BreakerOutcome): void {
      if (type !== 'transport_failure') failures = 0;
      else if ((failures += 1) === 1) firstAt = clock.now();
    },
    since: (): number | null => (failures >= outageFailures ? firstAt : null),
  };
}

/** Since when the gateway asks to wait, with nothing else between: HTTP 429, or a Retry-After that is not over. */
function createPushbackWatch({ limiter, clock, waits }: Pick<SendMonitorDeps, 'limiter' | 'clock' | 'waits'>) {
  let since: number | null = null;
  return {
    note(evidence: FirstSendEvidence | ResendEvidence): void {
      const failure = evidence.type === 'session' ? null : evidence;
      if (failure?.retryAfterMs !== undefined) {
        limiter.pushBack(failure.retryAfterMs);
        waits.started({ what: 'sends', reason: failure.reason, ms: failure.retryAfterMs });
      }
      if (failure?.retryAfterMs !== undefined || failure?.code === 'too_many_requests') since ??= clock.now();
      else if (limiter.closedForMs() <= 0) since = null;
    },
    since: (): number | null => since,
  };
}

/** The configuration is wrong when the gateway rejects it, or when all first sends of a run get the same foreign page. */
function createSetupWatch(haltRun: (reason: Reason) => void): SendMonitor['report'] {
  let met: { readonly code: string; readonly sends: number } | 'various' | undefined;
  return (evidence, isFirst) => {
    if (evidence.type === 'session') {
      met = 'various';
      return;
    }
    if (evidence.type === 'config_error' || ('isConfigError' in evidence && evidence.isConfigError)) haltRun(evidence.reason);
    if (met === 'various' || evidence.code === 'lease_over') return;
    const { code, reason } = evidence;
    if (suggestsWrongSetup[code] !== true || (met !== undefined && met.code !== code)) {
      met = 'various';
      return;
    }
    if (!isFirst) return;
    met = { code, sends: (met?.sends ?? 0) + 1 };
    if (met.sends >= wrongSetupSends) haltRun(reason);
  };
}
