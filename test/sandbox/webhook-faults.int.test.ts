import { expect, it, vi } from 'vitest';
import { parseBalance } from '../../sandbox/server.ts';
import { patience } from '../support/patience.ts';
import { call, openSandbox, pay } from './gateway-calls.ts';
import { merchant, openTalking, received, settleMs, story } from './merchant.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

it('early-webhook is received before the init call is answered, whose answer shows the session before it', async () => {
  const { clock, sandbox } = await openTalking({ 'early-webhook': 1, 'lost-webhook': 1 });
  merchant().answer('later');
  let answered = false;
  const answer = pay(sandbox, 'a').finally(() => (answered = true));
  await vi.waitFor(() => expect(clock.nextAlarmInMs()).toBe(1), patience);
  clock.advance(1);
  await received(1);
  // A call there and back: had the first been answered, its answer would be here.
  const status = await call(sandbox, 'session/status', { session_id: sandbox.payments()[0]?.session_id });
  expect([status.session.next_action, answered]).toEqual(['confirm', false]);
  merchant().answer(200);
  const { session } = await answer;
  expect([session.status, session.payments?.[0]?.status]).toEqual(['in_progress', 'in_progress']);
  expect(merchant().received[0]).toMatchObject({ type: 'ready_to_confirm', session: { id: session.id } });
});

it('early-webhook answers at once when no webhooks are sent', async () => {
  const clock = createVirtualClock();
  const sandbox = await openSandbox({ clock, settleMs, faults: { 'early-webhook': 1 } });
  expect((await pay(sandbox, 'a')).status).toBe('ok');
  clock.advance(settleMs - 1);
  expect(sandbox.payments()).toMatchObject([{ entry_status: 'in_progress' }]);
});

it('an init call that waits for its early webhook ends with the sandbox', async () => {
  const { clock, sandbox } = await openTalking({ 'early-webhook': 1 });
  const answer = pay(sandbox, 'a');
  answer.catch(() => {});
  await vi.waitFor(() => expect(clock.nextAlarmInMs()).toBe(1), patience);
  await sandbox.close();
  await expect(answer).rejects.toThrow();
});

it('reorder-webhook holds a webhook until the next one of its session was sent', async () => {
  const { clock, sandbox } = await openTalking({ 'reorder-webhook': 1 });
  const { session } = await pay(sandbox, 'a');
  clock.advance(settleMs);
  await call(sandbox, 'session/confirm', { session_id: session.id });
  clock.advance(settleMs);
  await received(2);
  expect(story()).toEqual(['payment_finished accepted succeeded', 'ready_to_confirm in_progress pending']);
  // The copy that was held back is not sent a second time.
  clock.advance(60_000);
  await pay(sandbox, 'b');
  clock.advance(11 * settleMs);
  await received(3);
  expect(merchant().received[2]?.session.id).not.toBe(session.id);
});

it('reorder-webhook sends a webhook without a successor after ten settling times', async () => {
  const { clock, sandbox } = await openTalking({ 'reorder-webhook': 1 }, { confirm: 'auto' });
  await pay(sandbox, 'a');
  clock.advance(11 * settleMs - 1);
  expect(merchant().received).toEqual([]);
  clock.advance(1);
  await received(1);
});

it('reorder-webhook gives the same orders for the same seed', async () => {
  const ordersOf = async (seed: number) => {
    const { clock, sandbox } = await openTalking({ 'reorder-webhook': 0.5 }, { seed });
    const start = merchant().received.length;
    const ids = await Promise.all(Array.from({ length: 12 }, async (_, index) => (await pay(sandbox, `r${index}`)).session.id));
    clock.advance(settleMs);
    for (const session_id of ids) await call(sandbox, 'session/confirm', { session_id });
    await vi.waitFor(() => {
      clock.advance(1000);
      expect(merchant().received.length - start).toBe(24);
    }, patience);
    const seen = merchant().received.slice(start);
    return ids.map((id) => seen.filter(({ session }) => session.id === id).map(({ type }) => type)[0]);
  };
  const first = await ordersOf(1);
  expect(new Set(first).size).toBe(2);
  expect(await ordersOf(1)).toEqual(first);
  expect(await ordersOf(2)).not.toEqual(first);
});

it('retryGapMs scales all gaps between the attempts of a webhook', async () => {
  const { clock, logged, sandbox, toNextAlarm } = await openTalking({}, { confirm: 'auto', retryGapMs: 10 });
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
  expect(gaps).toEqual([10, 30, 90, 270, 810, 2430, 7290]);
});

it('early-webhook answers at once when the session has no webhook yet, for lack of money', async () => {
  const { sandbox } = await openTalking({ 'early-webhook': 1 }, { confirm: 'auto', balance: parseBalance('USD=0') });
  expect((await pay(sandbox, 'a')).status).toBe('ok');
});
