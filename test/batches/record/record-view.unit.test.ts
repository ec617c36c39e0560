import { describe, expect, it } from 'vitest';
import { recordView, type TimedRecord } from '../../../batches/record/record-view.ts';
import { at, queuedRecord, sentRecord } from '../../support/builders.ts';

const timed = (record: TimedRecord['record'], times: Partial<TimedRecord> = {}): TimedRecord => ({
  record,
  admittedAt: at - 5_000,
  changedAt: at + 1_000,
  ...times,
});
const hour = 3_600_000;

describe('a record as it is shown', () => {
  it('has its state, its times and its age since the first send', () => {
    const reason = { code: 'connection_lost', description: 'The connection was lost.' };
    const record = sentRecord({ status: 'unknown', reason, firstSentAt: at, keyLifetimeMs: 12 * hour, dueAt: at + 60_000, sends: 2 });
    expect(recordView(timed(record), at + 90_500)).toEqual({
      record_id: record.recordId,
      kind: 'payout',
      status: 'unknown',
      final: false,
      reason,
      batch_id: record.batchId,
      source: record.occurrence.source,
      amount_details: { amount: 1230, currency: 'EUR' },
      destination: 'DE**…3000',
      idempotency_key: record.idempotencyKey,
      attempt: 1,
      sends: 2,
      admitted_at: '2026-11-21T07:59:55.000Z',
      first_sent_at: '2026-11-21T08:00:00.000Z',
      changed_at: '2026-11-21T08:00:01.000Z',
      age_seconds: 90,
      next: { action: 'resend', at: '2026-11-21T08:01:00.000Z', until: '2026-11-21T20:00:00.000Z' },
      commands: [`disburse tail --record ${record.recordId}`],
    });
  });

  it('has the age since its admission while it was not sent, and no times that are not known', () => {
    expect(recordView(timed(queuedRecord()), at)).toMatchObject({ age_seconds: 5, next: { action: 'send' } });
    const old = recordView(timed(queuedRecord(), { admittedAt: null, changedAt: null }), at);
    expect(old.age_seconds).toBe(0);
    expect(old).not.toHaveProperty('admitted_at');
    expect(old).not.toHaveProperty('changed_at');
  });

  it.each([
    [
      'a session that is due',
      { status: 'in_progress', sessionId: 'ps_1', dueAt: at },
      { action: 'status_check', at: '2026-11-21T08:00:00.000Z' },
    ],
    ['a session that is not due', { status: 'in_progress', sessionId: 'ps_1', dueAt: null }, { action: 'person' }],
    ['an open send that is given up', { status: 'unknown', sessionId: null, dueAt: null, keyLifetimeMs: hour }, { action: 'person' }],
    [
      'an open send under a key of unknown lifetime',
      { status: 'unknown', sessionId: null, dueAt: at, keyLifetimeMs: null },
      { action: 'person', at: '2026-11-21T08:00:00.000Z' },
    ],
    [
      'a send that is under way',
      { status: 'submitting', firstSentAt: at, keyLifetimeMs: hour, leaseUntil: at + 60_000 },
      { action: 'resend', at: '2026-11-21T08:01:00.000Z', until: '2026-11-21T09:00:00.000Z' },
    ],
  ] as const)('shows the next action of its state: %s', (_, patch, next) => {
    expect(recordView(timed(sentRecord(patch)), at).next).toEqual(next);
  });

  it.each(['succeeded', 'failed', 'cancelled', 'rejected'] as const)('shows no next action when it is %s', (status) => {
    const view = recordView(timed(sentRecord({ status })), at);
    expect(view.final).toBe(true);
    expect(view).not.toHaveProperty('next');
  });

  it('quotes its id for a shell where that is needed', () => {
    expect(recordView(timed(queuedRecord({ recordId: "a'b;c" })), at).commands).toEqual([`disburse tail --record 'a'\\''b;c'`]);
  });
});
