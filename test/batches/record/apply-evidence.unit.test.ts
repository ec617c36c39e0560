import { describe, expect, it } from 'vitest';
import { failureClass, gatewayCodes, responseCodes, type FailureCode } from '../../../batches/gateway/failure-codes.ts';
import { transportCodes } from '../../../batches/gateway/gateway-response.ts';
import { alertOf, newAlert } from '../../../batches/record/alert.ts';
import { raiseAlert } from '../../../batches/record/record-alerts.ts';
import { applyFirstSend, applyResend, applySession } from '../../../batches/record/apply-evidence.ts';
import type { FirstSendEvidence, ResendEvidence } from '../../../batches/record/evidence.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import type { Change } from '../../../batches/record/change.ts';
import type { SessionClaim, SessionEvidence, SessionVerdict } from '../../../batches/record/session-evidence.ts';
import { isFinal, mayFollow, statuses, type RecordStatus } from '../../../batches/record/status.ts';
import { markInterrupted, recordIntent, scheduleNextCheck } from '../../../batches/record/transitions.ts';
import { at, queuedRecord, sentRecord, transitionSettings } from '../../support/builders.ts';

const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');
const codes: readonly FailureCode[] = [...transportCodes, ...gatewayCodes, ...responseCodes];
const settings = transitionSettings;

const shows = (verdict: SessionVerdict, patch: Partial<SessionEvidence> = {}): SessionEvidence => ({
  sessionId: 'ps_1',
  entryId: 'po_1',
  isProven: verdict.type !== 'unproven',
  verdict,
  reason: null,
  payer: null,
  refunds: [],
  updatedAt: undefined,
  shown: [],
  ...patch,
});
const claims: readonly SessionClaim[] = ['pending', 'awaiting_confirmation', 'awaiting_capture', 'succeeded', 'failed', 'cancelled'];
const verdicts: readonly SessionVerdict[] = [
  ...claims.flatMap((claim): SessionVerdict[] => [{ type: claim }, { type: 'amount_missing', claim }, { type: 'amount_differs', claim }]),
  { type: 'unproven' },
  { type: 'contradiction', description: 'It contradicts.' },
  { type: 'double_payment' },
];

const met = (code: FailureCode) => ({ code, reason: { code, description: 'why' } });
const first = (code: FailureCode): FirstSendEvidence => ({ ...met(code), type: failureClass[code] });
const again = (type: 'already_received' | 'not_made' | 'nothing_new', code: FailureCode): ResendEvidence => ({
  ...met(code),
  type,
  isConfigError: false,
});

const afterFirst = (evidence: FirstSendEvidence, record = sentRecord(), intent = record): Change | null =>
  applyFirstSend(settings, record, { intent, evidence, at });
const afterResend = (evidence: ResendEvidence, record: LedgerRecord, intent = record): Change | null =>
  applyResend(settings, record, { intent, evidence, at });

describe('any evidence', () => {
  const changesOf = (record: LedgerRecord): (Change | null)[] => [
    ...codes.map((code) => afterFirst(first(code), record)),
    ...codes.flatMap((code) =>
      (['already_received', 'not_made', 'nothing_new'] as const).map((type) => afterResend(again(type, code), record)),
    ),
    ...verdicts.map((verdict) => applySession(settings, record, shows(verdict), at)),
  ];

  it.each(recordStatuses)('moves a record that is %s only where it may go, and never a final one', (status) => {
    for (const cancelSession of [null, 'ps_1']) {
      const record = sentRecord({ status, cancelSession, sends: status === 'queued' ? 0 : 1 });
      for (const change of changesOf(record)) {
        if (change === null) continue;
        expect(isFinal[status]).toBe(false);
        const to = change.after.status;
        expect(to === status || mayFollow[status].includes(to), `${status} -> ${to}`).toBe(true);
        expect(change).toMatchObject({ expected: record.version, after: { version: record.version + 1 } });
        expect(change.event?.sequence ?? change.after.sequence).toBe(change.after.sequence);
        expect(change.after.sequence - record.sequence).toBe(change.event === undefined ? 0 : 1);
      }
    }
  });

  it('gives every event an id of its own, along every path of up to five steps', () => {
    const ids = new Map<string, string>();
    const seen = new Set<string>();
    const walk = (record: LedgerRecord, path: readonly string[]): void => {
      if (path.length > 5 || isFinal[record.status]) return;
      const changes = [
        ...(record.status === 'queued'
          ? [
              recordIntent(record, {
                owner: 'me',
                at,
                clocks: { wallAt: at, uptimeMs: null },
                leaseMs: 1,
                bytes: Buffer.from(''),
                terms: settings,
              }),
            ]
          : []),
        ...(record.status === 'submitting' ? [markInterrupted(settings, record, at)] : []),
        ...(record.status === 'in_progress'
          ? [scheduleNextCheck(settings, record, at, { code: 'waits_for_person', description: 'd' })]
          : []),
        ...(record.status === 'queued'
          ? []
          : [
              ...(['connection_lost', 'account_not_found', 'idempotency_key_already_exists', 'connection_refused'] as const).map((code) =>
                afterFirst(first(code), record),
              ),
              ...verdicts.map((verdict) => applySession(settings, record, shows(verdict), at)),
            ]),
      ];
      for (const change of changes) {
        if (change === null) continue;
        const { event, after } = change;
        const to = [...path, `${after.status} ${after.reason?.code}`];
        if (event !== undefined) {
          // One place, one sequence: the same id only for what is the same.
          const what = `${event.sequence} ${event.status}`;
          const known = ids.get(event.event_id);
          expect(known === undefined || known === what || isFinal[event.status], `${what} and ${known} share an id`).toBe(true);
          ids.set(event.event_id, what);
        }
        const key = JSON.stringify([after.status, after.reason?.code, after.sequence, path.length]);
        if (seen.has(key)) continue;
        seen.add(key);
        walk(after, to);
      }
    };
    walk(queuedRecord(), []);
    expect(ids.size).toBeGreaterThan(10);
  });
});

describe('the answer to a first send', () => {
  it('returns the record to the queue only on proof, and only the only send', () => {
    expect(afterFirst(first('connection_refused'))?.after).toMatchObject({
      status: 'queued',
      sends: 0,
      firstSentAt: null,
      keyLifetimeMs: null,
      idempotencyHeader: null,
      leaseOwner: null,
    });
    expect(afterFirst(first('connection_refused'), sentRecord({ sends: 2 }))).toBeNull();
    expect(afterFirst(first('connection_refused'), sentRecord({ status: 'unknown' }))).toBeNull();
    expect(afterFirst(first('connection_refused'), sentRecord({ alreadyReceived: true }))).toBeNull();
    expect(afterFirst(first('authentication_error'))?.after.status).toBe('queued');
  });

  it('counts as its own while only an alert was written since the intent, and not once another process has taken over', () => {
    const intent = sentRecord();
    const alert = alertOf('ledger_behind', intent, { sessionId: null, description: 'd' });
    const alerted = raiseAlert(settings, intent, alert, at)?.after ?? intent;
    expect(alerted.version).toBe(intent.version + 1);
    const answer = (record: LedgerRecord, code: FailureCode) => applyFirstSend(settings, record, { intent, evidence: first(code), at });
    expect(answer(alerted, 'connection_refused')?.after).toMatchObject({ status: 'queued', alerts: alerted.alerts });
    expect(answer(alerted, 'connection_lost')?.after).toMatchObject({ status: 'unknown', leaseOwner: null, alerts: alerted.alerts });
    const taken = markInterrupted(settings, alerted, at).after;
    expect(answer(taken, 'connection_refused')).toBeNull();
    expect(answer(taken, 'connection_lost')).toBeNull();
    expect(answer({ ...alerted, leaseUntil: at + 999_999 }, 'connection_refused')).toBeNull();
  });

  it('fails the record only when it is the only send and nothing else showed arrival', () => {
    expect(afterFirst(first('account_not_found'))?.after).toMatchObject({ status: 'failed', reason: { code: 'account_not_found' } });
    for (const patch of [
      { sends: 2, status: 'unknown' },
      { alreadyReceived: true, status: 'unknown' },
      { sessionId: 'ps_1', isSessionProven: true, status: 'in_progress' },
    ] as const) {
      const record = sentRecord(patch);
      const change = afterFirst(first('account_not_found'), record);
      expect(change?.after).toMatchObject({ status: patch.status, resend: { code: 'account_not_found' } });
      expect(newAlert(record, change?.after ?? record, first('account_not_found'))).toMatchObject({ alert: 'evidence_mismatch' });
    }
  });

  it('holds what may have arrived open, and due for a resend', () => {
    const change = afterFirst(first('connection_lost'));
    expect(change?.after).toMatchObject({ status: 'unknown', dueAt: at + 1000 });
    expect(change?.event).toMatchObject({ status: 'unknown', final: false, error: { code: 'connection_lost' } });
  });

  it('leaves a code of unknown meaning to a person', () => {
    expect(afterFirst(first('code_unlisted'))?.after).toMatchObject({ status: 'unknown', dueAt: null });
  });

  it('keeps a refused body for a week and a paid one no longer', () => {
    expect(afterFirst(first('account_not_found'))).toMatchObject({ body: { eraseAt: at + 7 * 86_400_000 } });
    expect(applySession(settings, sentRecord(), shows({ type: 'succeeded' }), at)).toMatchObject({ body: { eraseAt: at } });
  });
});

describe('the answer to a resend', () => {
  const why = { code: 'connection_lost', description: 'The connection was lost.' };
  const open = sentRecord({ status: 'unknown', sends: 2, reason: why, dueAt: at });

  it('never replaces the reason of the first send, but for proof of arrival', () => {
    for (const type of ['not_made', 'nothing_new'] as const)
      for (const code of codes) expect(afterResend(again(type, code), open)).toMatchObject({ after: { status: 'unknown', reason: why } });
    const proof = afterResend(again('already_received', 'idempotency_key_already_exists'), open);
    expect(proof?.after).toMatchObject({ alreadyReceived: true, dueAt: null, reason: { code: 'idempotency_key_already_exists' } });
    expect(proof?.event).toMatchObject({ status: 'unknown', sequence: open.sequence + 1 });
  });

  it('is kept beside the reason', () => {
    expect(afterResend(again('nothing_new', 'account_not_found'), open)?.after.resend).toEqual(met('account_not_found').reason);
    expect(afterResend(again('not_made', 'connection_refused'), open)?.after.resend).toEqual(met('connection_refused').reason);
    expect(afterResend(again('not_made', 'lease_over'), { ...open, resend: why })?.after.resend).toEqual(why);
  });

  it('counts only a resend that was made', () => {
    expect(afterResend(again('not_made', 'connection_refused'), open)?.after.sends).toBe(1);
    expect(afterResend(again('nothing_new', 'connection_lost'), open)?.after.sends).toBe(2);
    const often = { ...open, sends: 12 };
    expect(afterResend(again('not_made', 'connection_refused'), often)?.after.dueAt).not.toBeNull();
    expect(afterResend(again('nothing_new', 'connection_lost'), often)?.after.dueAt).toBeNull();
  });

  it('says nothing of a send that another process made since, unless it shows a session or proves arrival', () => {
    const theirs = { ...open, version: open.version + 1, sends: open.sends + 1, leaseUntil: at + 1 };
    expect(afterResend(again('nothing_new', 'connection_lost'), theirs, open)).toBeNull();
    expect(afterResend(again('not_made', 'lease_over'), theirs, open)).toBeNull();
    expect(afterResend(again('already_received', 'idempotency_key_already_exists'), theirs, open)).not.toBeNull();
    expect(afterResend({ type: 'session', session: shows({ type: 'pending' }) }, theirs, open)?.after.sessionId).toBe('ps_1');
  });
});

describe('a session', () => {
  const applied = (verdict: SessionVerdict, patch: Partial<LedgerRecord> = {}): Change | null =>
    applySession(settings, sentRecord({ status: 'in_progress', ...patch }), shows(verdict), at);

  it.each([
    ['succeeded', 'succeeded'],
    ['failed', 'failed'],
    ['cancelled', 'cancelled'],
  ] as const)('that proves %s ends the record', (claim, status) => {
    expect(applied({ type: claim })?.after).toMatchObject({ status, dueAt: null, sessionId: 'ps_1', isSessionProven: true });
  });

  it.each(['succeeded', 'failed', 'cancelled'] as const)('that claims %s with another amount is held, and checked no more', (claim) => {
    expect(applied({ type: 'amount_differs', claim })?.after).toMatchObject({
      status: 'unknown',
      dueAt: null,
      reason: { code: 'evidence_mismatch' },
    });
  });

  it.each(['succeeded', 'failed', 'cancelled', 'awaiting_confirmation'] as const)(
    'that claims %s without an amount is checked again',
    (claim) => {
      const after = applied({ type: 'amount_missing', claim })?.after;
      expect(after).toMatchObject({ status: 'in_progress', reason: { code: 'amount_missing' } });
      expect(after?.dueAt).toBeGreaterThan(at);
    },
  );

  it('that contradicts itself is held and checked again; one with two payments is checked no more', () => {
    const held = applied({ type: 'contradiction', description: 'It contradicts.' })?.after;
    expect(held).toMatchObject({ status: 'unknown', reason: { code: 'evidence_mismatch' } });
    expect(held?.dueAt).toBeGreaterThan(at);
    expect(applied({ type: 'double_payment' })?.after).toMatchObject({
      status: 'unknown',
      reason: { code: 'possible_double_payment' },
      dueAt: null,
    });
  });

  it('that we cancelled ends cancelled, whatever amount it shows', () => {
    for (const verdict of [
      { type: 'amount_differs', claim: 'cancelled' },
      { type: 'amount_missing', claim: 'cancelled' },
    ] as const)
      expect(applied(verdict, { sessionId: 'ps_1', cancelSession: 'ps_1' })?.after.status).toBe('cancelled');
  });

  it('that we cancelled keeps the reason why, whatever the gateway calls it', () => {
    const why = { code: 'evidence_mismatch', description: 'It showed another amount.' };
    const before = { sessionId: 'ps_1', cancelSession: 'ps_1', status: 'unknown', reason: why } as const;
    for (const reason of [null, { code: 'cancelled_by_merchant', description: 'x' }])
      expect(applySession(settings, sentRecord(before), shows({ type: 'cancelled' }, { reason }), at)?.event?.error).toMatchObject(why);
  });

  it('that asks for confirmation is due at once, until it was decided', () => {
    expect(applied({ type: 'awaiting_confirmation' })?.after).toMatchObject({ status: 'in_progress', dueAt: at });
    expect(applied({ type: 'awaiting_confirmation' }, { confirmSession: 'ps_1' })?.after.dueAt).toBeGreaterThan(at);
    expect(applied({ type: 'amount_differs', claim: 'awaiting_confirmation' })?.after).toMatchObject({ status: 'unknown', dueAt: at });
  });

  it('that is not proven is checked, and the record never resent', () => {
    const after = applySession(settings, sentRecord(), shows({ type: 'unproven' }), at)?.after;
    expect(after).toMatchObject({
      status: 'in_progress',
      sessionId: 'ps_1',
      isSessionProven: false,
      alreadyReceived: true,
      reason: { code: 'session_unproven' },
    });
  });

  it('is reported once for each fact', () => {
    const record = sentRecord({ status: 'in_progress' });
    for (const verdict of [{ type: 'double_payment' }, { type: 'amount_differs', claim: 'succeeded' }] as const) {
      const session = shows(verdict, { shown: [{ amount: '7', currency: 'USD' }] });
      const evidence = { type: 'session', session } as const;
      const after = applySession(settings, record, session, at)?.after ?? record;
      expect(newAlert(record, after, evidence)).toMatchObject({
        alert: verdict.type === 'double_payment' ? 'possible_double_payment' : 'evidence_mismatch',
        sessionId: 'ps_1',
        expected: { amount: '1230', currency: 'EUR' },
        seen: [{ amount: '7', currency: 'USD' }],
      });
      expect(newAlert(after, after, evidence)).toBeNull();
    }
    expect(newAlert(record, record, { type: 'session', session: shows({ type: 'succeeded' }) })).toBeNull();
  });
});

it('an answer that comes after a webhook which asks for confirmation leaves the wait as it is', () => {
  const waiting = sentRecord({ status: 'in_progress', sessionId: 'ps_1', isSessionProven: true, awaitsConfirmationSince: at - 50 });
  const late = applySession(settings, waiting, shows({ type: 'pending' }), at, 'answer');
  expect(late?.after.awaitsConfirmationSince).toBe(at - 50);
  expect(applySession(settings, waiting, shows({ type: 'pending' }), at)?.after.awaitsConfirmationSince).toBeNull();
});

describe('an answer that shows another session than the one that the record has', () => {
  const record = sentRecord({ status: 'in_progress', sessionId: 'ps_9', isSessionProven: true, confirmSession: 'ps_9' });

  it.each(['first', 'again'] as const)('moves nothing, and is an alert (%s)', (which) => {
    const evidence = { type: 'session', session: shows({ type: 'amount_differs', claim: 'awaiting_confirmation' }) } as const;
    const params = { intent: record, evidence, at };
    expect(which === 'first' ? applyFirstSend(settings, record, params) : applyResend(settings, record, params)).toBeNull();
    expect(newAlert(record, record, evidence)).toMatchObject({ alert: 'second_session', sessionId: evidence.session.sessionId });
  });
});
