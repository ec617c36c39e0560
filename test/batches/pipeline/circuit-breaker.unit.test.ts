import { describe, expect, it } from 'vitest';
import { nextBreakerState, probePauseMs, type BreakerEvent, type BreakerState } from '../../../batches/pipeline/breaker-state.ts';
import { createCircuitBreaker } from '../../../batches/pipeline/circuit-breaker.ts';
import { circuitBreakerSuite } from '../../contracts/circuit-breaker.suite.ts';

describe('nextBreakerState', () => {
  const closed = (failures: number, streak: [kind: string, count: number] | null = null): BreakerState => ({
    type: 'closed',
    failures,
    streak: streak === null ? null : { kind: streak[0], count: streak[1] },
  });
  const trial: BreakerState = { type: 'trial', since: 5, probes: 3, kind: null };
  const open: BreakerState = { ...trial, type: 'open' };
  const failure = { type: 'transport_failure' } as const;
  const reached = { type: 'reached' } as const;
  const answered = { type: 'probe_answered' } as const;
  const failed = { type: 'probe_failed' } as const;
  const page = { type: 'open_outcome', kind: 'answer_untrusted', isFirst: true } as const;
  const byPages: BreakerState = { type: 'open', since: 5, probes: 0, kind: 'answer_untrusted' };

  it.each<[BreakerState, BreakerEvent, BreakerState]>([
    [closed(0), failure, closed(1)],
    [closed(8), failure, closed(9)],
    [closed(8), { type: 'server_trouble' }, closed(9)],
    [closed(9), failure, { type: 'open', since: 100, probes: 0, kind: null }],
    [closed(9), reached, closed(0)],
    [closed(9), answered, closed(9)],
    [closed(9), failed, closed(9)],
    [open, failure, open],
    [open, reached, closed(0)],
    [open, answered, trial],
    [open, failed, { ...open, probes: 4 }],
    [trial, failure, { ...open, probes: 4 }],
    [trial, reached, closed(0)],
    [trial, answered, trial],
    [trial, failed, trial],
    // Open outcomes of one kind.
    [closed(9), page, closed(0, ['answer_untrusted', 1])],
    [closed(0, ['answer_untrusted', 18]), page, closed(0, ['answer_untrusted', 19])],
    [closed(0, ['answer_untrusted', 19]), page, { type: 'open', since: 100, probes: 0, kind: 'answer_untrusted' }],
    [closed(0, ['code_x', 19]), page, closed(0, ['answer_untrusted', 1])],
    [closed(0, ['answer_untrusted', 19]), reached, closed(0)],
    [closed(0, ['answer_untrusted', 19]), failure, closed(1)],
    // A resend spends no row.
    [closed(0, ['answer_untrusted', 19]), { ...page, isFirst: false }, closed(0, ['answer_untrusted', 19])],
    [closed(0), { ...page, isFirst: false }, closed(0)],
    [closed(0, ['code_x', 19]), { ...page, isFirst: false }, closed(0)],
    [byPages, page, byPages],
    [{ ...byPages, type: 'trial' }, page, { ...byPages, probes: 1 }],
    [
      { ...byPages, type: 'trial' },
      { ...page, isFirst: false },
      { ...byPages, probes: 1 },
    ],
    [{ ...byPages, type: 'trial' }, { ...page, kind: 'code_x' }, closed(0, ['code_x', 1])],
    [trial, page, closed(0, ['answer_untrusted', 1])],
  ])('%j after %j is %j', (state, event, next) => {
    expect(nextBreakerState(state, event, { now: 100, threshold: 10, streak: 20 })).toEqual(next);
  });
});

describe('probePauseMs', () => {
  it('doubles from the first to the longest, with a jitter of a quarter', () => {
    const pauses = (random: () => number) =>
      [0, 1, 2, 6, 1000].map((probes) => probePauseMs(probes, { firstPauseMs: 500, maxPauseMs: 30_000, random }));
    expect(pauses(() => 0.5)).toEqual([500, 1_000, 2_000, 30_000, 30_000]);
    expect(pauses(() => 0)).toEqual([375, 750, 1_500, 22_500, 22_500]);
    expect(pauses(() => 0.999)[3]).toBeLessThan(37_500);
  });
});

circuitBreakerSuite('of the pipeline', createCircuitBreaker);
