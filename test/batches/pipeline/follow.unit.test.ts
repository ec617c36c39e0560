import { describe, expect, it } from 'vitest';
import { follow } from '../../../batches/pipeline/follow.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { fakeWorld, lost, ok, refusal, type FakeOptions, type FakeWorld } from './fakes.ts';
import { at, sentRecord, transitionSettings } from '../../support/builders.ts';

const inProgress = (patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  sentRecord({ status: 'in_progress', sessionId: 'ps_1', alreadyReceived: true, leaseOwner: null, leaseUntil: null, dueAt: at, ...patch });

const followed = async (options: Partial<FakeOptions>): Promise<FakeWorld> => {
  const world = fakeWorld({ record: inProgress(), ...options });
  await follow(world.deps, world.ledger.current());
  return world;
};

const asks = { nextAction: 'confirm', entryStatus: 'pending' };
const succeeded = { status: 'accepted', entryStatus: 'succeeded' };

describe('following', () => {
  it('takes over a send whose process died: open, never sent afresh', async () => {
    const world = await followed({ record: sentRecord() });
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', reason: { code: 'send_interrupted' }, dueAt: at });
    expect(world.bytes).toEqual([]);
    expect(world.ledger.events.map(({ status }) => status)).toEqual(['unknown']);
  });

  it('believes what its session shows', async () => {
    const world = await followed({ status: [ok(succeeded)] });
    expect(world.log).toEqual(['permit follow', 'status ps_1', 'durable succeeded']);
    expect(world.ledger.events).toMatchObject([{ status: 'succeeded', final: true, session_id: 'ps_1', entry_id: 'po_1' }]);
    expect(world.ledger.kept()).toBeUndefined();
  });

  it('confirms what equals the ledger, after the session was noted durably', async () => {
    const world = await followed({ status: [ok(asks)], confirm: [ok({ entryStatus: 'pending' })] });
    expect(world.log).toEqual([
      ...['permit follow', 'status ps_1', 'durable in_progress', 'permit follow', 'confirm ps_1'],
      'durable in_progress',
    ]);
    expect(world.ledger.current()).toMatchObject({ confirmSession: 'ps_1', cancelSession: null });
    expect(world.alerts).toEqual([]);
  });

  it.each([
    { name: 'another amount', parts: { ...asks, amount: 1229 } },
    { name: 'another currency', parts: { ...asks, currency: 'usd' } },
    { name: 'an amount that is no number', parts: { ...asks, amount: '1230' } },
  ])('cancels what shows $name, calls a person and confirms nothing', async ({ parts }) => {
    const world = await followed({
      status: [ok(parts), ok({ ...parts, status: 'cancelled', entryStatus: 'failed' })],
      cancel: [ok({ ...parts, nextAction: '', entryStatus: 'pending' })],
    });
    expect(world.log.filter((what) => what.startsWith('confirm'))).toEqual([]);
    expect(world.log).toContain('cancel ps_1');
    expect(world.alerts).toHaveLength(1);
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', cancelSession: 'ps_1', reason: { code: 'evidence_mismatch' } });
    // Its end is ours: cancelled, not failed.
    await follow(world.deps, world.ledger.current());
    expect(world.ledger.current()).toMatchObject({ status: 'cancelled', reason: { code: 'evidence_mismatch' } });
  });

  it('does not confirm without an amount, nor when a person is to', async () => {
    const missing = await followed({ status: [ok({ ...asks, amount: undefined })] });
    expect(missing.ledger.current()).toMatchObject({ status: 'in_progress', reason: { code: 'amount_missing' } });
    const manual = await followed({ status: [ok(asks)], deps: { confirm: 'manual' } });
    expect(manual.ledger.current()).toMatchObject({ status: 'in_progress', reason: { code: 'waits_for_person' } });
    for (const world of [missing, manual]) {
      expect(world.log.some((what) => what.startsWith('confirm') || what.startsWith('cancel'))).toBe(false);
      expect(world.ledger.current().dueAt).toBeGreaterThan(at);
    }
  });

  it('keeps to a decision to cancel, whatever is shown later', async () => {
    const world = await followed({ record: inProgress({ cancelSession: 'ps_1' }), status: [ok(asks)], cancel: [ok()] });
    expect(world.log.some((what) => what.startsWith('confirm'))).toBe(false);
    expect(world.log).toContain('cancel ps_1');
  });

  it('never confirms a session other than the one that was named first', async () => {
    const world = await followed({ record: inProgress({ confirmSession: 'ps_0' }), status: [ok(asks)], cancel: [ok()] });
    expect(world.log.some((what) => what.startsWith('confirm'))).toBe(false);
    expect(world.log).toContain('cancel ps_1');
    expect(world.alerts[0]).toContain('a second session');
  });

  it('asks again to confirm what it had noted before it died', async () => {
    const world = await followed({ record: inProgress({ confirmSession: 'ps_1' }), status: [ok(asks)], confirm: [ok()] });
    expect(world.log).toContain('confirm ps_1');
  });

  it.each([{ answer: lost }, { answer: refusal('invalid_request') }, { answer: refusal('internal_error', 500) }])(
    'learns nothing from a look that failed but to look later: $answer',
    async ({ answer }) => {
      for (const options of [{ status: [answer] }, { status: [ok(asks)], confirm: [answer] }]) {
        const world = await followed(options);
        expect(world.ledger.current()).toMatchObject({ status: 'in_progress', checks: 1 });
        expect(world.ledger.current().dueAt).toBeGreaterThan(at);
        expect(world.ledger.events).toEqual([]);
      }
    },
  );

  it('believes no session of another record, attempt or id', async () => {
    for (const parts of [
      { id: 'ps_2' },
      { metadata: { record_id: 'inv-2', attempt: 1 } },
      { metadata: { record_id: 'inv-1', attempt: 2 } },
    ]) {
      const world = await followed({ status: [ok({ ...succeeded, ...parts })] });
      expect(world.ledger.current().status).toBe('in_progress');
    }
  });

  it('waits longer from look to look, to ten minutes', async () => {
    let record = inProgress();
    const pauses: number[] = [];
    for (let look = 0; look < 20; look += 1) {
      const world = await followed({ record, status: [ok()] });
      record = world.ledger.current();
      pauses.push((record.dueAt ?? 0) - world.clock.now());
    }
    expect(pauses[0]).toBe(transitionSettings.followIntervalMs);
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    expect(pauses.at(-1)).toBe(600_000);
  });

  it('holds back only itself when it is told to come more slowly', async () => {
    const world = await followed({ status: [{ type: 'answer', httpStatus: 429, json: {}, retryAfterMs: 7000 }] });
    expect(world.pushedBack).toEqual({ limiter: 0, follow: 7000 });
  });

  it('tells when the set-up is wrong', async () => {
    const world = await followed({ status: [refusal('authentication_error', 401)] });
    expect(world.stops).toEqual(['authentication_error']);
    expect(world.ledger.current().status).toBe('in_progress');
  });

  it.each(['permit follow'])('stopped at "%s" leaves the record as it was', async (step) => {
    const record = inProgress();
    const world = await followed({
      record,
      status: [ok(succeeded)],
      before: (what, { stop }) => {
        if (what === step) stop();
      },
    });
    expect(world.ledger.current()).toEqual(record);
  });

  it('leaves a final record alone, whoever ended it meanwhile', async () => {
    const world = await followed({
      status: [ok({ status: 'accepted', entryStatus: 'failed' })],
      before: (what, { ledger }) => {
        if (what.startsWith('status')) ledger.set({ status: 'succeeded' });
      },
    });
    expect(world.ledger.current().status).toBe('succeeded');
    expect(world.ledger.events).toEqual([]);
  });
});
