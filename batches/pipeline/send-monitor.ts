/** What one send met, as far as it concerns all others: breaker, rate, outage, and whether the run can go on at all. */
import { failureClass, suggestsWrongSetup, tripsBreaker } from '../gateway/failure-codes.ts';
import { deliveryOf } from '../gateway/gateway-response.ts';
import type { Clock } from '../ports/clock.ts';
import type { Limiter } from '../ports/limiter.ts';
import type { FirstSendEvidence, ResendEvidence } from '../record/evidence.ts';
import type { Reason } from '../record/record.ts';
import type { BreakerOutcome, CircuitBreaker } from './circuit-breaker.ts';

export interface SendMonitor {
  /** Called in the order in which sends end, before the next one takes the slot. */
  report(evidence: FirstSendEvidence | ResendEvidence, isFirst: boolean): void;
  /** Since when nothing has reached the gateway; null while something does. */
  unreachableSince(): number | null;
}

export interface SendMonitorDeps {
  readonly breaker: Pick<CircuitBreaker, 'record'>;
  readonly limiter: Pick<Limiter, 'pushBack' | 'slowDown'>;
  readonly clock: Pick<Clock, 'now'>;
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

export function createSendMonitor({ breaker, limiter, clock, haltRun }: SendMonitorDeps): SendMonitor {
  let failures = 0;
  let firstFailureAt = 0;
  const setup = createSetupWatch(haltRun);

  const countFailures = (outcome: BreakerOutcome): void => {
    if (outcome.type !== 'transport_failure') failures = 0;
    else if ((failures += 1) === 1) firstFailureAt = clock.now();
  };
  return {
    report(evidence, isFirst) {
      const outcome = outcomeOf(evidence, isFirst);
      if (outcome !== null) {
        countFailures(outcome);
        breaker.record(outcome);
      }
      if (evidence.type !== 'session') {
        if (evidence.retryAfterMs !== undefined) limiter.pushBack(evidence.retryAfterMs);
        if (evidence.code === 'too_many_requests') limiter.slowDown();
      }
      setup(evidence, isFirst);
    },
    unreachableSince: () => (failures >= outageFailures ? firstFailureAt : null),
  };
}

/** The set-up is wrong when the gateway says so, or when the first sends of a run all meet the same foreign page. */
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
