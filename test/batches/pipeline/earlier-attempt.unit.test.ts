/** Before a retry is sent, the session of the attempt before is looked at once more. */
import { describe, expect, it } from 'vitest';
import { follow } from '../../../batches/pipeline/follow.ts';
import { fakeWorld, ok } from './fakes.ts';
import { at, keys, queuedRecord } from '../../support/builders.ts';

const body = Buffer.from('{"a":1}');
const ours = (attempt: number) => ({ record_id: 'inv-1', attempt, idempotency_key: keys.idempotencyKey('payout', 'inv-1', attempt) });
const retried = (attempt: number) =>
  queuedRecord({ attempt, idempotencyKey: keys.idempotencyKey('payout', 'inv-1', attempt), previousSession: 'ps_1', dueAt: at });

describe('a retry', () => {
  it.each([
    ['the attempt before', 2],
    ['an attempt before one that was cancelled unsent', 3],
  ])('is sent when the session of %s has failed', async (_, attempt) => {
    const failed = ok({ status: 'accepted', entryStatus: 'failed', metadata: ours(1) });
    const paid = ok({ id: 'ps_2', status: 'accepted', entryStatus: 'succeeded', metadata: ours(attempt) });
    const world = fakeWorld({ record: retried(attempt), body, status: [failed], init: [paid] });
    await follow(world.deps, world.ledger.current());
    expect(world.bytes).toHaveLength(1);
    expect(world.ledger.current()).toMatchObject({ status: 'succeeded', attempt, sessionId: 'ps_2' });
    expect(world.alerts).toEqual([]);
  });

  it('is held, with an alert, when that session is paid after all', async () => {
    const paid = ok({ status: 'accepted', entryStatus: 'succeeded', metadata: ours(1) });
    const world = fakeWorld({ record: retried(3), body, status: [paid] });
    await follow(world.deps, world.ledger.current());
    expect(world.bytes).toEqual([]);
    expect(world.ledger.current()).toMatchObject({ status: 'queued', dueAt: null, reason: { code: 'earlier_attempt' } });
    expect(world.alerts).toMatchObject([expect.stringContaining('possible_double_payment')]);
  });
});
