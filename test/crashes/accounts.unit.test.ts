import { describe, expect, it } from 'vitest';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { WitnessLine } from '../../sandbox/witness.ts';
import { accountOf, problemsOfSummary } from './accounts.ts';

const paid = (record_id: string, more: Partial<WitnessLine> = {}): WitnessLine => ({
  ...{ session_id: `ps_${record_id}`, record_id, kind: 'payout', idempotency_key: `key of ${record_id}`, amount: 100, currency: 'EUR' },
  ...{ status: 'accepted', entry_status: 'succeeded' },
  ...more,
});
const event = (record_id: string, sequence: number, status: ResultEvent['status'], more: Partial<ResultEvent> = {}): ResultEvent =>
  ({
    ...{ event_id: `${record_id}/${sequence}`, record_id, sequence, status, final: status === 'succeeded' || status === 'failed' },
    ...(status === 'unknown' ? { error: { code: 'answer_timeout', description: 'late' } } : {}),
    ...more,
  }) as ResultEvent;
const asked = (payments: readonly WitnessLine[], events: readonly ResultEvent[], mayRepeat = false) =>
  accountOf({ amounts: new Map(['a', 'b'].map((id) => [id, 100])), payments, events, mayRepeat });

describe('the account of a world of crashes', () => {
  it('holds when every record is paid once and succeeded, or unknown with a reason', () => {
    const events = [event('a', 1, 'in_progress'), event('a', 2, 'succeeded'), event('b', 1, 'unknown')];
    expect(asked([paid('a'), paid('b')], events)).toEqual({ succeeded: 1, unknown: 1, problems: [] });
    expect(asked([paid('a')], events).problems).toEqual([]);
  });

  it.each([
    ['a second payment under another key', [paid('a'), paid('a', { idempotency_key: 'other' })], 'were paid twice'],
    ['a second key', [paid('a'), paid('a', { idempotency_key: 'other' })], 'were sent under two keys'],
    ['another amount', [paid('a', { amount: 101 })], 'were paid with another amount'],
    ['a payment that was not asked for', [paid('a'), paid('z')], 'were paid and never asked for'],
    ['a success that the gateway does not know', [], 'are succeeded and were not paid'],
    ['a success of a payment that failed', [paid('a', { entry_status: 'failed' })], 'are succeeded and were not paid'],
  ])('reports %s', (_what, payments, sentence) => {
    const { problems } = asked(payments, [event('a', 1, 'succeeded'), event('b', 1, 'unknown')]);
    expect(problems).toEqual(expect.arrayContaining([expect.stringContaining(sentence)]));
  });

  it.each([
    ['two final results', [event('a', 1, 'succeeded'), event('a', 2, 'succeeded')], 'have two final results'],
    ['a record called failed', [event('a', 1, 'failed')], 'are neither succeeded nor unknown'],
    ['a record without a result', [], 'are neither succeeded nor unknown (without a result, unknown)'],
    ['a record that is still in progress', [event('a', 1, 'in_progress')], 'are neither succeeded nor unknown'],
    ['unknown without a reason', [event('a', 1, 'unknown', { error: undefined })], 'are unknown without a reason'],
    ['a result that is in the file twice', [event('a', 1, 'succeeded'), event('a', 1, 'succeeded')], '1 results were published twice'],
  ])('reports %s', (_what, events, sentence) => {
    const { problems } = asked([paid('a')], [...events, event('b', 1, 'unknown')]);
    expect(problems).toEqual(expect.arrayContaining([expect.stringContaining(sentence)]));
  });

  it('accepts a result that a topic holds twice', () => {
    const twice = [event('a', 1, 'succeeded'), event('a', 1, 'succeeded'), event('b', 1, 'unknown')];
    expect(asked([paid('a')], twice, true).problems).toEqual([]);
  });
});

describe('the summary of a world of crashes', () => {
  it('must balance and have received every record', () => {
    expect(problemsOfSummary({ balanced: true, received: { count: 2 } }, 2)).toEqual([]);
    expect(problemsOfSummary({ balanced: false, received: { count: 1 } }, 2)).toEqual([
      'the tallies do not balance',
      '1 records were received instead of 2',
    ]);
    expect(problemsOfSummary(undefined, 2)).toEqual(['there is no summary']);
  });
});
