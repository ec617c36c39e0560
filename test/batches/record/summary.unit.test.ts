import { describe, expect, it } from 'vitest';
import type { Batch } from '../../../batches/record/batch.ts';
import { statuses, type Status } from '../../../batches/record/status.ts';
import { needsAttention, needsPerson, summarise, summarySchema } from '../../../batches/record/summary.ts';
import { byStatus, isBalanced, receivedOf, type TallyRow } from '../../../batches/record/tally.ts';

const batch: Batch = {
  batchId: 'b'.repeat(64),
  file: 'may.csv',
  policy: 'skip',
  encoding: 'utf-8',
  delimiter: ',',
  bytes: 1,
  blockDigests: [],
  state: 'finished',
  phase: 'released',
  startedAt: Date.parse('2026-11-21T08:00:00Z'),
  finishedAt: Date.parse('2026-11-21T08:00:10Z'),
  sent: 11,
  firstSentAt: 1000,
  lastSentAt: 5000,
};
const tally = (status: TallyRow['status'], count: number, amountMinor: bigint, currency = 'EUR'): TallyRow => ({
  status,
  currency,
  count,
  amountMinor,
});

describe('a summary', () => {
  const rows = [
    tally('received', 4, 4_000n),
    tally('received', 1, 500n, 'JPY'),
    tally('received', 2, 0n, ''),
    tally('succeeded', 3, 3_000n),
    tally('failed', 1, 1_000n),
    tally('duplicate', 1, 500n, 'JPY'),
    tally('rejected', 2, 0n, ''),
    tally('unknown', 0, 0n),
  ];

  it('counts every status, zero or not, in exact amounts by currency', () => {
    const summary = summarise(batch, rows, { pauses: [], oldestMs: null, alerts: 0 });
    expect(summarySchema.parse(summary)).toEqual(summary);
    expect(Object.keys(summary.statuses)).toEqual([...statuses]);
    expect(summary).toMatchObject({
      received: { count: 7, amounts: { EUR: '40.00', JPY: '500' } },
      statuses: {
        succeeded: { count: 3, amounts: { EUR: '30.00' } },
        rejected: { count: 2, amounts: {} },
        unknown: { count: 0, amounts: {} },
      },
      balanced: true,
      started_at: '2026-11-21T08:00:00.000Z',
      finished_at: '2026-11-21T08:00:10.000Z',
      sent_per_second: 2.5,
    });
  });

  it.each([
    { sent: 10, span: 1, perSecond: 90 },
    { sent: 10, span: 0, perSecond: 90 },
    { sent: 1, span: 0, perSecond: 0 },
    { sent: 2, span: -5, perSecond: 10 },
    { sent: 101, span: 2_000, perSecond: 50 },
  ])('shows $perSecond a second for $sent sends within $span ms', ({ sent, span, perSecond }) => {
    expect(summarise({ ...batch, sent, lastSentAt: 1000 + span }, rows, { pauses: [], oldestMs: null, alerts: 0 }).sent_per_second).toBe(
      perSecond,
    );
  });

  it('has no end and no rate before the first send', () => {
    expect(
      summarise({ ...batch, finishedAt: null, sent: 0, firstSentAt: null, lastSentAt: null }, [], {
        pauses: [],
        oldestMs: null,
        alerts: 0,
      }),
    ).toMatchObject({
      finished_at: null,
      sent_per_second: 0,
      received: { count: 0, amounts: {} },
      balanced: true,
    });
  });

  it.each([
    { name: 'a row is missing', rows: [tally('received', 2, 10n), tally('succeeded', 1, 10n)] },
    { name: 'a cent is missing', rows: [tally('received', 1, 10n), tally('succeeded', 1, 9n)] },
    { name: 'a currency changed', rows: [tally('received', 1, 10n), tally('succeeded', 1, 10n, 'USD')] },
    { name: 'a row came from nowhere', rows: [tally('queued', 1, 10n)] },
  ])('is not balanced when $name', ({ rows: wrong }) => {
    expect(isBalanced(wrong)).toBe(false);
    expect(summarise(batch, wrong, { pauses: [], oldestMs: null, alerts: 0 }).balanced).toBe(false);
  });

  it('adds amounts beyond what a number can hold', () => {
    const huge = 9_007_199_254_740_991n;
    const many = [tally('received', 1, huge), tally('received', 1, huge)];
    expect(receivedOf(many).amounts).toEqual({ EUR: '180143985094819.82' });
    expect(byStatus(many).succeeded).toEqual({ count: 0, amounts: {} });
  });
});

describe('whether records need attention', () => {
  const only = (status: Status) =>
    summarise(batch, [tally('received', 1, 10n), tally(status, 1, 10n)], { pauses: [], oldestMs: null, alerts: 0 });

  it.each(statuses)('%s', (status) => {
    const well = status === 'succeeded' || status === 'duplicate';
    expect(needsAttention(only(status), 0, true)).toBe(!well);
    expect(needsAttention(only(status), 0, false)).toBe(!well && status !== 'in_progress');
  });

  it('a duplicate of what was not paid does, and books that do not balance', () => {
    expect(needsAttention(only('duplicate'), 1, true)).toBe(true);
    expect(
      needsAttention(
        summarise(batch, [tally('received', 2, 10n), tally('succeeded', 1, 10n)], { pauses: [], oldestMs: null, alerts: 0 }),
        0,
        true,
      ),
    ).toBe(true);
  });
});

describe('what needs a person', () => {
  const only = (status: Status, alerts = 0) =>
    summarise(batch, [tally('received', 1, 10n), tally(status, 1, 10n)], { pauses: [], oldestMs: null, alerts });

  it.each(statuses)('is asked of a batch that is balanced, by its statuses: %s', (status) => {
    expect(needsPerson(only(status))).toBe(['rejected', 'conflict', 'unknown', 'failed', 'cancelled'].includes(status));
  });

  it('is an alert, a pause while something is unsent, and a balance that is wrong', () => {
    expect(needsPerson(only('succeeded', 1))).toBe(true);
    const pauses = [{ batchId: null, code: 'paused', by: 'ann', reason: null, at: 0 }] as const;
    const queued = [tally('received', 1, 10n), tally('queued', 1, 10n)];
    expect(needsPerson(summarise({ ...batch, state: 'running' }, queued, { pauses, oldestMs: 0, alerts: 0 }))).toBe(true);
    expect(needsPerson(summarise(batch, [tally('received', 2, 10n)], { pauses: [], oldestMs: null, alerts: 0 }))).toBe(true);
  });

  it('is shown with how much is open, since when, and how many records have alerts', () => {
    const rows = [tally('received', 3, 30n), tally('queued', 1, 10n), tally('unknown', 2, 20n)];
    const summary = summarise(batch, rows, { pauses: [], oldestMs: 61_999, alerts: 2 });
    expect(summary).toMatchObject({ open: { count: 3, oldest_seconds: 61 }, alerts: 2 });
    expect(summarise(batch, [], { pauses: [], oldestMs: null, alerts: 0 }).open).toEqual({ count: 0, oldest_seconds: null });
  });
});
