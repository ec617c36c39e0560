import { describe, expect, it, vi } from 'vitest';
import { patience } from '../support/patience.ts';
import { call, openSandbox, outcomeOf, pay, paymentBody } from './gateway-calls.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const settleMs = 1000;

describe('a fault before the session is recorded', () => {
  it.each([
    ['lost-request', 'closed'],
    ['http-500', 'internal_error'],
    ['http-429', 'too_many_requests'],
  ])('%s', async (fault, outcome) => {
    const sandbox = await openSandbox({ faults: { [fault]: 1 } });
    expect(await outcomeOf(pay(sandbox, 'a'))).toBe(outcome);
    expect(sandbox.payments()).toEqual([]);
    expect(sandbox.calls()).toMatchObject([{ record_id: 'a', outcome: outcome === 'closed' ? 'lost-request' : outcome }]);
  });

  it('a 429 response has Retry-After', async () => {
    const answer = await pay(await openSandbox({ faults: { 'http-429': 1 } }), 'a');
    expect([answer.http, Number(answer.headers.get('retry-after'))]).toEqual([429, 1]);
  });

  it('a refusal has a documented code of its payment method and pays nothing', async () => {
    const sandbox = await openSandbox({ faults: { refuse: 1 } });
    const codes = await Promise.all(Array.from({ length: 30 }, (_, index) => outcomeOf(pay(sandbox, `r${index}`))));
    expect(codes).toContain('account_not_found');
    expect(codes).not.toContain('ok');
    expect(codes).not.toContain('bank_card_expired');
    expect((await call(sandbox, 'session/init/payment', paymentBody())).http).toBe(400);
    expect(sandbox.payments()).toEqual([]);
  });

  it('leaves the key unused, and the next call with it has its own draw', async () => {
    const sandbox = await openSandbox({ faults: { 'lost-request': 0.5 } });
    await vi.waitFor(async () => expect(await outcomeOf(pay(sandbox, 'a'))).toBe('idempotency_key_already_exists'), patience);
    expect(sandbox.payments()).toHaveLength(1);
  });
});

it('lost-answer closes the connection after recording, before or within the response', async () => {
  const sandbox = await openSandbox({ faults: { 'lost-answer': 1 } });
  const reasons = new Set<boolean>();
  for (let index = 0; index < 40; index++) {
    const head = await pay(sandbox, `r${index}`).then(
      () => 'answered',
      (error: Error) => error.message,
    );
    expect(head).not.toBe('answered');
    reasons.add(head === 'fetch failed');
  }
  expect(reasons.size).toBe(2);
  expect(sandbox.payments()).toHaveLength(40);
  expect(new Set(sandbox.calls().map(({ outcome }) => outcome))).toEqual(new Set(['lost-answer']));
  expect(await outcomeOf(pay(sandbox, 'r0'))).toBe('idempotency_key_already_exists');
});

it('slow records at once and responds after 1 to 3 seconds', async () => {
  const clock = createVirtualClock();
  const sandbox = await openSandbox({ clock, faults: { slow: 1 } });
  let answered = false;
  const answer = pay(sandbox, 'a').finally(() => (answered = true));
  const waitMs = await vi.waitFor(() => {
    const next = clock.nextAlarmInMs();
    if (next === undefined) throw new Error('no alarm is set');
    return next;
  }, patience);
  expect(waitMs).toBeGreaterThanOrEqual(1000);
  expect(waitMs).toBeLessThan(3000);
  expect(sandbox.payments()).toHaveLength(1);
  clock.advance(waitMs - 1);
  // Another call there and back: had the first been answered, its answer would be here.
  expect((await call(sandbox, 'session/status', { session_id: sandbox.payments()[0]?.session_id })).status).toBe('ok');
  expect(answered).toBe(false);
  clock.advance(1);
  expect((await answer).status).toBe('ok');
});

it('wrong-amount shows another amount everywhere, and the witness lists the requested one', async () => {
  const clock = createVirtualClock();
  const sandbox = await openSandbox({ clock, settleMs, faults: { 'wrong-amount': 1 } });
  for (const amount of [1, 2, 1000, Number.MAX_SAFE_INTEGER]) {
    const { session } = await pay(sandbox, `r${amount}`, amount);
    const shown = session.payments?.[0]?.amount_details.amount;
    expect(shown).toBeGreaterThan(0);
    expect(Number.isSafeInteger(shown)).toBe(true);
    expect(shown).not.toBe(amount);
    const later = await call(sandbox, 'session/status', { session_id: session.id });
    expect(later.session.payments?.[0]?.amount_details.amount).toBe(shown);
  }
  expect(sandbox.payments().map(({ amount }) => amount)).toEqual([1, 2, 1000, Number.MAX_SAFE_INTEGER]);
});

it('fail-later accepts the session, and its entry fails under accepted, cancelled, or error first', async () => {
  const clock = createVirtualClock();
  const sandbox = await openSandbox({ clock, settleMs, confirm: 'auto', faults: { 'fail-later': 1 } });
  const ids = await Promise.all(Array.from({ length: 40 }, async (_, index) => (await pay(sandbox, `r${index}`)).session.id));
  const shown = async () => {
    const answers = await Promise.all(ids.map((id) => call(sandbox, 'session/status', { session_id: id })));
    return new Set(
      answers.map(
        ({ session }) =>
          `${session.status.replace('canceled', 'cancelled')} ${session.payments?.[0]?.status} ${session.error !== undefined}`,
      ),
    );
  };
  expect(await shown()).toEqual(new Set(['in_progress in_progress false']));
  clock.advance(settleMs);
  expect(await shown()).toEqual(new Set(['accepted failed true', 'cancelled failed true', 'error failed true']));
  clock.advance(settleMs);
  expect(await shown()).toEqual(new Set(['accepted failed true', 'cancelled failed true']));
});

it('the same seed gives the same faults in any order of arrival', async () => {
  const faults = { 'lost-request': 0.2, 'http-500': 0.2, 'http-429': 0.1, refuse: 0.2, 'lost-answer': 0.2 };
  const records = Array.from({ length: 100 }, (_, index) => `r${index}`);
  const run = async (order: readonly string[], seed = 5) => {
    const sandbox = await openSandbox({ faults, seed });
    const met = new Map(await Promise.all(order.map(async (record) => [record, await outcomeOf(pay(sandbox, record))] as const)));
    return records.map((record) => met.get(record));
  };
  const first = await run(records);
  expect(new Set(first).size).toBeGreaterThan(4);
  expect(await run(records.toReversed())).toEqual(first);
  expect(await run(records, 6)).not.toEqual(first);
});

it('faults apply to init calls only', async () => {
  const clock = createVirtualClock();
  const faults = { 'lost-answer': 1 };
  const sandbox = await openSandbox({ clock, settleMs, faults });
  await outcomeOf(pay(sandbox, 'a'));
  const session_id = sandbox.payments()[0]?.session_id;
  clock.advance(settleMs);
  for (const method of ['session/status', 'session/confirm']) expect((await call(sandbox, method, { session_id })).status).toBe('ok');
});
