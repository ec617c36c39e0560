import { generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { createSandbox } from '../../sandbox/server.ts';
import { patience } from '../support/patience.ts';
import { call, pay, paymentBody } from './gateway-calls.ts';
import { merchant, openTalking, received, settleMs, story } from './merchant.ts';

describe('webhooks of a payout', () => {
  it('ask for the confirmation and report the end', async () => {
    const { clock, sandbox } = await openTalking();
    const { session } = await pay(sandbox, 'a');
    clock.advance(settleMs - 1);
    expect(merchant().received).toEqual([]);
    clock.advance(1);
    await received(1);
    expect(merchant().received[0]).toMatchObject({
      type: 'ready_to_confirm',
      signature: undefined,
      session: { id: session.id, next_action: 'confirm', payments: [{ status: 'pending', metadata: { record_id: 'a', attempt: 1 } }] },
    });
    await call(sandbox, 'session/confirm', { session_id: session.id });
    clock.advance(settleMs);
    await received(2);
    clock.advance(24 * 60 * 60_000);
    expect((await call(sandbox, 'session/status', { session_id: session.id })).session).toEqual(merchant().received[1]?.session);
    expect(story()).toEqual(['ready_to_confirm in_progress pending', 'payment_finished accepted succeeded']);
  });

  it('report a cancellation and an expired confirmation', async () => {
    const { clock, sandbox } = await openTalking();
    const { session } = await pay(sandbox, 'a');
    await pay(sandbox, 'b');
    clock.advance(settleMs);
    await received(2);
    await call(sandbox, 'session/cancel', { session_id: session.id });
    clock.advance(settleMs);
    await received(3);
    clock.advance(240 * 60_000);
    await received(4);
    expect(
      story()
        .slice(2)
        .map((line) => line.replace('canceled', 'cancelled')),
    ).toEqual(['payment_finished cancelled failed', 'payment_finished cancelled failed']);
    expect(merchant().received[3]?.session.error?.code).toBe('confirm_timeout');
  });
});

it('webhooks of a payment report its end only', async () => {
  const { clock, sandbox } = await openTalking();
  await call(sandbox, 'session/init/payment', paymentBody());
  clock.advance(settleMs);
  await received(1);
  expect(story()).toEqual(['payment_finished accepted succeeded']);
});

it('a failure after an error is reported twice: the error that is not final, and the end', async () => {
  const { clock, sandbox } = await openTalking({ 'fail-later': 1 }, { confirm: 'auto' });
  await Promise.all(Array.from({ length: 12 }, (_, index) => pay(sandbox, `r${index}`)));
  clock.advance(settleMs);
  await received(12);
  const inError = merchant().received.filter(({ session }) => session.status === 'error').length;
  expect(inError).toBeGreaterThan(0);
  clock.advance(settleMs);
  await received(12 + inError);
  expect(
    merchant()
      .received.slice(12)
      .every(({ session }) => session.status.startsWith('cancel')),
  ).toBe(true);
});

it('webhooks are signed over the raw bytes when there is a key', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { clock, sandbox } = await openTalking({}, { privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() });
  await pay(sandbox, 'a');
  clock.advance(settleMs);
  await received(1);
  const [webhook] = merchant().received;
  expect(verify('sha256', webhook?.raw ?? Buffer.alloc(0), publicKey, Buffer.from(webhook?.signature ?? '', 'base64'))).toBe(true);
});

describe('a webhook that is not accepted', () => {
  it.each([404, 500, 302, 'silence'] as const)('(%s) is sent again, the same bytes, until it is accepted', async (answer) => {
    const { clock, sandbox, toNextAlarm } = await openTalking();
    merchant().answer(answer);
    await pay(sandbox, 'a');
    clock.advance(settleMs);
    await received(1);
    // The deadline of the confirmation is an alarm too, so the gap distinguishes them.
    await vi.waitFor(() => expect(clock.nextAlarmInMs()).toBeLessThan(60_000), patience);
    merchant().answer(200);
    await toNextAlarm();
    await received(2);
    expect(merchant().received[1]?.raw).toEqual(merchant().received[0]?.raw);
  });

  it('shows the session as it was at the event', async () => {
    const { clock, sandbox, toNextAlarm } = await openTalking();
    merchant().answer(500);
    const { session } = await pay(sandbox, 'a');
    clock.advance(settleMs);
    await received(1);
    await vi.waitFor(() => expect(clock.nextAlarmInMs()).toBeLessThan(60_000), patience);
    merchant().answer(200);
    await call(sandbox, 'session/confirm', { session_id: session.id });
    await toNextAlarm();
    await received(3);
    const asked = merchant().received.filter(({ type }) => type === 'ready_to_confirm');
    expect(asked).toHaveLength(2);
    expect(asked[1]?.raw).toEqual(asked[0]?.raw);
  });

  it('still shows an error that was not final after the end', async () => {
    const { clock, sandbox } = await openTalking({ 'fail-later': 1 }, { confirm: 'auto' });
    merchant().answer(500);
    await Promise.all(Array.from({ length: 12 }, (_, index) => pay(sandbox, `r${index}`)));
    clock.advance(settleMs);
    await received(12);
    const inError = merchant().received.filter(({ session }) => session.status === 'error');
    expect(inError.length).toBeGreaterThan(0);
    merchant().answer(200);
    // The first gap is as long as the error lasts, so what is sent again is sent together with the end.
    const seldom = { ...patience, interval: 50 };
    await vi.waitFor(() => {
      clock.advance(settleMs);
      expect(merchant().received.length).toBe(24 + inError.length);
    }, seldom);
    for (const { raw } of inError) expect(merchant().received.filter((other) => other.raw.equals(raw))).toHaveLength(2);
  });

  it('is repeated after growing gaps of at most 15 minutes, for at most 30', async () => {
    const { clock, logged, sandbox, toNextAlarm } = await openTalking({}, { confirm: 'auto' });
    merchant().answer(500);
    await pay(sandbox, 'a');
    clock.advance(settleMs);
    const gaps: number[] = [];
    await received(1);
    while (!logged.some((line) => line.includes('no more attempts'))) {
      gaps.push(await toNextAlarm());
      await received(gaps.length + 1);
      await vi.waitFor(() => expect(logged.length).toBe(gaps.length + 1), patience);
    }
    expect(gaps.length).toBeGreaterThan(3);
    expect(gaps).toEqual(gaps.toSorted((a, b) => a - b));
    expect(gaps.at(-1)).toBeLessThanOrEqual(15 * 60_000);
    expect(gaps.reduce((sum, gap) => sum + gap, 0)).toBeLessThanOrEqual(30 * 60_000);
    expect(clock.nextAlarmInMs()).toBeUndefined();
  });
});

it('repeat-webhook sends the same bytes once more', async () => {
  const { clock, sandbox, toNextAlarm } = await openTalking({ 'repeat-webhook': 1 }, { confirm: 'auto' });
  await pay(sandbox, 'a');
  clock.advance(settleMs);
  await received(1);
  await toNextAlarm();
  await received(2);
  expect(merchant().received[1]?.raw).toEqual(merchant().received[0]?.raw);
  // The next session's webhook comes behind any third copy there could be.
  clock.advance(60_000);
  await pay(sandbox, 'b');
  clock.advance(settleMs);
  await received(3);
  expect(merchant().received[2]?.session.id).not.toBe(merchant().received[0]?.session.id);
});

it('lost-webhook sends nothing, and the session continues', async () => {
  const { clock, logged, sandbox } = await openTalking({ 'lost-webhook': 1 });
  await pay(sandbox, 'a');
  clock.advance(settleMs + 240 * 60_000);
  expect(logged).toEqual([expect.stringMatching(/ready_to_confirm .* is lost/), expect.stringMatching(/payment_finished .* is lost/)]);
  expect(merchant().received).toEqual([]);
  expect(sandbox.payments()).toMatchObject([{ status: 'cancelled' }]);
});

it('late-webhook shows the session as it was, after the events that came meanwhile', async () => {
  const { clock, sandbox } = await openTalking({ 'late-webhook': 0.5 }, { seed: 3 });
  const ids = await Promise.all(Array.from({ length: 20 }, async (_, index) => (await pay(sandbox, `r${index}`)).session.id));
  clock.advance(settleMs);
  for (const session_id of ids) await call(sandbox, 'session/confirm', { session_id });
  clock.advance(settleMs);
  // Both events of each session, those that were held back included.
  await vi.waitFor(() => {
    clock.advance(1_000);
    expect(merchant().received.length).toBe(40);
  }, patience);
  const order = (id: string) =>
    merchant()
      .received.filter(({ session }) => session.id === id)
      .map(({ type }) => type);
  const orders = new Set(ids.map((id) => order(id).join()));
  expect(orders).toEqual(new Set(['ready_to_confirm,payment_finished', 'payment_finished,ready_to_confirm']));
  for (const { type, session } of merchant().received)
    expect(session.next_action).toBe(type === 'ready_to_confirm' ? 'confirm' : undefined);
});

it('hundreds of webhooks at the same time all arrive', async () => {
  const { clock, sandbox } = await openTalking({}, { confirm: 'auto' });
  await Promise.all(Array.from({ length: 300 }, (_, index) => pay(sandbox, `r${index}`)));
  clock.advance(settleMs);
  await received(300);
  expect(new Set(merchant().received.map(({ session }) => session.id)).size).toBe(300);
});

it('each event is reported once when confirmations overtake queued webhooks', async () => {
  const { clock, sandbox } = await openTalking();
  const ids = await Promise.all(Array.from({ length: 80 }, async (_, index) => (await pay(sandbox, `r${index}`)).session.id));
  merchant().answer('later');
  clock.advance(settleMs);
  // No more than these are under way at a time; the rest have not been sent when everything is confirmed.
  await received(32);
  await Promise.all(ids.map((session_id) => call(sandbox, 'session/confirm', { session_id })));
  merchant().answer(200);
  await received(80);
  clock.advance(settleMs);
  await received(160);
  await pay(sandbox, 'last');
  clock.advance(settleMs);
  await vi.waitFor(() => expect(merchant().received.some(({ session }) => !ids.includes(session.id))).toBe(true), patience);
  expect(new Set(merchant().received.map(({ type, session }) => `${type} ${session.id}`)).size).toBe(161);
  expect(merchant().received).toHaveLength(161);
});

it('a webhook address that is not http or https is refused', async () => {
  await expect(createSandbox({ port: 0, webhookUrl: 'ftp://127.0.0.1/x' })).rejects.toThrow(
    'the webhook address must be an http or https URL',
  );
});
