import { generateKeyPairSync, sign } from 'node:crypto';
import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createSandbox } from '../../sandbox/server.ts';
import type { CallLine, WitnessLine } from '../../sandbox/server.ts';
import { call, jsonLinesOf, openSandbox, pay, paymentBody, payoutBody, post } from './gateway-calls.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const settleMs = 1000;
const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

describe('a session', () => {
  it('of a payout starts like the documented sample', async () => {
    const sandbox = await openSandbox({ settleMs: 60_000 });
    const answer = await call(sandbox, 'session/init/payout', { ...payoutBody('good'), customer: { reference: 'user123' } });
    const { payment_method, participant_details } = payoutBody();
    expect(answer).toMatchObject({
      http: 200,
      status: 'ok',
      session: {
        id: expect.stringMatching(/^ps_\w+$/),
        status: 'in_progress',
        created_at: expect.stringMatching(stamp),
        updated_at: expect.stringMatching(stamp),
        payments: [
          {
            id: expect.stringMatching(/^po_\w+$/),
            status: 'in_progress',
            created_at: expect.stringMatching(stamp),
            customer: { reference: 'user123' },
            payment_method,
            participant_details,
            amount_details: { amount: 1000, currency: 'usd' },
            metadata: 'good',
          },
        ],
      },
    });
    expect(answer.session).not.toHaveProperty('next_action');
  });

  it('of a payment starts like the documented sample, without the card', async () => {
    const sandbox = await openSandbox({ settleMs: 60_000 });
    const answer = await call(sandbox, 'session/init/payment', paymentBody());
    expect(answer.session.acquiring_payments?.[0]).toMatchObject({
      id: expect.stringMatching(/^pm_\w+$/),
      status: 'in_progress',
      customer: { reference: 'lucky' },
      payment_details: { type: 'card', card: { brand: 'visa', last4: '4242' } },
      payment_options: { return_url: 'https://website.com' },
    });
    expect(JSON.stringify(answer.session)).not.toContain('4242424242424242');
  });

  it('waits for its confirmation and then succeeds', async () => {
    const clock = createVirtualClock();
    const sandbox = await openSandbox({ clock, settleMs });
    const { session } = await pay(sandbox, 'a');
    const ask = { session_id: session.id };
    const shown = async (method = 'session/status') => {
      const answer = await call(sandbox, method, ask);
      return [answer.session.status, answer.session.next_action, answer.session.payments?.[0]?.status];
    };
    expect((await call(sandbox, 'session/confirm', ask)).error.code).toBe('invalid_request');
    clock.advance(settleMs);
    expect(await shown()).toEqual(['in_progress', 'confirm', 'pending']);
    expect(await shown('session/confirm')).toEqual(['in_progress', undefined, 'pending']);
    expect((await call(sandbox, 'session/confirm', ask)).error.code).toBe('invalid_request');
    expect((await call(sandbox, 'session/cancel', ask)).error.code).toBe('invalid_request');
    clock.advance(settleMs);
    expect(await shown()).toEqual(['accepted', undefined, 'succeeded']);
    expect(sandbox.payments()).toMatchObject([{ status: 'accepted', entry_status: 'succeeded' }]);
  });

  it('that was cancelled cannot be confirmed', async () => {
    const clock = createVirtualClock();
    const sandbox = await openSandbox({ clock, settleMs });
    const { session } = await pay(sandbox, 'a');
    clock.advance(settleMs);
    expect((await call(sandbox, 'session/cancel', { session_id: session.id })).status).toBe('ok');
    expect((await call(sandbox, 'session/confirm', { session_id: session.id })).error.code).toBe('invalid_request');
    clock.advance(settleMs);
    expect(sandbox.payments()).toMatchObject([{ status: 'cancelled', entry_status: 'failed' }]);
  });

  it('without a confirmation is cancelled after 240 minutes, in both spellings', async () => {
    const clock = createVirtualClock();
    const sandbox = await openSandbox({ clock, settleMs });
    const ids = await Promise.all(Array.from({ length: 60 }, async (_, index) => (await pay(sandbox, `r${index}`)).session.id));
    const statuses = () => Promise.all(ids.map(async (id) => (await call(sandbox, 'session/status', { session_id: id })).session));
    clock.advance(settleMs + 240 * 60_000 - 1);
    expect(new Set((await statuses()).map(({ status }) => status))).toEqual(new Set(['in_progress']));
    clock.advance(1);
    const ended = await statuses();
    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['cancelled', 'canceled']));
    expect(ended.filter(({ status }) => status === 'canceled').length).toBeLessThan(20);
    expect(ended[0]).toMatchObject({ error: { code: 'confirm_timeout' }, payments: [{ status: 'failed' }] });
    expect(new Set(sandbox.payments().map(({ status }) => status))).toEqual(new Set(['cancelled']));
  });

  it('of a payment settles by itself, and that of a payout under automatic confirmation', async () => {
    const clock = createVirtualClock();
    const manual = await openSandbox({ clock, settleMs });
    const auto = await openSandbox({ clock, settleMs, confirm: 'auto' });
    await call(manual, 'session/init/payment', paymentBody());
    await pay(auto, 'a');
    clock.advance(settleMs);
    expect([...manual.payments(), ...auto.payments()]).toMatchObject([
      { kind: 'payment', status: 'accepted', entry_status: 'succeeded' },
      { kind: 'payout', status: 'accepted', entry_status: 'succeeded' },
    ]);
  });

  it('is visible to its own project only', async () => {
    const sandbox = await openSandbox();
    const { session } = await pay(sandbox, 'a');
    const ask = JSON.stringify({ session_id: session.id });
    expect((await post(sandbox, 'session/status', ask)).status).toBe('ok');
    expect((await post(sandbox, 'session/status', ask, { 'X-PARTNER-PROJECT': 'other' })).error.code).toBe('invalid_request');
  });
});

describe('idempotency', () => {
  it('responds to a known key with an error and without the session', async () => {
    const sandbox = await openSandbox();
    const { session } = await pay(sandbox, 'a');
    const again = await pay(sandbox, 'a', 999);
    expect(again).toMatchObject({ http: 400, status: 'error', error: { code: 'idempotency_key_already_exists' } });
    expect(JSON.stringify(again)).not.toContain(session.id);
    expect(sandbox.payments()).toHaveLength(1);
  });

  it('records one session for simultaneous calls with one key', async () => {
    const sandbox = await openSandbox();
    const answers = await Promise.all(Array.from({ length: 20 }, () => pay(sandbox, 'a')));
    expect(answers.filter(({ status }) => status === 'ok')).toHaveLength(1);
    expect(sandbox.payments()).toHaveLength(1);
  });

  it('holds per project, across both kinds', async () => {
    const sandbox = await openSandbox();
    const first = await pay(sandbox, 'a');
    expect((await call(sandbox, 'session/init/payment', paymentBody(), 'key-a')).error.code).toBe('idempotency_key_already_exists');
    const other = await post(sandbox, 'session/init/payout', JSON.stringify(payoutBody()), {
      'X-PARTNER-IDEMPOTENCY-KEY': 'key-a',
      'X-PARTNER-PROJECT': 'other',
    });
    expect(other.status).toBe('ok');
    expect(other.session.id).not.toBe(first.session.id);
  });

  it('does not exist without a key: the witness lists two payments', async () => {
    const sandbox = await openSandbox();
    const body = payoutBody({ record_id: 'twice' });
    const sessions = [await call(sandbox, 'session/init/payout', body), await call(sandbox, 'session/init/payout', body)];
    expect(new Set(sessions.map(({ session }) => session.id)).size).toBe(2);
    expect(sandbox.payments()).toMatchObject([
      { record_id: 'twice', idempotency_key: null },
      { record_id: 'twice', idempotency_key: null },
    ]);
  });

  it('uses the configured header', async () => {
    const sandbox = await openSandbox({ idempotencyHeader: 'Idempotency-Key' });
    const send = (header: string) => post(sandbox, 'session/init/payout', JSON.stringify(payoutBody()), { [header]: 'k' });
    expect((await send('Idempotency-Key')).status).toBe('ok');
    expect((await send('idempotency-key')).error.code).toBe('idempotency_key_already_exists');
    expect((await send('X-PARTNER-IDEMPOTENCY-KEY')).status).toBe('ok');
  });
});

describe('signatures', () => {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKeyPem = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const signed = (raw: string) => ({ 'X-PARTNER-SIGN': sign('sha256', Buffer.from(raw), keys.privateKey).toString('base64') });
  const raw = `  ${JSON.stringify(payoutBody('é'), null, 3)}\n`;

  it('are verified over the raw bytes', async () => {
    const sandbox = await openSandbox({ publicKeyPem });
    expect((await post(sandbox, 'session/init/payout', raw, signed(raw))).status).toBe('ok');
    expect((await post(sandbox, 'session/init/payout', raw.trim(), signed(raw))).error.code).toBe('authentication_error');
    expect(sandbox.payments()).toHaveLength(1);
  });

  it.each([
    ['absent', {}],
    ['not Base64', { 'X-PARTNER-SIGN': 'signature' }],
    ['without padding', { 'X-PARTNER-SIGN': signed(raw)['X-PARTNER-SIGN'].replaceAll('=', '') }],
    ['made with another digest', { 'X-PARTNER-SIGN': sign('sha1', Buffer.from(raw), keys.privateKey).toString('base64') }],
    [
      'made with another key',
      {
        'X-PARTNER-SIGN': sign('sha256', Buffer.from(raw), generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey).toString(
          'base64',
        ),
      },
    ],
  ])('are refused when %s, on every method', async (_, headers: Record<string, string>) => {
    const sandbox = await openSandbox({ publicKeyPem });
    for (const method of [
      'session/init/payout',
      'session/init/payment',
      'session/status',
      'session/confirm',
      'session/cancel',
      'wallet/balance',
    ])
      expect(await post(sandbox, method, raw, headers)).toMatchObject({
        http: 401,
        status: 'error',
        error: { code: 'authentication_error' },
      });
    expect(sandbox.payments()).toEqual([]);
  });

  it('require readable keys', async () => {
    await expect(createSandbox({ port: 0, publicKeyPem: 'no key' })).rejects.toThrow('the public key is not a PEM that can be read');
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await expect(createSandbox({ port: 0, privateKeyPem: ec })).rejects.toThrow('the private key is not an RSA key');
  });
});

describe('an invalid call', () => {
  it('without a project is an identification error', async () => {
    const sandbox = await openSandbox();
    const answer = await post(sandbox, 'session/init/payout', JSON.stringify(payoutBody()), { 'X-PARTNER-PROJECT': '' });
    expect(answer).toMatchObject({ http: 401, error: { code: 'identification_error' } });
    expect(sandbox.payments()).toEqual([]);
  });

  it.each([
    ['not JSON', '{"a":'],
    ['empty', ''],
    ['not UTF-8', Buffer.from(JSON.stringify(payoutBody('\u00ff')), 'latin1')],
    ['no object', '[]'],
    ['without mandatory members', '{}'],
  ])('%s is an invalid request', async (_, body) => {
    const sandbox = await openSandbox();
    const bytes = typeof body === 'string' ? body : Uint8Array.from(body);
    expect(await post(sandbox, 'session/init/payout', bytes)).toMatchObject({
      http: 400,
      status: 'error',
      error: { code: 'invalid_request', description: expect.stringMatching(/./) },
    });
    expect(sandbox.payments()).toEqual([]);
  });

  it('with a body nested too deeply is an internal error', async () => {
    const sandbox = await openSandbox();
    const deep = JSON.stringify(payoutBody({ deep: 0 })).replace('"deep":0', `"deep":${'['.repeat(200_000)}${']'.repeat(200_000)}`);
    const answer = await post(sandbox, 'session/init/payout', deep);
    expect(['invalid_request', 'internal_error']).toContain(answer.error.code);
    expect(sandbox.payments()).toEqual([]);
    expect((await pay(sandbox, 'a')).status).toBe('ok');
  });

  it('with another path, HTTP method or size is refused', async () => {
    const sandbox = await openSandbox();
    expect(await post(sandbox, 'session/refund', '{}')).toMatchObject({ http: 404, status: 'error', error: { code: 'invalid_request' } });
    const get = await fetch(`${sandbox.url}/api/v1/session/status`);
    expect([get.status, get.headers.get('allow'), await get.json()]).toMatchObject([405, 'POST', { status: 'error' }]);
    const wrongWitness = await fetch(`${sandbox.url}/_sandbox/payments`, { method: 'POST', body: '{}' });
    expect([wrongWitness.status, wrongWitness.headers.get('allow')]).toEqual([405, 'GET']);
    const padded = (bytes: number) => JSON.stringify({ ...payoutBody('x'), padding: 'x'.repeat(bytes) });
    expect(await post(sandbox, 'session/init/payout', padded(1024 * 1024))).toMatchObject({ http: 413, status: 'error' });
    expect((await post(sandbox, 'session/init/payout', padded(1024 * 1024 - 2000))).status).toBe('ok');
    expect(sandbox.payments()).toHaveLength(1);
  });

  it('with an incomplete body records nothing', async () => {
    const sandbox = await openSandbox();
    const body = JSON.stringify(payoutBody());
    await new Promise<void>((resolve) => {
      const half = request(`${sandbox.url}/api/v1/session/init/payout`, {
        method: 'POST',
        headers: { 'X-PARTNER-PROJECT': 'shop', 'content-length': Buffer.byteLength(body) },
      });
      half.on('error', () => {});
      half.on('close', resolve);
      half.write(body.slice(0, -1), () => half.destroy());
    });
    await pay(sandbox, 'after');
    expect(sandbox.payments().map(({ record_id }) => record_id)).toEqual(['after']);
  });
});

describe('the witness', () => {
  it('lists every session as it was requested', async () => {
    const sandbox = await openSandbox({ settleMs: 60_000 });
    const { session } = await call(sandbox, 'session/init/payout', payoutBody({ record_id: 'r-1', attempt: 1 }, 1230, 'eUr'), 'k-1');
    await call(sandbox, 'session/init/payment', paymentBody('text'));
    const lines = await jsonLinesOf<WitnessLine>(sandbox, '/_sandbox/payments');
    expect(lines[0]).toEqual({
      session_id: session.id,
      record_id: 'r-1',
      kind: 'payout',
      idempotency_key: 'k-1',
      amount: 1230,
      currency: 'eUr',
      status: 'in_progress',
      entry_status: 'in_progress',
    });
    expect(lines[1]).toMatchObject({ kind: 'payment', record_id: null, idempotency_key: null, amount: 10000 });
    expect(lines).toEqual(sandbox.payments());
  });

  it('streams a long list completely', async () => {
    const sandbox = await openSandbox();
    for (let done = 0; done < 1500; done += 100)
      await Promise.all(Array.from({ length: 100 }, (_, index) => pay(sandbox, `r${done + index}`)));
    const lines = await jsonLinesOf<WitnessLine>(sandbox, '/_sandbox/payments');
    expect(new Set(lines.map(({ record_id }) => record_id)).size).toBe(1500);
  });

  it('lists the calls with their times and outcomes', async () => {
    const sandbox = await openSandbox();
    const before = Date.now();
    const { session } = await pay(sandbox, 'a');
    await pay(sandbox, 'a');
    await call(sandbox, 'session/status', { session_id: session.id });
    const calls = await jsonLinesOf<CallLine>(sandbox, '/_sandbox/calls');
    expect(calls.map(({ method, idempotency_key, record_id, outcome }) => ({ method, idempotency_key, record_id, outcome }))).toEqual([
      { method: 'session/init/payout', idempotency_key: 'key-a', record_id: 'a', outcome: 'ok' },
      { method: 'session/init/payout', idempotency_key: 'key-a', record_id: 'a', outcome: 'idempotency_key_already_exists' },
      { method: 'session/status', idempotency_key: null, record_id: 'a', outcome: 'ok' },
    ]);
    expect(calls.every(({ at }, index) => at >= (calls[index - 1]?.at ?? before - 1000))).toBe(true);
  });
});

it('wallet/balance reports the money left for payouts', async () => {
  const clock = createVirtualClock();
  const sandbox = await openSandbox({ clock, confirm: 'auto', settleMs });
  const usd = async () => {
    const { wallets } = await call(sandbox, 'wallet/balance', { request_datetime: '2024-04-10T19:53:00+03:00' });
    return wallets.find(({ amount_details }) => amount_details.currency === 'usd')?.amount_details.amount ?? 0;
  };
  const before = await usd();
  await pay(sandbox, 'a', 1234);
  await call(sandbox, 'session/init/payment', paymentBody());
  expect(before - (await usd())).toBe(1234);
  expect((await call(sandbox, 'wallet/balance', { request_datetime: 'yesterday' })).error.code).toBe('invalid_request');
});

it('the same keys get the same sessions in every run, in any order', async () => {
  const idsOf = async (seed: number, records: readonly string[]) => {
    const sandbox = await openSandbox({ seed });
    await Promise.all(records.map((record) => pay(sandbox, record)));
    return sandbox
      .payments()
      .map(({ record_id, session_id }) => `${record_id} ${session_id}`)
      .toSorted();
  };
  expect(await idsOf(1, ['c', 'a', 'b'])).toEqual(await idsOf(1, ['a', 'b', 'c']));
  expect(await idsOf(2, ['a', 'b', 'c'])).not.toEqual(await idsOf(1, ['a', 'b', 'c']));
});

it('the sandbox can be closed twice, and reports a port that is in use', async () => {
  const sandbox = await openSandbox();
  await expect(createSandbox({ port: Number(new URL(sandbox.url).port) })).rejects.toThrow('EADDRINUSE');
  await Promise.all([sandbox.close(), sandbox.close()]);
  await expect(fetch(`${sandbox.url}/_sandbox/payments`)).rejects.toThrow('fetch failed');
});
