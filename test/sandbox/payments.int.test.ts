import { describe, expect, it } from 'vitest';
import { admin, call, charge, openSandbox, pay } from './gateway-calls.ts';
import type { Answer } from './gateway-calls.ts';
import { merchant, openTalking, received, settleMs, story } from './merchant.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const entryOf = ({ session }: Pick<Answer, 'session'>) => (session.acquiring_payments ?? session.payments)?.at(-1);

describe('a payment that needs its customer', () => {
  it('shows where to send the customer, and ends once the customer was there', async () => {
    const { clock, sandbox } = await openTalking({ 'action-required': 1 });
    const { session } = await charge(sandbox, 'a');
    clock.advance(settleMs);
    await received(1);
    const asked = merchant().received[0];
    const url = `${sandbox.url}/_sandbox/act?session=${session.id}`;
    expect(asked?.session).not.toHaveProperty('next_action');
    expect(asked && entryOf(asked)?.customer_interaction).toEqual({
      type: 'redirect',
      redirect: { url, base_url: `${sandbox.url}/_sandbox/act`, method: 'GET', qs: { session: session.id } },
    });
    expect((await call(sandbox, 'session/confirm', { session_id: session.id })).error.code).toBe('invalid_request');
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url, { method: 'POST' })).status).toBe(409);
    expect(entryOf(await call(sandbox, 'session/status', { session_id: session.id }))).not.toHaveProperty('customer_interaction');
    clock.advance(settleMs);
    await received(2);
    expect(story()).toEqual(['action_required in_progress in_progress', 'payment_finished accepted succeeded']);
  });

  it('is cancelled when the customer gives up, and after 240 minutes', async () => {
    const clock = createVirtualClock();
    const sandbox = await openSandbox({ clock, settleMs, faults: { 'action-required': 1 } });
    const { session } = await charge(sandbox, 'a');
    await charge(sandbox, 'b');
    clock.advance(settleMs);
    expect((await admin(sandbox, `act?session=${session.id}&result=cancelled`, 'POST')).status).toBe(200);
    clock.advance(240 * 60_000);
    expect(sandbox.payments()).toMatchObject([
      { record_id: 'a', status: 'cancelled', entry_status: 'failed' },
      { record_id: 'b', status: 'cancelled', entry_status: 'failed' },
    ]);
  });

  it('refuses an unknown session and an unknown result', async () => {
    const sandbox = await openSandbox({ faults: { 'action-required': 1 } });
    const { session } = await charge(sandbox, 'a');
    expect((await admin(sandbox, 'act?session=ps_0')).status).toBe(404);
    expect((await admin(sandbox, `act?session=${session.id}&result=perhaps`)).status).toBe(400);
    expect((await admin(sandbox, `act?session=${session.id}`)).status).toBe(409);
  });
});

describe('a payment that waits for its capture', () => {
  it('succeeds after session/capture, which is accepted once', async () => {
    const { clock, sandbox } = await openTalking({ capture: 1 });
    const { session } = await charge(sandbox, 'a');
    const ask = { session_id: session.id };
    expect((await call(sandbox, 'session/capture', ask)).error.code).toBe('invalid_request');
    clock.advance(settleMs);
    await received(1);
    expect(merchant().received[0]?.session.next_action).toBe('capture');
    expect((await call(sandbox, 'session/confirm', ask)).error.code).toBe('invalid_request');
    expect((await call(sandbox, 'session/capture', ask)).status).toBe('ok');
    expect((await call(sandbox, 'session/capture', ask)).error.code).toBe('invalid_request');
    clock.advance(settleMs);
    await received(2);
    expect(story()).toEqual(['ready_to_capture in_progress pending', 'payment_finished accepted succeeded']);
  });

  it('is cancelled by session/cancel, or as capture_timeout after 240 minutes', async () => {
    const clock = createVirtualClock();
    const sandbox = await openSandbox({ clock, settleMs, faults: { capture: 1 } });
    const [a, b] = [await charge(sandbox, 'a'), await charge(sandbox, 'b')];
    clock.advance(settleMs);
    await call(sandbox, 'session/cancel', { session_id: a.session.id });
    clock.advance(240 * 60_000);
    expect(sandbox.payments()).toMatchObject([{ status: 'cancelled' }, { status: 'cancelled' }]);
    expect((await call(sandbox, 'session/status', { session_id: a.session.id })).session.error).toBeUndefined();
    expect((await call(sandbox, 'session/status', { session_id: b.session.id })).session.error?.code).toBe('capture_timeout');
  });

  it('asks after its customer has acted', async () => {
    const { clock, sandbox } = await openTalking({ capture: 1, 'action-required': 1 });
    const { session } = await charge(sandbox, 'a');
    clock.advance(settleMs);
    await received(1);
    await admin(sandbox, `act?session=${session.id}`);
    clock.advance(settleMs);
    await received(2);
    await call(sandbox, 'session/capture', { session_id: session.id });
    clock.advance(settleMs);
    await received(3);
    expect(merchant().received.map(({ type }) => type)).toEqual(['action_required', 'ready_to_capture', 'payment_finished']);
  });
});

describe('money that comes back', () => {
  it('of a payment is a payment_refunded webhook with the refund, and a member of the witness', async () => {
    const { clock, sandbox } = await openTalking({ refund: 1 });
    for (let index = 0; index < 8; index++) await charge(sandbox, `r${index}`);
    clock.advance(settleMs);
    await received(8);
    expect(sandbox.payments()[0]).not.toHaveProperty('refunded');
    clock.advance(settleMs);
    await received(16);
    const refunded = merchant().received.slice(8);
    expect(refunded.every(({ type, session }) => type === 'payment_refunded' && session.status === 'accepted')).toBe(true);
    const shown = refunded.map((webhook) => entryOf(webhook)?.refunds?.[0]);
    expect(shown.every((refund) => refund?.is_chargeback === false)).toBe(true);
    const amounts = shown.map((refund) => refund?.amount_details.amount);
    expect(new Set(amounts)).toEqual(new Set([10_000, 5_000]));
    const witness = new Map(sandbox.payments().map(({ session_id, refunded: amount }) => [session_id, amount]));
    expect(refunded.map(({ session }) => witness.get(session.id))).toEqual(amounts);
    expect(sandbox.payments().every(({ entry_status }) => entry_status === 'succeeded')).toBe(true);
  });

  it('by a chargeback is shown as one, in full', async () => {
    const clock = createVirtualClock();
    const sandbox = await openSandbox({ clock, settleMs, faults: { 'charge-back': 1 } });
    const { session } = await charge(sandbox, 'a');
    clock.advance(2 * settleMs);
    const refunds = entryOf(await call(sandbox, 'session/status', { session_id: session.id }))?.refunds;
    expect(refunds).toMatchObject([{ status: 'accepted', is_chargeback: true, amount_details: { amount: 10_000 } }]);
    expect(sandbox.payments()).toMatchObject([{ entry_status: 'succeeded', charged_back: 10_000 }]);
  });

  it('of a payout is returned by the bank without a notice, and only the witness and the balance show it', async () => {
    const { clock, sandbox } = await openTalking({ return: 1 }, { confirm: 'auto' });
    const { session } = await pay(sandbox, 'a', 1234);
    const shown = async () => (await call(sandbox, 'session/status', { session_id: session.id })).session;
    const usd = async () =>
      (await call(sandbox, 'wallet/balance', { request_datetime: '2026-11-21T08:00:00Z' })).wallets.find(
        ({ amount_details }) => amount_details.currency === 'usd',
      )?.amount_details.amount ?? 0;
    clock.advance(settleMs);
    const [paid, before] = [await shown(), await usd()];
    clock.advance(10 * settleMs);
    expect(await shown()).toEqual(paid);
    expect((await usd()) - before).toBe(1234);
    expect(sandbox.payments()).toMatchObject([{ status: 'accepted', entry_status: 'succeeded', returned: 1234 }]);
    await received(1);
  });
});
