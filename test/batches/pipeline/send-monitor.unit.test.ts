import { describe, expect, it } from 'vitest';
import { failureClass, type FailureCode } from '../../../batches/gateway/failure-codes.ts';
import type { BreakerOutcome } from '../../../batches/pipeline/breaker-state.ts';
import { createWaitReporter, type Wait } from '../../../batches/pipeline/notice.ts';
import { createSendMonitor } from '../../../batches/pipeline/send-monitor.ts';
import type { FirstSendEvidence, ResendEvidence } from '../../../batches/record/evidence.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const first = (code: FailureCode, retryAfterMs?: number): FirstSendEvidence => ({
  type: failureClass[code],
  code,
  reason: { code, description: 'why' },
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});
const again = (code: FailureCode): ResendEvidence => ({
  type: 'nothing_new',
  code,
  reason: { code, description: 'why' },
  isConfigError: failureClass[code] === 'config_error',
});
const accepted: FirstSendEvidence = {
  type: 'session',
  session: {
    sessionId: 'ps_1',
    entryId: null,
    isProven: true,
    verdict: { type: 'pending' },
    reason: null,
    payer: null,
    refunds: [],
    updatedAt: undefined,
    shown: [],
  },
};

const start = () => {
  const clock = createVirtualClock(1_000_000);
  const outcomes: BreakerOutcome[] = [];
  const halts: string[] = [];
  const waits: Wait[] = [];
  let open: { since: number; kind: string | null } | null = null;
  let closedUntil = 0;
  let slowed = 0;
  const monitor = createSendMonitor({
    breaker: {
      record: (outcome) => void outcomes.push(outcome),
      openSince: () => open?.since ?? null,
      openKind: () => open?.kind ?? null,
    },
    limiter: {
      pushBack: (ms) => void (closedUntil = clock.now() + ms),
      closedForMs: () => Math.max(closedUntil - clock.now(), 0),
      slowDown: () => void (slowed += 1),
    },
    clock,
    waits: createWaitReporter({ clock, onWait: (wait) => void waits.push(wait) }),
    haltRun: (reason) => void halts.push(reason.code),
  });
  return { monitor, clock, outcomes, halts, waits, slowed: () => slowed, setOpen: (state: typeof open) => void (open = state) };
};

describe('the outcome of a send', () => {
  it.each([
    [accepted, { type: 'reached' }],
    [first('account_not_found'), { type: 'reached' }],
    [first('authentication_error'), { type: 'reached' }],
    [first('too_many_requests'), { type: 'reached' }],
    [first('connection_lost'), { type: 'transport_failure' }],
    [first('network_unreachable'), { type: 'transport_failure' }],
    [first('server_error'), { type: 'server_trouble' }],
    [first('answer_untrusted'), { type: 'open_outcome', kind: 'answer_untrusted', isFirst: true }],
    [first('idempotency_key_already_exists'), { type: 'open_outcome', kind: 'idempotency_key_already_exists', isFirst: true }],
    [
      { ...first('code_unlisted'), reason: { code: 'quota_of_the_moon', description: 'd' } },
      { type: 'open_outcome', kind: 'quota_of_the_moon', isFirst: true },
    ],
  ] as const)('%j is reported to the breaker as %j', (evidence, outcome) => {
    const { monitor, outcomes } = start();
    monitor.report(evidence as FirstSendEvidence, true);
    expect(outcomes).toEqual([outcome]);
  });

  it('that disburse held back itself is not reported to the breaker', () => {
    const { monitor, outcomes, halts } = start();
    monitor.report(first('lease_over'), true);
    expect([outcomes, halts, monitor.heldUp()]).toEqual([[], [], null]);
  });
});

describe('the configuration check of a run', () => {
  it('stops the run when the gateway rejects the configuration, for a first send or a resend', () => {
    const { monitor, halts } = start();
    monitor.report(first('authentication_error'), true);
    monitor.report(again('identification_error'), false);
    expect(halts).toEqual(['authentication_error', 'identification_error']);
  });

  it('stops the run when its first three sends all get the same foreign page', () => {
    const { monitor, halts } = start();
    for (let n = 0; n < 2; n += 1) monitor.report(first('http_unexpected'), true);
    expect(halts).toEqual([]);
    monitor.report(first('http_unexpected'), true);
    expect(halts).toEqual(['http_unexpected']);
  });

  it.each([
    ['an accepted send', accepted],
    ['a refusal', first('account_not_found')],
    ['another page', first('redirected')],
  ])('does not stop the run once it got %s, however many pages follow', (_name, other) => {
    const { monitor, halts } = start();
    monitor.report(first('http_unexpected'), true);
    monitor.report(other, true);
    for (let n = 0; n < 30; n += 1) monitor.report(first('http_unexpected'), true);
    expect(halts).toEqual([]);
  });

  it('does not stop the run for resends of a single record', () => {
    const { monitor, halts } = start();
    for (let n = 0; n < 30; n += 1) monitor.report(again('http_unexpected'), false);
    expect(halts).toEqual([]);
  });
});

describe('the reason why sending is held up', () => {
  it('is an unreachable gateway after three failures of the connection in a row, since the first', async () => {
    const { monitor, clock } = start();
    for (let n = 0; n < 3; n += 1) {
      expect(monitor.heldUp()).toBeNull();
      monitor.report(first('connection_refused'), true);
      await clock.pass(10);
    }
    expect(monitor.heldUp()).toEqual({ type: 'unreachable', since: 1_000_000 });
    monitor.report(accepted, true);
    expect(monitor.heldUp()).toBeNull();
  });

  it('is an open breaker, with its kind', () => {
    const { monitor, setOpen } = start();
    setOpen({ since: 7, kind: null });
    expect(monitor.heldUp()).toEqual({ type: 'server_trouble', since: 7 });
    setOpen({ since: 7, kind: 'answer_untrusted' });
    expect(monitor.heldUp()).toEqual({ type: 'alike', since: 7, kind: 'answer_untrusted' });
  });

  it('is a series of answers 429, since the first', async () => {
    const { monitor, clock, slowed } = start();
    monitor.report(first('too_many_requests'), true);
    await clock.pass(500);
    monitor.report(first('too_many_requests'), true);
    expect(monitor.heldUp()).toEqual({ type: 'asked_to_wait', since: 1_000_000 });
    expect(slowed()).toBe(2);
    monitor.report(accepted, true);
    expect(monitor.heldUp()).toBeNull();
  });

  it('is a Retry-After until it has passed, whatever calls in flight answer', async () => {
    const { monitor, clock } = start();
    monitor.report(first('too_many_requests', 86_400_000), true);
    await clock.pass(500);
    monitor.report(accepted, true);
    expect(monitor.heldUp()).toEqual({ type: 'asked_to_wait', since: 1_000_000 });
  });
});

it('a wait of more than five seconds is reported once, with its reason and its end, until it is over', async () => {
  const { monitor, clock, waits } = start();
  monitor.report(first('too_many_requests', 5_000), true);
  expect(waits).toEqual([]);
  for (let n = 0; n < 3; n += 1) monitor.report(first('too_many_requests', 60_000), true);
  expect(waits).toEqual([{ what: 'sends', reason: { code: 'too_many_requests', description: 'why' }, endsAt: 1_060_000 }]);
  await clock.pass(60_000);
  monitor.report(first('server_error', 10_000), true);
  expect(waits).toHaveLength(2);
});
