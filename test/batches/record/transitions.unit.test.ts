import { describe, expect, it } from 'vitest';
import { isKeyRemembered, keyAge, resendableUntil, whyNotResend } from '../../../batches/record/resend-rules.ts';
import { statuses, type RecordStatus } from '../../../batches/record/status.ts';
import {
  giveUpResend,
  markInterrupted,
  recordCancelIntent,
  recordConfirmIntent,
  recordIntent,
  rejectQueued,
  releaseInterruptedResend,
  rescheduleResend,
  scheduleNextCheck,
  type IntentParams,
} from '../../../batches/record/transitions.ts';
import { at, queuedRecord, sentRecord, transitionSettings } from '../../support/builders.ts';

const bytes = Buffer.from('{"a":1}');
const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');

const clocks = { wallAt: at + 5, uptimeMs: 77 };
const params: IntentParams = { owner: 'me', at, clocks, leaseMs: 1000, bytes, terms: transitionSettings };

describe('an intent', () => {
  it('makes a queued record submitting and keeps its bytes', () => {
    const change = recordIntent(queuedRecord(), params);
    expect(change).toMatchObject({
      expected: 1,
      body: { keep: bytes },
      after: { status: 'submitting', sends: 1, firstSentAt: at, sentClocks: clocks, leaseOwner: 'me', leaseUntil: at + 1000, version: 2 },
    });
    expect(change.event).toBeUndefined();
  });

  it('never keeps a body with a card number', () => {
    expect(recordIntent(queuedRecord({ hasCardNumber: true }), params).body).toBeUndefined();
  });

  it('keeps the terms of a first send: key lifetime and header', () => {
    const terms = { keyLifetimeMs: null, idempotencyHeader: 'X-Idem' };
    const { after, intent } = recordIntent(queuedRecord(), { ...params, terms: { ...transitionSettings, ...terms, timeoutMs: 30 } });
    expect(after).toMatchObject({ ...terms, sentClocks: params.clocks });
    expect(intent).toEqual({ marginMs: 30, clocks: params.clocks });
  });

  it('of a resend leaves the record unknown, and keeps time and terms of the first send', () => {
    const open = sentRecord({ status: 'unknown', firstSentAt: at - 5000 });
    const terms = { ...transitionSettings, keyLifetimeMs: 1, idempotencyHeader: 'X-Idem', timeoutMs: 30 };
    expect(recordIntent(open, { ...params, terms }).after).toMatchObject({
      status: 'unknown',
      sends: 2,
      firstSentAt: at - 5000,
      sentClocks: open.sentClocks,
      keyLifetimeMs: open.keyLifetimeMs,
      idempotencyHeader: open.idempotencyHeader,
      dueAt: at + 1000,
    });
  });

  it.each(recordStatuses.filter((status) => status !== 'queued' && status !== 'unknown'))('is refused for %s', (status) => {
    expect(() => recordIntent(sentRecord({ status }), params)).toThrow(TypeError);
  });
});

describe('a resend', () => {
  const open = sentRecord({ status: 'unknown', firstSentAt: at });

  it.each([
    ['its session is known', { sessionId: 'ps_1' }],
    ['it arrived', { alreadyReceived: true }],
    ['it was sent too often', { sends: 12 }],
    ['the key lifetime was unset when it was first sent', { keyLifetimeMs: null }],
    ['it was first sent under another header', { idempotencyHeader: 'X-Idem' }],
    ['the key may be forgotten', { firstSentAt: at - 12 * 3_600_000 + 30_000 }],
    ['the key may be forgotten by the lifetime of then', { firstSentAt: at - 60_000, keyLifetimeMs: 90_000 }],
  ])('is not made when %s', (_why, patch) => {
    expect(whyNotResend(transitionSettings, { ...open, ...patch }, at)).not.toBeNull();
  });

  it('may leave until the lifetime of the first send is over less the time an answer takes', () => {
    expect(whyNotResend(transitionSettings, open, at)).toBeNull();
    // What is configured now holds for what is sent from now on.
    expect(whyNotResend({ ...transitionSettings, keyLifetimeMs: null }, open, at)).toBeNull();
    expect(resendableUntil(transitionSettings, open)).toBe(at + 12 * 3_600_000 - 30_000);
    expect(resendableUntil(transitionSettings, { ...open, keyLifetimeMs: null })).toBe(0);
  });

  it('is made when only the letter case of its header was changed since', () => {
    const idempotencyHeader = transitionSettings.idempotencyHeader.toLowerCase();
    expect(whyNotResend({ ...transitionSettings, idempotencyHeader }, open, at)).toBeNull();
    expect(whyNotResend(transitionSettings, { ...open, idempotencyHeader: null }, at)).not.toBeNull();
  });

  it('judges the age of the key by the highest clock at hand', () => {
    const sent = { firstSentAt: at, sentClocks: { wallAt: at, uptimeMs: 1_000 } };
    const age = (now: number, wallAt: number, uptimeMs: number | null) => keyAge(sent, { at: now, machine: { wallAt, uptimeMs } });
    expect(age(at + 10, at + 10, 1_010)).toBe(10);
    // The ledger's clock stood still, the wall clock was set back by less than passed, the machine was suspended.
    expect(age(at, at + 30, 1_010)).toBe(30);
    expect(age(at + 30, at + 5, 1_010)).toBe(30);
    expect(age(at + 10, at + 10, 91_000)).toBe(90_000);
    // Another start of the machine, or another machine.
    expect(age(at + 10, at + 10, 500)).toBe(10);
    expect(age(at + 10, at + 10, null)).toBe(10);
  });

  it('is not made when a clock is behind what it was at the send, or was not kept', () => {
    const clocksNow = (now: number, wallAt: number, uptimeMs: number | null = 10) => ({ at: now, machine: { wallAt, uptimeMs } });
    const record = sentRecord({ firstSentAt: at, sentClocks: { wallAt: at, uptimeMs: null } });
    expect(isKeyRemembered(transitionSettings, record, clocksNow(at + 10, at + 10))).toBe(true);
    expect(isKeyRemembered(transitionSettings, record, clocksNow(at + 10, at - 1))).toBe(false);
    // Of another machine's send the wall clock may be behind.
    expect(isKeyRemembered(transitionSettings, record, clocksNow(at + 10, at - 1, null))).toBe(true);
    expect(isKeyRemembered(transitionSettings, record, clocksNow(at - 1, at + 10))).toBe(false);
    expect(isKeyRemembered(transitionSettings, { ...record, sentClocks: null }, clocksNow(at + 10, at + 10))).toBe(false);
    expect(isKeyRemembered(transitionSettings, record, clocksNow(at + 12 * 3_600_000 - 30_000, at + 10))).toBe(false);
  });

  it('is what an interrupted first send falls due for', () => {
    expect(markInterrupted(transitionSettings, sentRecord(), at).after).toMatchObject({
      status: 'unknown',
      dueAt: at,
      reason: { code: 'send_interrupted' },
    });
  });

  it('is ruled out in the event of an interrupted first send that cannot be resent, with why', () => {
    const other = markInterrupted(transitionSettings, sentRecord({ idempotencyHeader: 'X-Idem' }), at);
    expect(other.after.dueAt).toBeNull();
    expect(other.event?.error?.description).toContain('It is not resent: its key was first sent in the header X-Idem');
    expect(other.after.reason?.description).not.toContain('not resent');
  });

  it('is what an interrupted resend falls due for, and nothing else', () => {
    const interrupted = { ...open, sends: 2, leaseOwner: 'the dead', leaseUntil: at + 60_000, dueAt: at + 60_000 };
    expect(releaseInterruptedResend(interrupted, at)?.after).toMatchObject({ status: 'unknown', sends: 2, leaseOwner: null, dueAt: at });
    expect(releaseInterruptedResend({ ...interrupted, leaseOwner: null }, at)).toBeNull();
    expect(releaseInterruptedResend(sentRecord(), at)).toBeNull();
  });

  it('is given up and rescheduled as its reason allows', () => {
    const reason = { code: 'connection_lost', description: 'd' };
    const due = { ...open, reason, dueAt: at };
    const givenUp = giveUpResend(due)?.after ?? due;
    expect(givenUp.dueAt).toBeNull();
    expect(rescheduleResend(transitionSettings, givenUp, at)?.after.dueAt).toBe(at);
    expect(rescheduleResend(transitionSettings, { ...givenUp, sends: 12 }, at)).toBeNull();
    expect(rescheduleResend(transitionSettings, { ...givenUp, reason: { code: 'moon_phase', description: 'd' } }, at)).toBeNull();
    expect(giveUpResend({ ...due, sessionId: 'ps_1' })).toBeNull();
  });
});

describe('the next status check', () => {
  it('comes after pauses that grow to ten minutes', () => {
    const due = (checks: number): number =>
      (scheduleNextCheck(transitionSettings, sentRecord({ status: 'in_progress', sessionId: 'ps_1', checks }), at)?.after.dueAt ?? 0) - at;
    expect(due(0)).toBe(2000);
    expect(due(1)).toBe(3000);
    expect(due(30)).toBe(600_000);
  });

  it('publishes a reason that is new, and no other', () => {
    const record = sentRecord({ status: 'in_progress', sessionId: 'ps_1', reason: null });
    const reason = { code: 'waits_for_person', description: 'd' };
    expect(scheduleNextCheck(transitionSettings, record, at)?.event).toBeUndefined();
    expect(scheduleNextCheck(transitionSettings, record, at, reason)?.event).toMatchObject({ status: 'in_progress', error: reason });
    expect(scheduleNextCheck(transitionSettings, { ...record, reason }, at, reason)?.event).toBeUndefined();
  });
});

it('only one session of a record is ever noted for confirmation', () => {
  expect(recordConfirmIntent(transitionSettings, sentRecord(), { sessionId: 'ps_1', at })?.after.confirmSession).toBe('ps_1');
  expect(recordConfirmIntent(transitionSettings, sentRecord({ confirmSession: 'ps_1' }), { sessionId: 'ps_2', at })).toBeNull();
});

it('a session is noted for cancellation once, published with the reason', () => {
  const reason = { code: 'evidence_mismatch', description: 'd' };
  const record = sentRecord({ status: 'in_progress', sessionId: 'ps_1' });
  const change = recordCancelIntent(transitionSettings, record, { sessionId: 'ps_1', reason, at });
  expect(change).toMatchObject({
    after: { status: 'unknown', cancelSession: 'ps_1', reason },
    event: { status: 'unknown', error: reason },
  });
  expect(recordCancelIntent(transitionSettings, change?.after ?? record, { sessionId: 'ps_1', reason, at })).toBeNull();
  expect(recordCancelIntent(transitionSettings, { ...record, status: 'succeeded' }, { sessionId: 'ps_1', reason, at })).toBeNull();
});

it('only a queued record is rejected with its batch', () => {
  const reason = { code: 'batch_refused', description: 'd' };
  expect(rejectQueued(transitionSettings, queuedRecord(), reason, at)).toMatchObject({
    after: { status: 'rejected' },
    event: { status: 'rejected', error: reason },
  });
  for (const status of recordStatuses)
    if (status !== 'queued') expect(rejectQueued(transitionSettings, sentRecord({ status }), reason, at)).toBeNull();
});
