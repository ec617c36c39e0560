import { expect, it, vi } from 'vitest';
import { parseBalance } from '../../sandbox/server.ts';
import type { Sandbox, SandboxOptions } from '../../sandbox/server.ts';
import { admin, call, charge, openSandbox, outcomeOf, pay, payoutBody, post } from './gateway-calls.ts';
import { merchant, openTalking, received, story } from './merchant.ts';
import { patience } from '../support/patience.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const settleMs = 1000;
const usd10 = parseBalance('USD=10.00');

async function openFunded(options: Partial<SandboxOptions> = {}) {
  const clock = createVirtualClock();
  return { clock, sandbox: await openSandbox({ clock, settleMs, confirm: 'auto', balance: usd10, ...options }) };
}

async function balanceOf(sandbox: Sandbox, currency = 'usd'): Promise<number | undefined> {
  const { wallets } = await call(sandbox, 'wallet/balance', { request_datetime: '2026-11-21T08:00:00Z' });
  return wallets.find(({ amount_details }) => amount_details.currency === currency)?.amount_details.amount;
}

const ends = (sandbox: Sandbox) => sandbox.payments().map(({ record_id, entry_status }) => `${record_id} ${entry_status}`);

it('wallet/balance shows what is left after payouts, and payments draw nothing', async () => {
  const { clock, sandbox } = await openFunded({ balance: parseBalance('usd=10.00, JPY=500') });
  await pay(sandbox, 'a', 300);
  await charge(sandbox, 'card');
  clock.advance(settleMs);
  expect([await balanceOf(sandbox), await balanceOf(sandbox, 'jpy'), await balanceOf(sandbox, 'eur')]).toEqual([700, 500, undefined]);
});

it('hold leaves a payout beyond the balance in progress, and those behind it, until a top-up, in their order', async () => {
  const { clock, sandbox } = await openFunded();
  await pay(sandbox, 'a', 600);
  await pay(sandbox, 'b', 600);
  await pay(sandbox, 'c', 100);
  clock.advance(240 * 60_000 + settleMs);
  expect(ends(sandbox)).toEqual(['a succeeded', 'b in_progress', 'c in_progress']);
  expect(await balanceOf(sandbox)).toBe(400);
  expect((await admin(sandbox, 'top-up?USD=2.00', 'POST')).status).toBe(200);
  clock.advance(settleMs - 1);
  expect(ends(sandbox)).toEqual(['a succeeded', 'b in_progress', 'c in_progress']);
  clock.advance(1);
  expect(ends(sandbox)).toEqual(['a succeeded', 'b succeeded', 'c in_progress']);
  await admin(sandbox, 'top-up?usd=1', 'POST');
  clock.advance(settleMs);
  expect(ends(sandbox)).toEqual(['a succeeded', 'b succeeded', 'c succeeded']);
  expect(await balanceOf(sandbox)).toBe(0);
});

it('hold draws at the confirmation: what is not confirmed or is cancelled draws nothing', async () => {
  const { clock, sandbox } = await openFunded({ confirm: 'manual' });
  const sessions = [];
  for (const record of ['a', 'b', 'c']) sessions.push((await pay(sandbox, record, 600)).session.id);
  clock.advance(settleMs);
  const [a, b, c] = sessions;
  await call(sandbox, 'session/cancel', { session_id: a });
  expect(await balanceOf(sandbox)).toBe(1000);
  const confirmed = [await call(sandbox, 'session/confirm', { session_id: b }), await call(sandbox, 'session/confirm', { session_id: c })];
  expect(confirmed.map(({ session }) => `${session.status} ${session.payments?.[0]?.status}`)).toEqual([
    'in_progress pending',
    'in_progress pending',
  ]);
  clock.advance(10 * settleMs);
  expect(ends(sandbox)).toEqual(['a failed', 'b succeeded', 'c pending']);
});

it('hold sends the last webhook once there is money', async () => {
  const { clock, sandbox } = await openTalking({}, { balance: parseBalance('USD=1.00') });
  const { session } = await pay(sandbox, 'a', 200);
  clock.advance(settleMs);
  await received(1);
  await call(sandbox, 'session/confirm', { session_id: session.id });
  clock.advance(100 * settleMs);
  expect(merchant().received).toHaveLength(1);
  await admin(sandbox, 'top-up?USD=1.00', 'POST');
  clock.advance(settleMs);
  await received(2);
  expect(story()).toEqual(['ready_to_confirm in_progress pending', 'payment_finished accepted succeeded']);
});

it('refuse reserves at the init call, and answers insufficient_funds beyond the balance without recording anything', async () => {
  const { clock, sandbox } = await openFunded({ confirm: 'manual', underfunded: 'refuse' });
  const { session } = await pay(sandbox, 'a', 600);
  const refused = await pay(sandbox, 'b', 600);
  expect([refused.http, refused.error.code]).toEqual([400, 'insufficient_funds']);
  expect(await outcomeOf(pay(sandbox, 'c', 400))).toBe('ok');
  clock.advance(settleMs);
  await call(sandbox, 'session/cancel', { session_id: session.id });
  expect(await outcomeOf(pay(sandbox, 'b', 600))).toBe('insufficient_funds');
  clock.advance(settleMs);
  expect(await outcomeOf(pay(sandbox, 'b', 600))).toBe('ok');
  clock.advance(240 * 60_000 + settleMs);
  expect(await balanceOf(sandbox)).toBe(1000);
});

it.each(['fail-later', 'return'] as const)('%s gives the money back, and what waits for it goes on', async (fault) => {
  const { clock, sandbox } = await openFunded({ faults: { [fault]: 1 } });
  await pay(sandbox, 'a', 900);
  await pay(sandbox, 'b', 900);
  expect(await balanceOf(sandbox)).toBe(100);
  clock.advance(10 * settleMs);
  expect(await balanceOf(sandbox)).toBe(1000);
  expect(new Set(sandbox.payments().map(({ entry_status }) => entry_status))).toEqual(
    new Set([fault === 'return' ? 'succeeded' : 'failed']),
  );
});

it('each project has the balance for itself, and a top-up is for all', async () => {
  const { clock, sandbox } = await openFunded();
  await pay(sandbox, 'a', 1000);
  const body = JSON.stringify(payoutBody(undefined, 1000));
  await post(sandbox, 'session/init/payout', body, { 'X-PARTNER-PROJECT': 'other' });
  clock.advance(settleMs);
  expect(sandbox.payments().map(({ entry_status }) => entry_status)).toEqual(['succeeded', 'succeeded']);
  await admin(sandbox, 'top-up?USD=1.00&EUR=2.00', 'POST');
  expect([await balanceOf(sandbox), await balanceOf(sandbox, 'eur')]).toEqual([100, 200]);
});

it('a top-up with a wrong amount, a wrong method or without balances is refused', async () => {
  const { sandbox } = await openFunded();
  for (const query of ['USD=1.001', 'dollars=1', 'USD=-1', 'USD=1&usd=1'])
    expect((await admin(sandbox, `top-up?${query}`, 'POST')).status).toBe(400);
  expect((await admin(sandbox, 'top-up?USD=1')).status).toBe(405);
  expect(await balanceOf(sandbox)).toBe(1000);
  expect((await admin(await openSandbox(), 'top-up?USD=1', 'POST')).status).toBe(409);
});

it('parseBalance names every part that is not an amount of a currency', () => {
  expect(parseBalance('EUR=1000.00,jpy=5')).toEqual(
    new Map([
      ['eur', 100_000n],
      ['jpy', 5n],
    ]),
  );
  expect(() => parseBalance('EUR=1.234,JPY=0.5,USD')).toThrow(/"EUR=1\.234".*"JPY=0\.5".*"USD="/);
  expect(() => parseBalance('EUR=1,eur=2')).toThrow('"eur" is given twice');
});

it('hold goes on by itself when a payout gives its money back, without any call', async () => {
  const { clock, sandbox } = await openTalking({ 'fail-later': 1 }, { confirm: 'auto', balance: usd10 });
  await pay(sandbox, 'a', 900);
  await pay(sandbox, 'b', 900);
  await vi.waitFor(() => {
    clock.advance(settleMs);
    expect(new Set(merchant().received.map(({ session }) => session.id)).size).toBe(2);
  }, patience);
});

it('no alarm is left when payouts that waited have ended', async () => {
  const { clock, sandbox } = await openFunded({ faults: { 'fail-later': 1 } });
  await pay(sandbox, 'a', 900);
  await pay(sandbox, 'b', 900);
  clock.advance(100 * settleMs);
  expect(clock.nextAlarmInMs()).toBeUndefined();
});

it('refuse never lets a second session overdraw the balance', async () => {
  const { sandbox } = await openFunded({ confirm: 'manual', underfunded: 'refuse', faults: { 'second-session': 1 } });
  await pay(sandbox, 'a', 400);
  await pay(sandbox, 'b', 200);
  expect(sandbox.payments().map(({ record_id, second_of }) => `${record_id} ${second_of !== undefined}`)).toEqual([
    'a false',
    'a true',
    'b false',
  ]);
  expect(await balanceOf(sandbox)).toBe(0);
});

it('refuse gives the money of a payout back once, also when its cancellation ends at the moment of its deadline', async () => {
  const { clock, sandbox } = await openFunded({ confirm: 'manual', underfunded: 'refuse' });
  const { session } = await pay(sandbox, 'a', 600);
  clock.advance(240 * 60_000);
  await call(sandbox, 'session/cancel', { session_id: session.id });
  clock.advance(settleMs);
  expect(ends(sandbox)).toEqual(['a failed']);
  expect(await balanceOf(sandbox)).toBe(1000);
});
