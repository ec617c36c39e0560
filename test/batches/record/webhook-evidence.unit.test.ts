/** The status machine as docs/gateway.md has it: what is known, what the gateway shows, and what follows. */
import { describe, expect, it } from 'vitest';
import { learnFromWebhook, ownersOf, webhookTypes, type WebhookLesson } from '../../../batches/record/webhook-evidence.ts';
import { readStatusCheck } from '../../../batches/record/evidence.ts';
import { applySession } from '../../../batches/record/apply-evidence.ts';
import { readSession } from '../../../batches/gateway/session.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { isFinal, mayFollow, statuses, type RecordStatus } from '../../../batches/record/status.ts';
import { at, keys, queuedRecord, sentRecord, session, transitionSettings } from '../../support/builders.ts';

const metadata = { record_id: 'inv-1', attempt: 1, idempotency_key: keys.idempotencyKey('payout', 'inv-1', 1) };
type Parts = NonNullable<Parameters<typeof session>[0]>;
const shown = (parts: Parts = {}): Record<string, unknown> => session({ metadata, ...parts });

const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');

/** A record in each status, with its session and before it. */
const known = (status: RecordStatus, patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  status === 'queued' || status === 'rejected'
    ? queuedRecord({ status, ...patch })
    : sentRecord({
        ...{ status, sessionId: 'ps_1', isSessionProven: true, alreadyReceived: true, entryId: 'po_1' },
        ...(status === 'submitting' ? {} : { leaseOwner: null, leaseUntil: null }),
        dueAt: isFinal[status] ? null : at + 60_000,
        ...patch,
      });

const learn = (record: LedgerRecord, parts: Parts, type: (typeof webhookTypes)[number] | 'other' = 'payment_finished'): WebhookLesson =>
  learnFromWebhook(transitionSettings, record, { type, session: shown(parts) }, at);

const sessionStatuses = ['created', 'in_progress', 'accepted', 'cancelled', 'canceled', 'error', 'a_status_of_tomorrow'];
const entryStatuses = ['in_progress', 'pending', 'succeeded', 'failed', 'a_status_of_tomorrow'];
const actions = [undefined, 'confirm', 'capture', 'an_action_of_tomorrow'];
const amounts: Parts[] = [{}, { amount: 1229 }, { currency: 'usd' }, { amount: undefined }];

/** Written by hand from docs/gateway.md, for a session of this record with equal amount. */
function documented(status: string, entry: string): 'succeeded' | 'failed' | 'open' {
  if (entry === 'succeeded') return 'succeeded';
  const isOver = status === 'accepted' || status === 'cancelled' || status === 'canceled';
  return entry === 'failed' && isOver ? 'failed' : 'open';
}

describe('a session by webhook, by status check and in every combination of status, entry and next action', () => {
  const combinations = sessionStatuses.flatMap((status) =>
    entryStatuses.flatMap((entryStatus) =>
      actions.map((nextAction): Parts => ({ status, entryStatus, ...(nextAction === undefined ? {} : { nextAction }) })),
    ),
  );

  it('ends an open record as docs/gateway.md says, and holds every status that is not known yet', () => {
    for (const parts of combinations) {
      const expected = documented(parts.status ?? '', parts.entryStatus ?? '');
      for (const record of [
        known('in_progress'),
        known('unknown'),
        sentRecord(),
        sentRecord({ status: 'unknown', leaseOwner: null, leaseUntil: null }),
      ]) {
        const after = learn(record, parts).change?.after ?? record;
        const what = JSON.stringify({ ...parts, known: record.status });
        if (expected === 'open') expect(isFinal[after.status], what).toBe(false);
        else expect(after.status, what).toBe(expected);
      }
    }
  });

  it('means the same to a webhook and to a status check, for a record that is in progress', () => {
    for (const parts of combinations) {
      for (const amount of amounts) {
        const record = known('in_progress');
        const json = { status: 'ok', session: shown({ ...parts, ...amount }) };
        const evidence = readStatusCheck({ type: 'answer', httpStatus: 200, json }, record);
        if (evidence.type !== 'session') throw new Error('no session');
        const checked = applySession(transitionSettings, record, evidence.session, at)?.after ?? record;
        const told = learn(record, { ...parts, ...amount }).change?.after ?? record;
        const of = ({ status, sessionId, entryId, reason }: LedgerRecord) => ({ status, sessionId, entryId, reason });
        expect(of(told), JSON.stringify({ ...parts, ...amount })).toEqual(of(checked));
      }
    }
  });

  it.each(recordStatuses)('moves a record that is %s only forward, never a final one, and says what became of it', (status) => {
    for (const parts of combinations) {
      for (const amount of amounts) {
        for (const id of ['ps_1', 'ps_2']) {
          const record = known(status);
          const { outcome, change, alerts } = learn(record, { ...parts, ...amount, id });
          const what = JSON.stringify({ ...parts, ...amount, id });
          if (change === null) {
            expect(outcome, what).not.toBe('applied');
            continue;
          }
          expect(isFinal[status], what).toBe(false);
          expect(outcome, what).toBe('applied');
          expect(change.expected).toBe(record.version);
          const to = change.after.status;
          const from = status === 'queued' ? 'submitting' : status;
          expect(to === from || mayFollow[from].includes(to), `${what} ${status} -> ${to}`).toBe(true);
          // A session that is not the record's own moves nothing.
          expect(change.after.sessionId, what).toBe(record.sessionId ?? id);
          if (status === 'queued') expect(alerts.map(({ alert }) => alert)).toContain('ledger_behind');
        }
      }
    }
  });

  it('is nothing new the second time, and what it asks for is asked once it is not decided', () => {
    for (const parts of combinations) {
      for (const amount of amounts) {
        for (const start of [known('in_progress'), sentRecord()]) {
          const first = learn(start, { ...parts, ...amount });
          if (first.change === null) continue;
          const again = learn(first.change.after, { ...parts, ...amount });
          const what = JSON.stringify({ ...parts, ...amount });
          if (first.asks.type === 'conclude') expect(again.asks.type, what).toBe('conclude');
          else expect(again, what).toMatchObject({ change: null, asks: { type: 'nothing' } });
          const decided = { ...first.change.after, confirmSession: 'ps_1' };
          expect(learn(decided, { ...parts, ...amount }).asks, what).toEqual({ type: 'nothing' });
        }
      }
    }
  });
});

describe('after the end', () => {
  const ends = ['succeeded', 'failed', 'cancelled'] as const;
  const succeeded: Parts = { status: 'accepted', entryStatus: 'succeeded' };
  const failed: Parts = { status: 'accepted', entryStatus: 'failed' };
  const asks: Parts = { entryStatus: 'pending', nextAction: 'confirm' };
  const cases: readonly (readonly [string, Parts, Readonly<Record<(typeof ends)[number], string>>])[] = [
    ['succeeded', succeeded, { succeeded: 'known', failed: 'contradicting', cancelled: 'contradicting' }],
    ['failed, session accepted', failed, { succeeded: 'contradicting', failed: 'known', cancelled: 'known' }],
    ['failed, session canceled', { ...failed, status: 'canceled' }, { succeeded: 'contradicting', failed: 'known', cancelled: 'known' }],
    ['failed, session error', { ...failed, status: 'error' }, { succeeded: 'late', failed: 'late', cancelled: 'late' }],
    ['in progress', {}, { succeeded: 'late', failed: 'late', cancelled: 'late' }],
    ['asks for confirmation', asks, { succeeded: 'late', failed: 'late', cancelled: 'late' }],
    ['asks without an amount', { ...asks, amount: undefined }, { succeeded: 'late', failed: 'late', cancelled: 'late' }],
    [
      'succeeded without an amount',
      { ...succeeded, amount: undefined },
      { succeeded: 'known', failed: 'contradicting', cancelled: 'contradicting' },
    ],
    [
      'succeeded with another amount',
      { ...succeeded, amount: 1 },
      { succeeded: 'contradicting', failed: 'contradicting', cancelled: 'contradicting' },
    ],
  ];
  it.each(cases.flatMap(([name, parts, expected]) => ends.map((end) => ({ name, parts, end, expected: expected[end] }))))(
    'a session that shows "$name" is $expected for a record that is $end',
    ({ parts, end, expected }) => {
      const lesson = learn(known(end), parts);
      expect(lesson).toMatchObject({ outcome: expected, change: null, asks: { type: 'nothing' } });
      expect(lesson.alerts.map(({ alert }) => alert)).toEqual(expected === 'contradicting' ? ['evidence_mismatch'] : []);
    },
  );

  it('a session of a record that the first send refused contradicts, unless nothing was paid in it', () => {
    const refused = known('failed', { sessionId: null, isSessionProven: false, entryId: null, alreadyReceived: false });
    expect(learn(refused, failed)).toMatchObject({ outcome: 'known', alerts: [] });
    for (const parts of [{}, asks, succeeded])
      expect(learn(refused, parts)).toMatchObject({ outcome: 'contradicting', change: null, alerts: [{ alert: 'evidence_mismatch' }] });
  });

  it('a second entry that succeeded is a possible double payment', () => {
    const twice = shown(succeeded);
    const [entry] = twice['payments'] as object[];
    const both = { ...twice, payments: [entry, { ...entry, id: 'po_2' }] };
    const lesson = learnFromWebhook(transitionSettings, known('succeeded'), { type: 'payment_finished', session: both }, at);
    expect(lesson).toMatchObject({ outcome: 'contradicting', change: null, alerts: [{ alert: 'possible_double_payment' }] });
  });
});

describe('another session or attempt of a record', () => {
  it.each([
    [{ status: 'accepted', entryStatus: 'succeeded' }, 'possible_double_payment', 'nothing'],
    [{ entryStatus: 'pending', nextAction: 'confirm' }, undefined, 'cancel_second'],
    [{}, 'second_session', 'nothing'],
    [{ status: 'cancelled', entryStatus: 'failed' }, undefined, 'nothing'],
  ] as const)('%j never moves the record', (parts, alert, asks) => {
    for (const status of ['in_progress', 'unknown', 'succeeded', 'cancelled'] as const) {
      const lesson = learn(known(status), { ...parts, id: 'ps_2' });
      expect(lesson).toMatchObject({ change: null, asks: { type: asks } });
      expect(lesson.alerts.map((one) => one.alert)).toEqual(alert === undefined ? [] : [alert]);
    }
  });

  it('an earlier attempt that succeeded is a possible double payment, and moves nothing; one that failed is known', () => {
    const second = known('in_progress', { attempt: 2, idempotencyKey: keys.idempotencyKey('payout', 'inv-1', 2), sessionId: 'ps_9' });
    expect(learn(second, { status: 'accepted', entryStatus: 'succeeded' })).toMatchObject({
      outcome: 'contradicting',
      change: null,
      alerts: [{ alert: 'possible_double_payment', sessionId: 'ps_1' }],
    });
    expect(learn(second, { status: 'accepted', entryStatus: 'failed' })).toMatchObject({ outcome: 'known', change: null, alerts: [] });
  });
});

it('the type of a webhook decides nothing but a refund', () => {
  for (const type of [...webhookTypes, 'other'] as const) {
    const lesson = learn(known('in_progress'), { status: 'accepted', entryStatus: 'succeeded' }, type);
    expect(lesson.change?.after.status).toBe('succeeded');
    expect(lesson.alerts.map(({ alert }) => alert)).toEqual(type === 'payment_refunded' ? ['refunded'] : []);
  }
});

it('owners are read from the session and its entries, each once, whatever else metadata holds', () => {
  const owners = (value: unknown) => {
    const read = readSession(value);
    return read.type === 'session' ? ownersOf(read.session) : [];
  };
  expect(owners({ ...shown(), metadata })).toEqual([{ recordId: 'inv-1', attempt: 1, idempotencyKey: metadata.idempotency_key }]);
  expect(owners(shown({ metadata: { ...metadata, attempt: '1' } }))).toMatchObject([{ attempt: 1 }]);
  for (const odd of [undefined, null, 'inv-1', 7, [], {}, { record_id: 7 }, { record_id: '' }])
    expect(owners(shown({ metadata: odd }))).toEqual([]);
  for (const attempt of [undefined, null, 0, -1, 1.5, 'one', {}])
    expect(owners(shown({ metadata: { ...metadata, attempt } }))).toMatchObject([{ attempt: null }]);
});
