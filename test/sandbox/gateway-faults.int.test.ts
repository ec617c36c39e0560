import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../sandbox/server.ts';
import { admin, call, charge, openSandbox, outcomeOf, pay, payoutBody } from './gateway-calls.ts';
import { merchant, openTalking, received, settleMs } from './merchant.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

describe('second-session', () => {
  it('records one more session with the same metadata, which asks for its confirmation and is not paid without it', async () => {
    const { clock, sandbox } = await openTalking({ 'second-session': 1 });
    const { session } = await pay(sandbox, 'a');
    clock.advance(settleMs);
    await received(2);
    expect(merchant().received).toMatchObject(
      Array.from({ length: 2 }, () => ({
        type: 'ready_to_confirm',
        session: { next_action: 'confirm', payments: [{ metadata: { record_id: 'a', attempt: 1 } }] },
      })),
    );
    const lines = sandbox.payments();
    expect(lines).toMatchObject([{ session_id: session.id }, { second_of: session.id, record_id: 'a', idempotency_key: 'key-a' }]);
    expect(lines[0]).not.toHaveProperty('second_of');
    await call(sandbox, 'session/confirm', { session_id: session.id });
    expect((await call(sandbox, 'session/cancel', { session_id: lines[1]?.session_id })).status).toBe('ok');
    clock.advance(settleMs);
    expect(sandbox.payments().map(({ entry_status }) => entry_status)).toEqual(['succeeded', 'failed']);
    expect(await outcomeOf(pay(sandbox, 'a'))).toBe('idempotency_key_already_exists');
  });

  it('is left out where sessions are paid without a confirmation, and for payments', async () => {
    const sandbox = await openSandbox({ confirm: 'auto', faults: { 'second-session': 1 } });
    await pay(sandbox, 'a');
    await charge(sandbox, 'b');
    expect(sandbox.payments()).toHaveLength(2);
  });

  it('has the same ids for the same seed, in any order of arrival', async () => {
    const idsOf = async (records: readonly string[]) => {
      const sandbox = await openSandbox({ faults: { 'second-session': 0.5 } });
      await Promise.all(records.map((record) => pay(sandbox, record)));
      return sandbox
        .payments()
        .map(({ session_id, second_of }) => `${session_id} ${second_of}`)
        .toSorted();
    };
    const records = Array.from({ length: 20 }, (_, index) => `r${index}`);
    const ids = await idsOf(records);
    expect(ids.length).toBeGreaterThan(20);
    expect(ids.length).toBeLessThan(40);
    expect(await idsOf(records.toReversed())).toEqual(ids);
  });
});

it('several-entries fails the first entry of a session, and a later one counts', async () => {
  const clock = createVirtualClock();
  const sandbox = await openSandbox({ clock, settleMs, confirm: 'auto', faults: { 'several-entries': 1 } });
  const { session } = await pay(sandbox, 'a');
  const [first] = session.payments ?? [];
  expect(session.payments).toMatchObject([{ status: 'in_progress' }]);
  clock.advance(settleMs);
  const ended = (await call(sandbox, 'session/status', { session_id: session.id })).session;
  expect(ended.status).toBe('accepted');
  expect(ended.payments).toMatchObject([
    { id: first?.id, status: 'failed', error: { code: expect.any(String) } },
    { id: expect.stringMatching(/^po_/), status: 'succeeded', metadata: { record_id: 'a' } },
  ]);
  expect(ended.payments?.[1]?.id).not.toBe(first?.id);
  expect(sandbox.payments()).toMatchObject([{ entry_status: 'succeeded' }]);
  const report = await (await admin(sandbox, 'report?date=2026-11-21')).text();
  expect(report).toContain(ended.payments?.[1]?.id);
  expect(report).not.toContain(first?.id);
});

it('not-found answers 404 to session/status as often as its rate, in the same calls for the same seed', async () => {
  const answers = async (seed: number) => {
    const sandbox = await openSandbox({ seed, faults: { 'not-found': 0.5 } });
    const { session } = await pay(sandbox, 'a');
    const seen: number[] = [];
    for (let index = 0; index < 30; index++) seen.push((await call(sandbox, 'session/status', { session_id: session.id })).http);
    return seen;
  };
  const first = await answers(1);
  expect(new Set(first)).toEqual(new Set([200, 404]));
  expect(await answers(1)).toEqual(first);
  expect(await answers(2)).not.toEqual(first);
});

/** HTTP status and content type of a call. */
async function headOf(sandbox: Sandbox, method: string, body: unknown): Promise<string> {
  const response = await fetch(`${sandbox.url}/api/v1/${method}`, {
    method: 'POST',
    headers: { 'X-PARTNER-PROJECT': 'shop' },
    body: JSON.stringify(body),
  });
  await response.text();
  return `${response.status} ${response.headers.get('content-type')}`;
}

describe('maintenance', () => {
  it('answers an HTML page under 200 or 503, and records and decides nothing', async () => {
    const clock = createVirtualClock();
    const sandbox = await openSandbox({ clock, settleMs, faults: { maintenance: 1 } });
    const heads = await Promise.all(
      Array.from({ length: 20 }, (_, index) => headOf(sandbox, 'session/init/payout', payoutBody({ record_id: `r${index}` }))),
    );
    expect(new Set(heads)).toEqual(new Set(['200 text/html; charset=utf-8', '503 text/html; charset=utf-8']));
    expect(sandbox.payments()).toEqual([]);
    expect(new Set(sandbox.calls().map(({ outcome }) => outcome))).toEqual(new Set(['maintenance']));
  });

  it('begins and ends while the sandbox runs, for every method, and the keys that it met stay unused', async () => {
    const clock = createVirtualClock();
    const sandbox = await openSandbox({ clock, settleMs, faults: { slow: 0 } });
    const { session } = await pay(sandbox, 'a');
    clock.advance(settleMs);
    expect(await (await admin(sandbox, 'faults?maintenance=1', 'POST')).json()).toEqual({ slow: 0, maintenance: 1 });
    const ask = { session_id: session.id };
    for (const method of ['session/status', 'session/confirm', 'session/cancel', 'wallet/balance', 'session/init/payment'])
      expect(await headOf(sandbox, method, ask)).toContain('text/html');
    await pay(sandbox, 'b').catch(() => {});
    await admin(sandbox, 'faults?maintenance=0', 'POST');
    expect((await call(sandbox, 'session/status', ask)).session.next_action).toBe('confirm');
    expect(await outcomeOf(pay(sandbox, 'b'))).toBe('ok');
  });

  it('strikes the same calls for the same seed', async () => {
    const heads = async (seed: number) => {
      const sandbox = await openSandbox({ seed, faults: { maintenance: 0.5 } });
      const seen: string[] = [];
      for (let index = 0; index < 30; index++) seen.push(await headOf(sandbox, 'session/status', { session_id: 'ps_1' }));
      return seen;
    };
    const first = await heads(1);
    expect(new Set(first).size).toBe(3);
    expect(await heads(1)).toEqual(first);
    expect(await heads(2)).not.toEqual(first);
  });
});

describe('rates that change at run time', () => {
  it('hold for the next call, and leave the others as they are', async () => {
    const sandbox = await openSandbox({ faults: { refuse: 1 } });
    expect(await outcomeOf(pay(sandbox, 'a'))).not.toBe('ok');
    await admin(sandbox, 'faults?refuse=0&lost-webhook=0.5', 'POST');
    expect(await outcomeOf(pay(sandbox, 'a'))).toBe('ok');
    expect(await (await admin(sandbox, 'faults')).json()).toEqual({ refuse: 0, 'lost-webhook': 0.5 });
  });

  it('are refused when a name or a rate is wrong, and then nothing changes', async () => {
    const sandbox = await openSandbox();
    const response = await admin(sandbox, 'faults?slow=1&maintenence=1', 'POST');
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { description: expect.stringContaining('"maintenence"') } },
    ]);
    expect(await (await admin(sandbox, 'faults')).json()).toEqual({});
  });
});

it('with every fault at once, what the witness lists as succeeded is what the report and the webhooks of a session say', async () => {
  const rates = ['fail-later', 'return', 'second-session', 'several-entries', 'repeat-webhook', 'late-webhook', 'reorder-webhook'];
  const { clock, sandbox } = await openTalking(Object.fromEntries(rates.map((name) => [name, 0.3])));
  for (let index = 0; index < 40; index++) await pay(sandbox, `r${index}`);
  clock.advance(settleMs);
  for (const { session_id, second_of } of sandbox.payments())
    await call(sandbox, second_of === undefined ? 'session/confirm' : 'session/cancel', { session_id });
  clock.advance(10 * settleMs);
  const lines = sandbox.payments();
  const paid = lines.filter(({ entry_status }) => entry_status === 'succeeded');
  const report = (await (await admin(sandbox, 'report?date=2026-11-21')).text()).split('\r\n');
  const sessionsOf = (type: string) => report.filter((row) => row.split(',')[3] === type).map((row) => row.split(',')[5]);
  expect(paid.length).toBeGreaterThan(10);
  expect(paid.length).toBeLessThan(40);
  expect(lines.every(({ entry_status }) => entry_status === 'succeeded' || entry_status === 'failed')).toBe(true);
  expect(sessionsOf('Advice')).toEqual(paid.map(({ session_id }) => session_id));
  expect(sessionsOf('Refund')).toEqual(paid.filter(({ returned }) => returned !== undefined).map(({ session_id }) => session_id));
  expect(new Set(paid.map(({ record_id }) => record_id)).size).toBe(paid.length);
});
