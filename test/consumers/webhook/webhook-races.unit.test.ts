import { describe, expect, it } from 'vitest';
import { asks, failed, lost, ok, openWorld, ours, shown, succeeded, withAlerts } from './world.ts';
import type { GatewayResponse } from '../../../batches/gateway/gateway-response.ts';
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';

describe('a webhook before the answer of the call that caused it', () => {
  it('ends the record, and the answer of that call, which shows an earlier stage, changes nothing', async () => {
    const world = await openWorld({
      async respond(_, { webhook }) {
        expect(await webhook('payment_finished', succeeded)).toMatchObject({ status: 200, outcome: 'applied' });
        return ok();
      },
    });
    expect(await world.send()).toMatchObject({ status: 'succeeded', sessionId: 'ps_1', entryId: 'po_1', sends: 1 });
    expect(world.statuses()).toEqual(['succeeded']);
    expect(world.alerts).toEqual([]);
  });

  it('confirms once, and an answer that was slow moves nothing back', async () => {
    const world = await openWorld({
      async respond(call, { webhook, acted }) {
        if (call.type !== 'init') return ok({ entryStatus: 'pending' });
        await webhook('ready_to_confirm', asks);
        await acted();
        return ok();
      },
    });
    await world.send();
    expect(world.calls).toEqual(['init', 'confirm ps_1']);
    const record = await world.record();
    expect(record).toMatchObject({ status: 'in_progress', confirmSession: 'ps_1' });
    await world.clock.pass(record.dueAt ?? 0);
    expect(world.calls).toEqual(['init', 'confirm ps_1']);
  });

  it('holds the record for a contradiction, and an answer that was slow and shows an earlier stage does not release it', async () => {
    for (const early of [{}, { amount: undefined }]) {
      const world = await openWorld({
        async respond(call, { webhook, acted }) {
          if (call.type !== 'init') return lost;
          await webhook('ready_to_confirm', { ...asks, amount: 1229 });
          await acted();
          return ok(early);
        },
      });
      expect(await world.send()).toMatchObject({ status: 'unknown', cancelSession: 'ps_1', reason: { code: 'evidence_mismatch' } });
      expect(world.calls).toEqual(['init', 'cancel ps_1']);
      expect(world.statuses()).toEqual(['unknown']);
    }
  });

  it('is the only trace of a send whose answer is lost, and ends it by the record id in its metadata', async () => {
    const world = await openWorld();
    expect(await world.send()).toMatchObject({ status: 'unknown', sessionId: null });
    expect(await world.webhook('payment_finished', succeeded)).toMatchObject({ status: 200, body: { status: 'ok' }, outcome: 'applied' });
    expect(await world.record()).toMatchObject({ status: 'succeeded', sessionId: 'ps_1', isSessionProven: true });
    expect(world.statuses()).toEqual(['unknown', 'succeeded']);
    expect(world.changed.map(({ status }) => status)).toEqual(['succeeded']);
  });

  it('keeps an open send from being sent again: its session is known', async () => {
    const world = await openWorld();
    await world.send();
    await world.webhook('ready_to_confirm', { entryStatus: 'in_progress' });
    const record = await world.record();
    expect(record).toMatchObject({ status: 'in_progress', sessionId: 'ps_1' });
    await world.follow();
    expect(world.calls).toEqual(['init', 'status ps_1']);
  });

  it('shows another amount than was asked for: the record is held, and an alert is raised once however often it comes', async () => {
    const world = await openWorld();
    await world.send();
    for (let repeat = 0; repeat < 3; repeat += 1) await world.webhook('payment_finished', { ...succeeded, amount: 1229 });
    expect(await world.record()).toMatchObject({ status: 'unknown', reason: { code: 'evidence_mismatch' } });
    expect(world.alerts).toMatchObject([{ alert: 'evidence_mismatch', recordId: 'inv-1', sessionId: 'ps_1' }]);
    expect(world.statuses()).toEqual(['unknown', 'unknown']);
  });
});

describe('a webhook that asks for confirmation', () => {
  it('is answered when it is durable, and confirmed after that without a status check', async () => {
    const world = await openWorld({ respond: (call) => (call.type === 'init' ? ok() : ok({ entryStatus: 'pending' })) });
    await world.send();
    expect(await world.webhook('ready_to_confirm', asks)).toMatchObject({ status: 200, outcome: 'applied' });
    await world.acted();
    expect(world.calls).toEqual(['init', 'confirm ps_1']);
    expect(await world.webhook('ready_to_confirm', asks)).toMatchObject({ status: 200, outcome: 'late' });
    await world.acted();
    expect(world.calls).toEqual(['init', 'confirm ps_1']);
    expect(await world.webhook('payment_finished', succeeded)).toMatchObject({ outcome: 'applied' });
    expect(await world.record()).toMatchObject({ status: 'succeeded' });
  });

  it('with another amount is cancelled, and its end by webhook is cancelled too', async () => {
    const wrong = { ...asks, amount: 1229 };
    const world = await openWorld({ respond: (call) => (call.type === 'init' ? ok() : lost) });
    await world.send();
    await world.webhook('ready_to_confirm', wrong);
    await world.acted();
    expect(world.calls).toEqual(['init', 'cancel ps_1']);
    await world.webhook('ready_to_confirm', wrong);
    await world.webhook('payment_finished', { ...wrong, nextAction: 'none', status: 'canceled', entryStatus: 'failed' });
    expect(await world.record()).toMatchObject({ status: 'cancelled', cancelSession: 'ps_1' });
    expect(world.calls).toEqual(['init', 'cancel ps_1']);
    expect(world.alerts).toHaveLength(1);
  });

  const silent: GatewayResponse = {
    type: 'answer',
    httpStatus: 404,
    json: { status: 'error', error: { code: 'invalid_request', description: 'no' } },
  };

  it.each(['the confirmation was lost', 'the process ended before the confirmation'])(
    'is confirmed although no status check shows the session, when %s',
    async (why) => {
      let confirms = 0;
      const world = await openWorld({
        respond(call) {
          if (call.type === 'init') return ok();
          if (call.type === 'status') return silent;
          confirms += 1;
          return confirms === 1 ? lost : ok({ entryStatus: 'pending' });
        },
      });
      await world.send();
      if (why === 'the confirmation was lost') {
        await world.webhook('ready_to_confirm', asks);
        await world.acted();
      } else {
        confirms = 1;
        await world.receiver.drain?.();
        await world.webhook('ready_to_confirm', asks);
      }
      for (let checks = 0; checks < 4; checks += 1) await world.follow();
      expect(confirms).toBe(2);
      expect(await world.record()).toMatchObject({ status: 'in_progress', confirmSession: 'ps_1', awaitsConfirmationSince: null });
      await world.webhook('payment_finished', succeeded);
      expect(await world.record()).toMatchObject({ status: 'succeeded' });
      expect(world.alerts).toEqual([]);
    },
  );

  it('is not confirmed with GATEWAY_CONFIRM=manual, nor without an amount, when no status check shows the session', async () => {
    for (const [confirm, parts] of [
      ['manual', asks],
      ['match', { ...asks, amount: undefined }],
      ['match', { ...asks, amount: 1229 }],
    ] as const) {
      const world = await openWorld({ confirm, respond: (call) => (call.type === 'init' ? ok() : silent) });
      await world.send();
      await world.webhook('ready_to_confirm', parts);
      await world.acted();
      for (let checks = 0; checks < 5; checks += 1) await world.follow();
      expect(world.calls.filter((call) => call.startsWith('confirm'))).toEqual([]);
    }
  });

  it('is left to a person with GATEWAY_CONFIRM=manual', async () => {
    const world = await openWorld({ respond: () => ok(), confirm: 'manual' });
    await world.send();
    await world.webhook('ready_to_confirm', asks);
    await world.acted();
    expect(world.calls).toEqual(['init']);
    expect(await world.record()).toMatchObject({ status: 'in_progress', reason: { code: 'waits_for_person' }, confirmSession: null });
  });

  it('comes between the answer and the intent of the confirm of a status check: one confirm intent', async () => {
    const world = await openWorld({
      async respond(call, { webhook, acted }) {
        if (call.type === 'init') return ok();
        if (call.type !== 'status') return ok({ entryStatus: 'pending' });
        await webhook('ready_to_confirm', asks);
        await acted();
        return ok(asks);
      },
    });
    await world.send();
    await world.follow();
    expect(await world.record()).toMatchObject({ status: 'in_progress', confirmSession: 'ps_1' });
    expect(world.alerts).toEqual([]);
  });

  it('comes after the end that a status check waits for: nothing is confirmed, and no alert is raised', async () => {
    const world = await openWorld({
      async respond(call, { webhook }) {
        if (call.type === 'init') return ok();
        await webhook('payment_finished', succeeded);
        return ok(asks);
      },
    });
    await world.send();
    await world.follow();
    expect(world.calls).toEqual(['init', 'status ps_1']);
    expect(await world.record()).toMatchObject({ status: 'succeeded', confirmSession: null });
    expect(world.alerts).toEqual([]);
  });

  it('for a second session of a record is cancelled, never confirmed, and an alert is raised', async () => {
    const world = await openWorld({ respond: (call) => (call.type === 'cancel' ? lost : ok()) });
    await world.send();
    expect(await world.webhook('ready_to_confirm', { ...asks, id: 'ps_2' })).toMatchObject({ status: 200, outcome: 'contradicting' });
    await world.acted();
    expect(world.calls).toEqual(['init', 'cancel ps_2']);
    expect(await world.record()).toMatchObject({ sessionId: 'ps_1', cancelSession: 'ps_2', confirmSession: null });
    expect(world.alerts).toMatchObject([{ alert: 'second_session', sessionId: 'ps_2' }]);
  });
});

describe('webhooks out of order', () => {
  it('an earlier stage after the end is late: nothing changes, and no alert is raised', async () => {
    const world = await openWorld({ respond: () => ok() });
    await world.send();
    await world.webhook('payment_finished', succeeded);
    const ended = await world.record();
    for (const late of [asks, {}, { status: 'created' }, { ...asks, amount: undefined }])
      expect(await world.webhook('ready_to_confirm', late)).toMatchObject({ status: 200, outcome: 'late' });
    expect(await world.webhook('payment_finished', succeeded)).toMatchObject({ status: 200, outcome: 'known' });
    expect(await world.record()).toEqual(ended);
    expect(world.calls).toEqual(['init']);
    expect(world.alerts).toEqual([]);
  });

  it('another end after the end is an alert, and the record stays as it is', async () => {
    for (const [first, then] of [
      [succeeded, failed],
      [failed, succeeded],
    ] as const) {
      const world = await openWorld({ respond: () => ok() });
      await world.send();
      await world.webhook('payment_finished', first);
      const ended = await world.record();
      for (let repeat = 0; repeat < 2; repeat += 1)
        expect(await world.webhook('payment_finished', then)).toMatchObject({ status: 200, outcome: 'contradicting' });
      expect(await world.record()).toEqual(withAlerts(ended, 'evidence_mismatch'));
      expect(world.alerts).toMatchObject([{ alert: 'evidence_mismatch', recordId: 'inv-1', sessionId: 'ps_1' }]);
    }
  });

  it('the answer of the first send refuses after a webhook said succeeded: an alert, and the record stays', async () => {
    const world = await openWorld({
      async respond(_, { webhook }) {
        await webhook('payment_finished', succeeded);
        return { type: 'answer', httpStatus: 400, json: { status: 'error', error: { code: 'invalid_request', description: 'no' } } };
      },
    });
    expect(await world.send()).toMatchObject({ status: 'succeeded' });
    expect(world.alerts).toMatchObject([{ alert: 'evidence_mismatch' }]);
  });

  it('session error is not final: entry failed is held until the session is accepted or cancelled', async () => {
    const world = await openWorld({ respond: () => ok() });
    await world.send();
    await world.webhook('payment_finished', { status: 'error', entryStatus: 'failed' });
    expect(await world.record()).toMatchObject({ status: 'in_progress' });
    await world.webhook('payment_finished', { status: 'canceled', entryStatus: 'failed' });
    expect(await world.record()).toMatchObject({ status: 'failed' });
  });
});

describe('a webhook for what is not ours', () => {
  it('of another project with the same record id and amount is answered, and changes nothing', async () => {
    const world = await openWorld();
    const open = await world.send();
    const theirs = createKeyDerivation('other shop').idempotencyKey('payout', 'inv-1', 1);
    for (const metadata of [
      { ...ours(), idempotency_key: theirs },
      { record_id: 'inv-1', attempt: 1 },
      { record_id: 'inv-1' },
      undefined,
      'inv-1',
    ])
      expect(await world.webhook('payment_finished', { ...succeeded, metadata })).toMatchObject({ status: 200, outcome: 'not_ours' });
    expect(await world.record()).toEqual(open);
    expect(world.alerts).toEqual([]);
  });

  it('a session that the answer showed needs no key: its record id and attempt prove it', async () => {
    const world = await openWorld({ respond: () => ok() });
    await world.send();
    const metadata = { record_id: 'inv-1', attempt: 1 };
    expect(await world.webhook('payment_finished', { ...succeeded, metadata })).toMatchObject({ outcome: 'applied' });
    expect(await world.record()).toMatchObject({ status: 'succeeded' });
  });

  it('a session that is known for a record needs no metadata at all: its entries are its own', async () => {
    const world = await openWorld({ respond: () => ok() });
    await world.send();
    expect(await world.webhook('payment_finished', { ...succeeded, metadata: undefined })).toMatchObject({ outcome: 'applied' });
    expect(await world.record()).toMatchObject({ status: 'succeeded' });
    expect(await world.webhook('payment_finished', { ...failed, metadata: undefined })).toMatchObject({ outcome: 'contradicting' });
  });

  it('of a record that the ledger does not know, with a key of ours, is an alert once, and answered', async () => {
    const world = await openWorld();
    const metadata = ours(1, 'gone-7');
    for (let repeat = 0; repeat < 2; repeat += 1)
      expect(await world.webhook('payment_finished', { ...succeeded, metadata })).toMatchObject({ status: 200, outcome: 'ledger_behind' });
    expect(world.alerts).toMatchObject([{ alert: 'ledger_behind', recordId: 'gone-7', sessionId: 'ps_1', batchId: null }]);
    const foreign = { ...metadata, idempotency_key: createKeyDerivation('other shop').idempotencyKey('payout', 'gone-7', 1) };
    expect(await world.webhook('payment_finished', { ...succeeded, metadata: foreign })).toMatchObject({ outcome: 'not_ours' });
    expect(world.alerts).toHaveLength(1);
  });

  it('of an attempt that the ledger does not know is an alert, and the record stays', async () => {
    const world = await openWorld();
    const open = await world.send();
    expect(await world.webhook('payment_finished', { ...succeeded, metadata: ours(2) })).toMatchObject({ outcome: 'ledger_behind' });
    expect(await world.record()).toEqual(withAlerts(open, 'ledger_behind'));
    expect(world.alerts).toMatchObject([{ alert: 'ledger_behind', recordId: 'inv-1' }]);
  });

  it('of a record that the ledger says was never sent: it follows its session and is not sent, and an alert is raised', async () => {
    const world = await openWorld();
    await world.admit();
    expect(await world.webhook('payment_finished', succeeded)).toMatchObject({ outcome: 'applied' });
    expect(await world.record()).toMatchObject({ status: 'succeeded', sends: 1 });
    expect(world.alerts).toMatchObject([{ alert: 'ledger_behind', recordId: 'inv-1' }]);
    expect(world.calls).toEqual([]);
  });

  it('a session that another record has is believed for neither of them twice', async () => {
    const world = await openWorld({ respond: () => ok() });
    await world.send();
    await world.webhook('payment_finished', succeeded);
    const session = shown({ ...succeeded, metadata: ours(1, 'inv-2') });
    expect(await world.receive({ type: 'payment_finished', session })).toMatchObject({ status: 200, outcome: 'ledger_behind' });
    expect(await world.record()).toMatchObject({ status: 'succeeded' });
  });
});

describe('a refund', () => {
  const refunded = (refunds: unknown) => {
    const session = shown(succeeded);
    const [entry] = session['payments'] as object[];
    return { type: 'payment_refunded', session: { ...session, updated_at: '2026-11-21T09:00:00Z', payments: [{ ...entry, refunds }] } };
  };

  it('is an alert once for each, and the record stays succeeded', async () => {
    const world = await openWorld({ respond: () => ok() });
    await world.send();
    await world.webhook('payment_finished', succeeded);
    const ended = await world.record();
    const part = { id: 'rf_1', status: 'accepted', amount_details: { amount: 300, currency: 'eur' } };
    for (const refunds of [
      [part],
      [part],
      [part, { ...part, id: 'rf_2', is_chargeback: true }],
      [{ ...part, id: 'rf_3', status: 'declined' }],
    ])
      expect((await world.receive(refunded(refunds))).status).toBe(200);
    expect(world.alerts).toMatchObject([
      { alert: 'refunded', seen: [{ amount: '300', currency: 'EUR' }] },
      { alert: 'charged_back', seen: [{ amount: '300', currency: 'EUR' }] },
    ]);
    expect(await world.record()).toEqual(withAlerts(ended, 'refunded', 'charged_back'));
  });

  it('without a list of refunds is an alert once for each change of the session', async () => {
    const world = await openWorld({ respond: () => ok() });
    await world.send();
    for (let repeat = 0; repeat < 2; repeat += 1) await world.receive(refunded(undefined));
    expect(world.alerts).toMatchObject([{ alert: 'refunded', fact: 'ps_1:2026-11-21T09:00:00Z' }]);
    expect(await world.record()).toMatchObject({ status: 'succeeded' });
  });
});
