/** What waits: for a capture, for the payer, for its results to be published, for a confirmation that is due. */
import { describe, expect, it } from 'vitest';
import { readAuditEntry } from '../../../batches/audit/audit-entry.ts';
import { captureRecord } from '../../../batches/operations/capture.ts';
import { follow } from '../../../batches/pipeline/follow.ts';
import { applySession } from '../../../batches/record/apply-evidence.ts';
import { readStatusCheck } from '../../../batches/record/evidence.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { raiseAlert } from '../../../batches/record/record-alerts.ts';
import { alertOf } from '../../../batches/record/alert.ts';
import { fakeWorld, lost, ok, refusal, type FakeOptions, type FakeWorld } from './fakes.ts';
import { at, sentRecord, session, transitionSettings } from '../../support/builders.ts';

const inProgress = (patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  sentRecord({
    ...{ status: 'in_progress', sessionId: 'ps_1', isSessionProven: true, alreadyReceived: true, dueAt: at },
    ...{ leaseOwner: null, leaseUntil: null },
    ...patch,
  });
const payment = (patch: Partial<LedgerRecord> = {}): LedgerRecord => inProgress({ kind: 'payment', ...patch });
const followed = async (options: Partial<FakeOptions>): Promise<FakeWorld> => {
  const world = fakeWorld({ record: payment(), ...options });
  await follow(world.deps, world.ledger.current());
  return world;
};

const toConfirm = { nextAction: 'confirm', entryStatus: 'pending' };
const toCapture = { nextAction: 'capture', entryStatus: 'pending' };
const paid = { status: 'accepted', entryStatus: 'succeeded' };
const minute = 60_000;

describe('a payment that waits for its capture', () => {
  it('is captured when it equals the ledger, after its session was named durably', async () => {
    const world = await followed({ status: [ok(toCapture)], capture: [ok(paid)] });
    expect(world.log).toEqual([
      'permit follow',
      'status ps_1',
      'durable in_progress',
      'permit follow',
      'capture ps_1',
      'durable succeeded',
    ]);
    expect(world.ledger.current()).toMatchObject({ status: 'succeeded', confirmSession: 'ps_1' });
  });

  it('is cancelled, not captured, when it shows another amount', async () => {
    const world = await followed({ status: [ok({ ...toCapture, amount: 1229 })], cancel: [lost] });
    expect(world.log).toContain('cancel ps_1');
    expect(world.log).not.toContain('capture ps_1');
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', cancelSession: 'ps_1' });
  });

  it('is neither captured nor cancelled without an amount', async () => {
    const world = await followed({ status: [ok({ ...toCapture, amount: undefined })] });
    expect(world.log).toEqual(['permit follow', 'status ps_1', 'durable in_progress']);
    expect(world.ledger.current()).toMatchObject({ status: 'in_progress', reason: { code: 'amount_missing' } });
  });

  it('is never captured when its record names another session', async () => {
    const world = await followed({ record: payment({ confirmSession: 'ps_0' }), status: [ok(toCapture)], cancel: [lost] });
    expect(world.log).not.toContain('capture ps_1');
    expect(world.log).toContain('cancel ps_1');
    expect(world.alerts).toEqual([expect.stringMatching(/^second_session: /)]);
  });

  it.each(['session_not_shown', 'capture_refused'])('is captured once more while no status check shows the session (%s)', async (code) => {
    const asked = payment({ confirmSession: 'ps_1', checks: 3, reason: { code, description: 'd' } });
    const world = await followed({ record: asked, status: [refusal('not_found', 404)], capture: [ok(paid)] });
    expect(world.log.filter((what) => what.startsWith('capture'))).toEqual(['capture ps_1']);
    expect(world.ledger.current()).toMatchObject({ status: 'succeeded' });
  });

  it('is not captured while no status check shows the session and nothing was asked for, or a person captures', async () => {
    const reason = { code: 'session_not_shown', description: 'd' };
    for (const [record, deps] of [
      [payment({ checks: 3, reason }), {}],
      [payment({ confirmSession: 'ps_1', checks: 3, reason }), { capture: 'manual' }],
    ] as const) {
      const world = await followed({ record, status: [refusal('not_found', 404)], deps });
      expect(world.log.filter((what) => what.startsWith('capture'))).toEqual([]);
    }
  });

  it('is left to a person when captures are', async () => {
    const world = await followed({ status: [ok(toCapture)], deps: { capture: 'manual' } });
    expect(world.ledger.current()).toMatchObject({ status: 'in_progress', reason: { code: 'waits_for_person' }, confirmSession: null });
    expect(world.ledger.events).toMatchObject([{ status: 'in_progress', error: { code: 'waits_for_person' } }]);
  });

  it('whose capture the gateway goes on to refuse has that as its reason', async () => {
    const world = await followed({
      record: payment({ checks: 5, confirmSession: 'ps_1' }),
      status: [ok(toCapture)],
      capture: [refusal('invalid_request')],
    });
    expect(world.ledger.current()).toMatchObject({ status: 'in_progress', reason: { code: 'capture_refused' } });
  });

  it('ends as failed when the gateway gives up waiting', async () => {
    const error = { code: 'capture_timeout', description: 'd' };
    const world = await followed({ status: [ok({ status: 'cancelled', entryStatus: 'failed', entryError: error })] });
    expect(world.ledger.current()).toMatchObject({ status: 'failed', reason: { code: 'capture_timeout' } });
  });

  it('of a payout is no question that is answered', async () => {
    const world = await followed({ record: inProgress(), status: [ok(toCapture)] });
    expect(world.log).toEqual(['permit follow', 'status ps_1', 'durable in_progress']);
  });
});

describe('the capture that a person asks for', () => {
  const person = { by: 'ann', reason: 'goods were sent' };
  const captured = async (options: Partial<FakeOptions>) => {
    const trail: string[] = [];
    const world = fakeWorld({ record: payment(), deps: { capture: 'manual' }, ...options });
    const { ledger } = world.deps;
    const noting = {
      advance: (changes: Parameters<typeof ledger.advance>[0]) => {
        trail.push(...changes.flatMap(({ audit = [] }) => audit.map(({ text }) => text)));
        return ledger.advance(changes);
      },
    };
    const outcome = await captureRecord({ ...world.deps, ledger: { ...ledger, ...noting } }, world.ledger.current(), person);
    return { world, outcome, trail: trail.map(readAuditEntry) };
  };

  it('is made by the rules of a confirmation, with who asked and why in the trail', async () => {
    const { world, outcome, trail } = await captured({ status: [ok(toCapture)], capture: [ok(paid)] });
    expect(outcome).toMatchObject({ type: 'captured', record: { status: 'succeeded', confirmSession: 'ps_1' } });
    expect(world.log).toContain('capture ps_1');
    expect(trail).toContainEqual(
      expect.objectContaining({ event: 'confirm', by: 'ann', detail: { session_id: 'ps_1', capture: true, reason: 'goods were sent' } }),
    );
  });

  it.each([
    ['a payout', { record: inProgress() }, 'not_waiting', /only payments are captured/],
    ['a record that has ended', { record: payment({ status: 'succeeded' }) }, 'not_waiting', /has ended as succeeded/],
    ['a record without a session', { record: payment({ sessionId: null, status: 'unknown' }) }, 'not_waiting', /has not shown its session/],
    ['a session that asks for nothing', { status: [ok()] }, 'not_waiting', /does not wait for its capture/],
    ['a session with another amount', { status: [ok({ ...toCapture, amount: 1 })] }, 'not_waiting', /does not wait for its capture/],
    ['a gateway that shows no session', { status: [lost] }, 'unanswered', /does not show session ps_1/],
    [
      'results that are not published',
      { status: [ok(toCapture)], deps: { capture: 'manual', publication: { showsSession: async () => false } } },
      'unanswered',
      /could not be published/,
    ],
  ] as const)('of %s is not made, and says why', async (_, options, type, why) => {
    const { world, outcome } = await captured(options as Partial<FakeOptions>);
    expect(outcome).toMatchObject({ type, why: expect.stringMatching(why) as unknown });
    expect(world.log).not.toContain('capture ps_1');
  });
});

describe('a payment whose payer must act', () => {
  const redirect = {
    type: 'redirect',
    redirect: { url: 'https://bank.example/3ds?id=1', method: 'post', params: { PaReq: 'abc' }, secret: 'x' },
  };
  const acting = (interaction: unknown) => {
    const shown = session() as { payments: object[] };
    return {
      type: 'answer',
      httpStatus: 200,
      json: { status: 'ok', session: { ...shown, payments: [{ ...shown.payments[0], customer_interaction: interaction }] } },
    } as const;
  };

  it('stays in progress, and its result shows what to do, which is nowhere else', async () => {
    const world = await followed({ status: [acting(redirect)] });
    expect(world.ledger.events).toMatchObject([
      {
        status: 'in_progress',
        error: { code: 'action_required' },
        next_action: { type: 'redirect', url: 'https://bank.example/3ds?id=1', method: 'POST', params: { PaReq: 'abc' } },
      },
    ]);
    const seen = readStatusCheck(acting(redirect), payment());
    if (seen.type !== 'session') throw new Error('no session is read');
    const change = applySession(transitionSettings, payment(), seen.session, at);
    expect(change?.event).toHaveProperty('next_action');
    const kept = JSON.stringify([change?.audit, { ...change?.after, amountMinor: 0 }]);
    expect(kept).toContain('action_required');
    expect(kept).not.toMatch(/bank\.example|PaReq|abc/);
    expect(world.ledger.current().dueAt).not.toBeNull();
  });

  it('has one result for each action, and one without any when the payer has acted', async () => {
    const other = { ...redirect, redirect: { url: 'https://bank.example/3ds?id=2' } };
    const world = fakeWorld({ record: payment(), status: [acting(redirect), acting(redirect), acting(other), ok(), ok(paid)] });
    for (let check = 0; check < 5; check += 1) await follow(world.deps, world.ledger.current());
    expect(world.ledger.events.map(({ status, next_action: action }) => [status, action?.['url']])).toEqual([
      ['in_progress', 'https://bank.example/3ds?id=1'],
      ['in_progress', 'https://bank.example/3ds?id=2'],
      ['in_progress', undefined],
      ['succeeded', undefined],
    ]);
  });
});

describe('a refund that a status check shows', () => {
  it('is an alert, once for each refund, and the record succeeds', async () => {
    const shown = session(paid) as { payments: object[] };
    const refunds = [
      { id: 'rf_1', status: 'accepted', amount_details: { amount: 10, currency: 'eur' } },
      { id: 'rf_2', status: 'declined' },
      { id: 'rf_3', status: 'accepted', is_chargeback: true },
    ];
    const json = { status: 'ok', session: { ...shown, payments: [{ ...shown.payments[0], refunds }] } };
    const world = await followed({ status: [{ type: 'answer', httpStatus: 200, json }] });
    expect(world.alerts.map((alert) => alert.split(':')[0])).toEqual(['refunded', 'charged_back']);
    expect(world.ledger.current().status).toBe('succeeded');
  });
});

describe('a confirmation', () => {
  it('waits for the result that shows its session, and is postponed when it is not published', async () => {
    let isPublished = false;
    const publication = { showsSession: async () => isPublished };
    const world = await followed({ record: inProgress(), status: [ok(toConfirm)], confirm: [ok()], deps: { publication } });
    expect(world.log).toEqual(['permit follow', 'status ps_1', 'durable in_progress']);
    expect(world.ledger.current()).toMatchObject({ confirmSession: null, checks: 1 });
    expect(world.ledger.current().dueAt).toBeGreaterThan(at);
    isPublished = true;
    await follow(world.deps, world.ledger.current());
    expect(world.log).toContain('confirm ps_1');
  });

  it('is not sent when a cancel was requested while its results were published', async () => {
    const world: { current?: FakeWorld } = {};
    const publication = {
      async showsSession() {
        world.current?.ledger.set({ cancelSession: 'ps_1' });
        return true;
      },
    };
    world.current = fakeWorld({ record: inProgress(), status: [ok(toConfirm)], cancel: [lost], deps: { publication } });
    await follow(world.current.deps, world.current.ledger.current());
    expect(world.current.log).not.toContain('confirm ps_1');
    expect(world.current.log).toContain('cancel ps_1');
  });
});

describe('a session that waits for its confirmation', () => {
  const waiting = (minutes: number, patch: Partial<LedgerRecord> = {}): LedgerRecord =>
    inProgress({ awaitsConfirmationSince: at - minutes * minute, ...patch });

  it.each([
    ['for 179 minutes', waiting(179), {}, 0],
    ['for 180 minutes, under GATEWAY_CONFIRM=manual', waiting(180), { deps: { confirm: 'manual' } }, 1],
    ['for 180 minutes, without an amount', waiting(180), { status: [ok({ ...toConfirm, amount: undefined })] }, 1],
    ['for 239 minutes, though its confirmation was sent', waiting(239, { confirmSession: 'ps_1' }), { confirm: [lost] }, 1],
    ['for 200 minutes, and is not shown now', waiting(200), { status: [lost] }, 1],
    ['for 200 minutes, and is to be cancelled', waiting(200, { cancelSession: 'ps_1', confirmSession: 'ps_1' }), { cancel: [lost] }, 0],
    ['no more after 200 minutes', waiting(200), { status: [ok()] }, 0],
    ['no more after 200 minutes, and has ended', waiting(200), { status: [ok(paid)] }, 0],
  ] as const)('%s is alerted as its deadline says', async (_, record, options, alerts) => {
    const more = options as Partial<FakeOptions>;
    const world = await followed({ record, status: [ok(toConfirm)], confirm: [lost], ...more });
    expect(world.alerts.filter((alert) => alert.startsWith('confirm_deadline'))).toHaveLength(alerts);
  });

  it('is alerted once for the session', async () => {
    const record = waiting(200);
    const raised = alertOf('confirm_deadline', record, { sessionId: 'ps_1', description: 'd' });
    const alerted = raiseAlert(transitionSettings, record, raised, at)?.after ?? record;
    const world = await followed({ record: alerted, status: [ok(toConfirm)], deps: { confirm: 'manual' } });
    expect(world.alerts).toEqual([]);
  });

  it('waits since it was first seen to, also where it is confirmed at once', async () => {
    const world = await followed({ record: inProgress(), status: [ok(toConfirm)], confirm: [lost] });
    expect(world.ledger.current().awaitsConfirmationSince).toBe(at);
    const manual = await followed({ record: waiting(5), status: [ok(toConfirm)], deps: { confirm: 'manual' } });
    expect(manual.ledger.current().awaitsConfirmationSince).toBe(at - 5 * minute);
  });
});
