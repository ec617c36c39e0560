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
    const patch = { firstSentAt: at, keyLifetimeMs: 12 * hour, dueAt: at + 60_000, sends: 2, leaseUntil: null };
    const record = sentRecord({ status: 'unknown', reason, ...patch });
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
      commands: ['disburse resolve inv-1 --as STATUS --evidence TEXT --reason TEXT', 'disburse explain inv-1'],
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

  const parked = (code: string, dueAt: number | null = null) => ({ reason: { code, description: 'Parked.' }, dueAt });

  it.each([
    ['a pause', parked('paused'), { action: 'resume' }],
    ['money', parked('underfunded'), { action: 'resume' }],
    ['an approval', parked('awaiting_approval'), { action: 'approval' }],
    ['its body', parked('body_missing'), { action: 'person' }],
    ['a look at its earlier attempt', parked('earlier_attempt'), { action: 'person' }],
    ['a time', parked('not_before', at), { action: 'send', at: '2026-11-21T08:00:00.000Z' }],
    ['its next attempt', { ...parked('retried', at), attempt: 2 }, { action: 'send', at: '2026-11-21T08:00:00.000Z' }],
  ] as const)('shows what a queued record waits for: %s', (_, patch, next) => {
    expect(recordView(timed(queuedRecord(patch)), at).next).toEqual(next);
  });

  const waiting = { status: 'in_progress', sessionId: 'ps_1', awaitsConfirmationSince: at, dueAt: at, leaseUntil: null } as const;

  it.each([
    ['by disburse', { reason: null }, { action: 'confirm', at: '2026-11-21T08:00:00.000Z', until: '2026-11-21T12:00:00.000Z' }],
    ['by a person', { reason: { code: 'waits_for_person', description: '' } }, { action: 'person', until: '2026-11-21T12:00:00.000Z' }],
    ['by the gateway, once it was asked', { confirmSession: 'ps_1' }, { action: 'status_check', at: '2026-11-21T08:00:00.000Z' }],
  ] as const)('shows who confirms its session, and until when: %s', (_, patch, next) => {
    expect(recordView(timed(sentRecord({ ...waiting, ...patch })), at).next).toEqual(next);
  });

  it('waits for a webhook while the payer has to act, and for a person to capture', () => {
    const reason = (code: string) => ({ ...waiting, awaitsConfirmationSince: null, reason: { code, description: '' } });
    expect(recordView(timed(sentRecord(reason('action_required'))), at).next).toEqual({
      action: 'webhook',
      at: '2026-11-21T08:00:00.000Z',
    });
    const view = recordView(timed(sentRecord(reason('waits_for_person'))), at);
    expect(view.next).toEqual({ action: 'person' });
    expect(view.commands[0]).toBe('disburse capture inv-1');
  });

  it('shows only alerts that no person has acknowledged', () => {
    const alert = (fact: string, acknowledged: boolean) => ({ alert: 'refunded', fact, at, acknowledged });
    const view = (...alerts: ReturnType<typeof alert>[]) => recordView(timed(sentRecord({ status: 'succeeded', alerts })), at);
    expect(view(alert('one', true), alert('two', false)).alerts).toEqual([{ alert: 'refunded', at: '2026-11-21T08:00:00.000Z' }]);
    expect(view(alert('one', true))).not.toHaveProperty('alerts');
  });

  it('waits for resume while its batch or everything is paused, whether it was parked or not', () => {
    const pause = { code: 'paused', by: 'ann', reason: null, at } as const;
    const view = (batchId: string | null, record = queuedRecord()) => recordView(timed(record), at, [{ ...pause, batchId }]);
    expect(view(null).next).toEqual({ action: 'resume' });
    expect(view(null).commands[0]).toBe('disburse resume --all');
    expect(view(queuedRecord().batchId).commands[0]).toBe(`disburse resume ${queuedRecord().batchId}`);
    expect(view('other').next).toEqual({ action: 'send' });
    expect(view(null, sentRecord({ status: 'unknown', dueAt: at, leaseUntil: null })).next).toMatchObject({ action: 'resend' });
  });

  it.each([
    ['queued', {}, ['disburse cancel --record=inv-1 --reason TEXT', 'disburse explain inv-1']],
    ['submitting', { leaseUntil: at + 1 }, ['disburse explain inv-1']],
    ['in_progress', { sessionId: 'ps_1', dueAt: at, leaseUntil: null }, ['disburse explain inv-1']],
    ['unknown', { leaseUntil: at + 1 }, ['disburse explain inv-1']],
    ['succeeded', {}, ['disburse explain inv-1']],
    ['failed', {}, ['disburse retry inv-1 --reason TEXT', 'disburse explain inv-1']],
    ['failed', { hasCardNumber: true }, ['disburse explain inv-1']],
    ['failed', { resolvedBy: 'ann' }, ['disburse explain inv-1']],
    ['cancelled', { sessionId: 'ps_1' }, ['disburse retry inv-1 --reason TEXT', 'disburse explain inv-1']],
  ] as const)('names the commands that its state allows: %s %o', (status, patch, commands) => {
    expect(recordView(timed(sentRecord({ status, ...patch })), at).commands).toEqual(commands);
  });

  it('names itself so that a shell and a command take it literally', () => {
    const commands = (recordId: string) => recordView(timed(sentRecord({ status: 'failed', recordId })), at).commands;
    expect(commands("a'b;c")[1]).toBe(`disburse explain 'a'\\''b;c'`);
    expect(commands('-x')).toEqual(['disburse retry --reason TEXT -- -x', 'disburse explain -- -x']);
    expect(recordView(timed(queuedRecord({ recordId: '-x' })), at).commands[0]).toBe('disburse cancel --record=-x --reason TEXT');
  });
});
