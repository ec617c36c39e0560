import { describe, expect, it } from 'vitest';
import { follow } from '../../../batches/pipeline/follow.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { fakeWorld, lost, ok, refusal, type FakeOptions, type FakeWorld } from './fakes.ts';
import { at, sentRecord, session, transitionSettings } from '../../support/builders.ts';

const inProgress = (patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  sentRecord({
    status: 'in_progress',
    sessionId: 'ps_1',
    isSessionProven: true,
    alreadyReceived: true,
    leaseOwner: null,
    leaseUntil: null,
    dueAt: at,
    ...patch,
  });

const followed = async (options: Partial<FakeOptions>): Promise<FakeWorld> => {
  const world = fakeWorld({ record: inProgress(), ...options });
  await follow(world.deps, world.ledger.current());
  return world;
};

const asks = { nextAction: 'confirm', entryStatus: 'pending' };
const succeeded = { status: 'accepted', entryStatus: 'succeeded' };

describe('following an open record', () => {
  it('takes over a first send whose lease is over: open, never sent again as if for the first time', async () => {
    const world = await followed({ record: sentRecord({ leaseUntil: at }) });
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', reason: { code: 'send_interrupted' }, dueAt: at });
    expect(world.bytes).toEqual([]);
    expect(world.ledger.events.map(({ status }) => status)).toEqual(['unknown']);
  });

  it('leaves a first send alone while its lease lives, though it was due when it was claimed', async () => {
    const record = sentRecord({ leaseUntil: at + 1 });
    const world = await followed({ record });
    expect(world.ledger.current()).toEqual(record);
  });

  it('ends the record with the outcome that its session shows', async () => {
    const world = await followed({ status: [ok(succeeded)] });
    expect(world.log).toEqual(['permit follow', 'status ps_1', 'durable succeeded']);
    expect(world.ledger.events).toMatchObject([{ status: 'succeeded', final: true, session_id: 'ps_1', entry_id: 'po_1' }]);
    expect(world.ledger.kept()).toBeUndefined();
  });

  it('confirms a session that equals the ledger, after it was noted durably', async () => {
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
  ])('cancels a session that asks for confirmation with $name, reports it once and confirms nothing', async ({ parts }) => {
    const world = await followed({
      status: [ok(parts), ok({ ...parts, status: 'cancelled', entryStatus: 'failed' })],
      cancel: [ok({ ...parts, nextAction: '', entryStatus: 'pending' })],
    });
    expect(world.log.filter((what) => what.startsWith('confirm'))).toEqual([]);
    expect(world.log).toContain('cancel ps_1');
    expect(world.alerts).toHaveLength(1);
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', cancelSession: 'ps_1', reason: { code: 'evidence_mismatch' } });
    expect(world.ledger.events).toMatchObject([{ status: 'unknown', error: { code: 'evidence_mismatch' } }]);
    // Its end is ours: cancelled, not failed.
    await follow(world.deps, world.ledger.current());
    expect(world.ledger.current()).toMatchObject({ status: 'cancelled', reason: { code: 'evidence_mismatch' } });
  });

  it('publishes the mismatch and reports it once when the cancel is never answered', async () => {
    const world = await followed({ status: [ok({ ...asks, amount: 1229 })], cancel: [lost] });
    expect(world.ledger.events).toMatchObject([{ status: 'unknown', error: { code: 'evidence_mismatch' } }]);
    await follow(world.deps, world.ledger.current());
    expect(world.ledger.events).toHaveLength(1);
    expect(world.alerts).toHaveLength(1);
    expect(world.log.filter((what) => what === 'cancel ps_1')).toHaveLength(2);
  });

  it('neither confirms nor cancels a session whose amount cannot be read, and says why', async () => {
    const world = await followed({ status: [ok({ ...asks, amount: '1230' })] });
    expect(world.log.some((what) => what.startsWith('confirm') || what.startsWith('cancel'))).toBe(false);
    expect(world.ledger.current()).toMatchObject({ status: 'in_progress', reason: { code: 'answer_untrusted' }, checks: 1 });
  });

  it('confirms nothing of a session with two waiting entries: it is held for a person', async () => {
    const twice = (parts: object) => {
      const shown = session({ ...asks });
      const [entry] = shown['payments'] as object[];
      return {
        type: 'answer',
        httpStatus: 200,
        json: { status: 'ok', session: { ...shown, payments: [entry, { ...entry, ...parts }] } },
      } as const;
    };
    for (const parts of [{ id: 'po_2' }, { id: 'po_2', amount_details: { amount: 99_999_999, currency: 'usd' } }]) {
      const world = await followed({ status: [twice(parts)] });
      expect(world.log.some((what) => what.startsWith('confirm') || what.startsWith('cancel'))).toBe(false);
      expect(world.ledger.current()).toMatchObject({ status: 'unknown', reason: { code: 'evidence_mismatch' } });
      expect(world.alerts).toHaveLength(1);
      await follow(world.deps, world.ledger.current());
      expect(world.alerts).toHaveLength(1);
    }
  });

  it('checks an unproven session only: it is neither confirmed, cancelled nor believed', async () => {
    const record = inProgress({ isSessionProven: false, reason: { code: 'session_unproven', description: 'd' } });
    for (const parts of [asks, succeeded, { status: 'accepted', entryStatus: 'failed' }, { ...asks, amount: 1 }]) {
      const world = await followed({ record, status: [ok({ ...parts, metadata: undefined })] });
      expect(world.log).toEqual(['permit follow', 'status ps_1', 'durable in_progress']);
      expect(world.ledger.current()).toMatchObject({ status: 'in_progress', reason: { code: 'session_unproven' }, isSessionProven: false });
    }
    const proven = await followed({ record, status: [ok(succeeded)] });
    expect(proven.ledger.current()).toMatchObject({ status: 'succeeded', isSessionProven: true });
  });

  it('does not confirm without an amount, nor with GATEWAY_CONFIRM=manual', async () => {
    const missing = await followed({ status: [ok({ ...asks, amount: undefined })] });
    expect(missing.ledger.current()).toMatchObject({ status: 'in_progress', reason: { code: 'amount_missing' } });
    const manual = await followed({ status: [ok(asks)], deps: { confirm: 'manual' } });
    expect(manual.ledger.current()).toMatchObject({ status: 'in_progress', reason: { code: 'waits_for_person' } });
    for (const world of [missing, manual]) {
      expect(world.log.some((what) => what.startsWith('confirm') || what.startsWith('cancel'))).toBe(false);
      expect(world.ledger.current().dueAt).toBeGreaterThan(at);
    }
  });

  it('cancels what it decided to cancel, whatever is shown later', async () => {
    const world = await followed({ record: inProgress({ cancelSession: 'ps_1' }), status: [ok(asks)], cancel: [ok()] });
    expect(world.log.some((what) => what.startsWith('confirm'))).toBe(false);
    expect(world.log).toContain('cancel ps_1');
  });

  it('cancels a session other than the one that was noted for confirmation first', async () => {
    const world = await followed({ record: inProgress({ confirmSession: 'ps_0' }), status: [ok(asks)], cancel: [ok()] });
    expect(world.log.some((what) => what.startsWith('confirm'))).toBe(false);
    expect(world.log).toContain('cancel ps_1');
    expect(world.alerts[0]).toContain('second_session');
  });

  it('confirms again what was noted before the process died', async () => {
    const world = await followed({ record: inProgress({ confirmSession: 'ps_1' }), status: [ok(asks)], confirm: [ok()] });
    expect(world.log).toContain('confirm ps_1');
  });

  it.each([{ answer: lost }, { answer: refusal('invalid_request') }, { answer: refusal('internal_error', 500) }])(
    'postpones a record whose status check or confirmation failed: $answer',
    async ({ answer }) => {
      for (const options of [{ status: [answer] }, { status: [ok(asks)], confirm: [answer] }]) {
        const world = await followed(options);
        expect(world.ledger.current()).toMatchObject({ status: 'in_progress', checks: 1 });
        expect(world.ledger.current().dueAt).toBeGreaterThan(at);
        expect(world.ledger.events).toEqual([]);
      }
    },
  );

  it.each([
    ['session_not_shown', { status: [refusal('invalid_request')] }],
    ['session_not_shown', { status: [{ type: 'answer', httpStatus: 404, json: undefined } as const] }],
    ['confirmation_refused', { status: [ok(asks)], confirm: [refusal('authentication_error', 401)] }],
  ] as const)('says %s of a record once the gateway goes on to answer so: %j', async (code, options) => {
    const world = await followed({ ...options, record: inProgress({ checks: 2 }) });
    expect(world.ledger.current()).toMatchObject({ status: 'in_progress', reason: { code } });
    expect(world.ledger.events.map(({ error }) => error?.code)).toEqual([code]);
    expect(world.stops).toEqual([]);
  });

  it('keeps the reason of a record that is held, whatever a later status check is answered', async () => {
    const reason = { code: 'evidence_mismatch', description: 'It shows another amount.' };
    const held = inProgress({ status: 'unknown', reason, checks: 5 });
    for (const answer of [refusal('invalid_request'), ok({ ...succeeded, id: 'ps_2' })]) {
      const world = await followed({ record: held, status: [answer] });
      expect(world.ledger.current()).toMatchObject({ status: 'unknown', reason });
      expect(world.ledger.events).toEqual([]);
    }
  });

  it('ignores a session of another id', async () => {
    const world = await followed({ status: [ok({ ...succeeded, id: 'ps_2' })] });
    expect(world.ledger.current()).toMatchObject({ status: 'in_progress', sessionId: 'ps_1' });
  });

  it.each([
    { record_id: 'inv-2', attempt: 1 },
    { record_id: 'inv-1', attempt: 2 },
    { record_id: 'inv-1', attempt: 1, idempotency_key: 'k' },
  ])('holds its own session for a person when an entry of it names another record, attempt or key: %j', async (metadata) => {
    const world = await followed({ status: [ok({ ...succeeded, metadata })] });
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', reason: { code: 'evidence_mismatch' } });
    expect(world.alerts).toHaveLength(1);
  });

  it('waits longer from check to check, up to ten minutes', async () => {
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

  it('pushes back only status calls when the gateway asks to come more slowly', async () => {
    const world = await followed({ status: [{ type: 'answer', httpStatus: 429, json: {}, retryAfterMs: 7000 }] });
    expect(world.pushedBack).toEqual({ limiter: 0, follow: 7000 });
  });

  it.each([refusal('authentication_error', 401), { type: 'answer', httpStatus: 404, json: undefined } as const])(
    'postpones its own record when the status check is refused, and stops no send: %j',
    async (answer) => {
      const world = await followed({ status: [answer] });
      expect(world.stops).toEqual([]);
      expect(world.ledger.current()).toMatchObject({ status: 'in_progress', checks: 1 });
      expect(world.log).toEqual(['permit follow', 'status ps_1', 'durable in_progress']);
    },
  );

  it.each(['permit follow'])('leaves the record as it was when the run stops at "%s"', async (step) => {
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

  it('leaves a record alone that another process ended meanwhile', async () => {
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
