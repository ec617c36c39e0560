import { describe, expect, it } from 'vitest';
import { readResponse, readResendResponse, type Evidence } from '../../../batches/record/evidence.ts';
import { responseCodes, failureClass, gatewayCodes, type FailureCode } from '../../../batches/gateway/failure-codes.ts';
import { transportCodes } from '../../../batches/gateway/gateway-response.ts';
import { isFinal, mayFollow, statuses, type RecordStatus } from '../../../batches/record/status.ts';
import {
  recordIntent,
  applyEvidence,
  recordConfirmIntent,
  scheduleNextCheck,
  rejectQueued,
  resendableUntil,
  markInterrupted,
  releaseInterruptedResend,
  whyNotResend,
} from '../../../batches/record/transitions.ts';
import { at, queuedRecord, sentRecord, session, transitionSettings } from '../../support/builders.ts';

const bytes = Buffer.from('{"a":1}');
const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');

const sees = (parts: Parameters<typeof session>[0], record = sentRecord()): Evidence =>
  readResponse({ type: 'answer', httpStatus: 200, json: { status: 'ok', session: session(parts) } }, record);

const says = (code: FailureCode, repeat = false): Evidence => {
  const decision = failureClass[code];
  const type = decision === 'setup' ? 'not_sent' : decision;
  const told = repeat && (type === 'not_sent' || type === 'refused') ? 'open' : type;
  return { type: told, code, reason: { code, description: 'why' }, stop: false };
};

describe('an intent', () => {
  it('makes a queued record submitting and keeps its bytes', () => {
    const change = recordIntent(queuedRecord(), { owner: 'me', at, leaseMs: 1000, bytes });
    expect(change).toMatchObject({
      expected: 1,
      body: { keep: bytes },
      after: { status: 'submitting', sends: 1, firstSentAt: at, leaseOwner: 'me', leaseUntil: at + 1000, version: 2 },
    });
    expect(change.event).toBeUndefined();
  });

  it('never keeps a body with a card number', () => {
    expect(recordIntent(queuedRecord({ hasCardNumber: true }), { owner: 'me', at, leaseMs: 1000, bytes }).body).toBeUndefined();
  });

  it('of a repeat leaves the record unknown and remembers the first send', () => {
    const open = sentRecord({ status: 'unknown', firstSentAt: at - 5000 });
    expect(recordIntent(open, { owner: 'me', at, leaseMs: 1000, bytes }).after).toMatchObject({
      status: 'unknown',
      sends: 2,
      firstSentAt: at - 5000,
      dueAt: at + 1000,
    });
  });

  it.each(recordStatuses.filter((status) => status !== 'queued' && status !== 'unknown'))('is refused for %s', (status) => {
    expect(() => recordIntent(sentRecord({ status }), { owner: 'me', at, leaseMs: 1, bytes })).toThrow(TypeError);
  });
});

describe('learning', () => {
  const findings: readonly Evidence[] = [
    ...[...transportCodes, ...gatewayCodes, ...responseCodes].flatMap((code) => [says(code), says(code, true)]),
    ...['in_progress', 'accepted', 'cancelled', 'error'].flatMap((status) =>
      ['in_progress', 'pending', 'succeeded', 'failed'].flatMap((entryStatus) =>
        [1230, 1, undefined].flatMap((amount) =>
          [undefined, 'confirm'].map((nextAction) =>
            sees({ status, entryStatus, amount, ...(nextAction === undefined ? {} : { nextAction }) }),
          ),
        ),
      ),
    ),
  ];

  it.each(recordStatuses)('moves %s only where it may go', (status) => {
    for (const finding of findings) {
      const record = sentRecord({ status });
      const change = applyEvidence(transitionSettings, record, finding, at);
      if (change === null) continue;
      expect(isFinal[status]).toBe(false);
      const to = change.after.status;
      expect(to === status || mayFollow[status].includes(to), `${status} -> ${to}`).toBe(true);
      expect(change.expected).toBe(record.version);
      expect(change.after.version).toBe(record.version + 1);
      // An event exactly when a published status is new.
      expect(change.event !== undefined).toBe(to !== status && to !== 'queued' && to !== 'submitting');
      if (change.event !== undefined) expect(change.event.sequence).toBe(record.sequence + 1);
    }
  });

  it('returns to the queue only on proof, and only a first send', () => {
    expect(applyEvidence(transitionSettings, sentRecord(), says('connection_refused'), at)?.after).toMatchObject({
      status: 'queued',
      sends: 0,
      firstSentAt: null,
      leaseOwner: null,
    });
    expect(applyEvidence(transitionSettings, sentRecord({ sends: 2 }), says('connection_refused'), at)).toBeNull();
    expect(applyEvidence(transitionSettings, sentRecord({ status: 'unknown' }), says('connection_refused'), at)).toBeNull();
  });

  it('holds what may have arrived open, and has it repeated', () => {
    const change = applyEvidence(transitionSettings, sentRecord(), says('connection_lost'), at);
    expect(change?.after).toMatchObject({ status: 'unknown', dueAt: at + 1000 });
    expect(change?.event).toMatchObject({ status: 'unknown', final: false, error: { code: 'connection_lost' } });
  });

  it('never repeats what is known to have arrived', () => {
    expect(applyEvidence(transitionSettings, sentRecord(), says('idempotency_key_already_exists'), at)?.after).toMatchObject({
      status: 'unknown',
      alreadyReceived: true,
      dueAt: null,
    });
  });

  it('keeps a refused body for a week and a paid one no longer', () => {
    expect(applyEvidence(transitionSettings, sentRecord(), says('account_not_found'), at)).toMatchObject({
      after: { status: 'failed' },
      body: { eraseAt: at + 7 * 86_400_000 },
    });
    expect(applyEvidence(transitionSettings, sentRecord(), sees({ status: 'accepted', entryStatus: 'succeeded' }), at)).toMatchObject({
      after: { status: 'succeeded' },
      body: { eraseAt: at },
    });
  });

  it('does not believe success with another amount', () => {
    const change = applyEvidence(transitionSettings, sentRecord(), sees({ status: 'accepted', entryStatus: 'succeeded', amount: 999 }), at);
    expect(change?.after).toMatchObject({ status: 'unknown', dueAt: null, reason: { code: 'evidence_mismatch' } });
  });

  it('holds success without an amount', () => {
    const change = applyEvidence(
      transitionSettings,
      sentRecord(),
      sees({ status: 'accepted', entryStatus: 'succeeded', amount: undefined }),
      at,
    );
    expect(change?.after).toMatchObject({ status: 'in_progress', reason: { code: 'amount_missing' } });
    expect(change?.after.dueAt).toBeGreaterThan(at);
  });

  it('believes the end of a session that we cancelled, whatever amount it showed', () => {
    const record = sentRecord({ status: 'unknown', sessionId: 'ps_1', cancelSession: 'ps_1' });
    expect(applyEvidence(transitionSettings, record, sees({ status: 'cancelled', amount: 999 }, record), at)?.after.status).toBe(
      'cancelled',
    );
    const theirs = sentRecord({ status: 'unknown', sessionId: 'ps_1' });
    expect(applyEvidence(transitionSettings, theirs, sees({ status: 'cancelled', amount: 999 }, theirs), at)?.after).toMatchObject({
      status: 'unknown',
      dueAt: null,
    });
  });

  it('is due at once when the gateway asks for confirmation', () => {
    expect(
      applyEvidence(transitionSettings, sentRecord(), sees({ entryStatus: 'pending', nextAction: 'confirm' }), at)?.after,
    ).toMatchObject({
      status: 'in_progress',
      dueAt: at,
    });
  });
});

describe('a repeat', () => {
  const open = sentRecord({ status: 'unknown', firstSentAt: at });

  it.each([
    ['its session is known', { sessionId: 'ps_1' }, transitionSettings],
    ['it arrived', { alreadyReceived: true }, transitionSettings],
    ['its body carries a card number', { hasCardNumber: true }, transitionSettings],
    ['it was sent too often', { sends: 12 }, transitionSettings],
    ['nobody knows how long keys live', {}, { ...transitionSettings, keyLifetimeMs: null }],
    ['the key may be forgotten', { firstSentAt: at - 12 * 3_600_000 + 30_000 }, transitionSettings],
  ])('is not made when %s', (_why, patch, withRules) => {
    expect(whyNotResend(withRules, { ...open, ...patch }, at)).not.toBeNull();
    expect(applyEvidence(withRules, { ...open, ...patch, sessionId: null }, says('connection_lost', true), at)?.after.dueAt ?? null).toBe(
      _why === 'its session is known' ? at + 1000 : null,
    );
  });

  it('may leave until the lifetime is over less the time an answer takes', () => {
    expect(whyNotResend(transitionSettings, open, at)).toBeNull();
    expect(resendableUntil(transitionSettings, open)).toBe(at + 12 * 3_600_000 - 30_000);
    expect(resendableUntil({ ...transitionSettings, keyLifetimeMs: null }, open)).toBe(0);
  });

  it('is what an interrupted send falls due for', () => {
    expect(markInterrupted(transitionSettings, sentRecord(), at).after).toMatchObject({
      status: 'unknown',
      dueAt: at,
      reason: { code: 'send_interrupted' },
    });
    const card = markInterrupted(transitionSettings, sentRecord({ hasCardNumber: true }), at).after;
    expect(card.dueAt).toBeNull();
    expect(card.reason?.description).toContain('card number');
  });

  it('is what an interrupted repeat falls due for, and nothing else', () => {
    const interrupted = { ...open, sends: 2, leaseOwner: 'the dead', leaseUntil: at + 60_000, dueAt: at + 60_000 };
    expect(releaseInterruptedResend(interrupted, at)?.after).toMatchObject({ status: 'unknown', sends: 2, leaseOwner: null, dueAt: at });
    expect(releaseInterruptedResend({ ...interrupted, leaseOwner: null }, at)).toBeNull();
    expect(releaseInterruptedResend(sentRecord(), at)).toBeNull();
  });

  it('never proves that the first send did not arrive', () => {
    const finding = readResendResponse(
      { type: 'answer', httpStatus: 400, json: { status: 'error', error: { code: 'account_not_found' } } },
      open,
    );
    expect(applyEvidence(transitionSettings, open, finding, at)?.after.status).toBe('unknown');
  });
});

describe('following', () => {
  it('grows its pauses to ten minutes', () => {
    const due = (checks: number): number =>
      (scheduleNextCheck(transitionSettings, sentRecord({ status: 'in_progress', sessionId: 'ps_1', checks }), at)?.after.dueAt ?? 0) - at;
    expect(due(0)).toBe(2000);
    expect(due(1)).toBe(3000);
    expect(due(30)).toBe(600_000);
  });

  it('confirms one session only', () => {
    expect(recordConfirmIntent(sentRecord(), 'ps_1')?.after.confirmSession).toBe('ps_1');
    expect(recordConfirmIntent(sentRecord({ confirmSession: 'ps_1' }), 'ps_2')).toBeNull();
  });
});

it('only a queued record falls with its batch', () => {
  const reason = { code: 'batch_refused', description: 'd' };
  expect(rejectQueued(transitionSettings, queuedRecord(), reason, at)).toMatchObject({
    after: { status: 'rejected' },
    event: { status: 'rejected', error: reason },
  });
  for (const status of recordStatuses)
    if (status !== 'queued') expect(rejectQueued(transitionSettings, sentRecord({ status }), reason, at)).toBeNull();
});
