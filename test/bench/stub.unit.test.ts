import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from 'node:net';
import { createBook } from '../../bench/stub/book.ts';
import { faultOf } from '../../bench/stub/faults.ts';
import { createStubGateway, type StubMode, type StubOptions } from '../../bench/stub/gateway.ts';
import { startStubServer, type StubServer } from '../../bench/stub/http-server.ts';

let server: StubServer;
const startWith = async (mode: StubMode, more: Partial<StubOptions> = {}): Promise<void> => {
  server = await startStubServer(createStubGateway({ mode, book: createBook(), now: Date.now, ...more }));
};
beforeEach(() => startWith('succeed'));
afterEach(() => server.close());

const amount = { amount: 1230, currency: 'eur' };
const bodyOf = (recordId: string) => ({ amount_details: amount, metadata: { record_id: recordId, attempt: 1, note: 'Zoë' } });

const post = async (method: string, body: object, key?: string) => {
  const headers = key === undefined ? {} : { 'X-Partner-Idempotency-Key': key };
  const answer = await fetch(`${server.url}/api/v1/session/${method}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: answer.status, json: (await answer.json()) as { readonly session: { readonly id: string } } };
};
const init = (recordId: string, key?: string) => post('init/payout', bodyOf(recordId), key);
const callsOf = async (): Promise<unknown[]> => {
  const text = await (await fetch(`${server.url}/_stub/calls`)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
};

describe('the stub gateway', () => {
  it('pays at once and shows the instruction again', async () => {
    const { status, json } = await init('a', 'k1');
    expect(status).toBe(200);
    expect(json).toMatchObject({ status: 'ok', session: { status: 'accepted', payments: [{ status: 'succeeded', ...bodyOf('a') }] } });
  });

  it('refuses a key that it knows, and counts that as a call and not as a payout', async () => {
    await init('a', 'k1');
    const { status, json } = await init('a', 'k1');
    expect(status).toBe(400);
    expect(json).toMatchObject({ status: 'error', error: { code: 'idempotency_key_already_exists' } });
    await init('a', 'k2');
    await init('b');
    await init('b');
    expect(await callsOf()).toEqual([
      { record_id: 'a', idempotency_key: 'k1', accepted: true },
      { record_id: 'a', idempotency_key: 'k1', accepted: false },
      { record_id: 'a', idempotency_key: 'k2', accepted: true },
      { record_id: 'b', idempotency_key: '', accepted: true },
      { record_id: 'b', idempotency_key: '', accepted: true },
    ]);
    expect(await (await fetch(`${server.url}/_stub/stats`)).json()).toMatchObject({ calls: 5, accepted: 4 });
  });

  it('reports when a number of calls has arrived, and resets on request', async () => {
    const reached = fetch(`${server.url}/_stub/reached?calls=2`);
    await init('a', 'k1');
    await init('b', 'k2');
    expect(await (await reached).json()).toMatchObject({ calls: 2 });
    await fetch(`${server.url}/_stub/reset`, { method: 'POST' });
    expect(await callsOf()).toEqual([]);
    expect((await init('a', 'k1')).status).toBe(200);
  });

  it('asks for confirmation and pays after it, when it is to be followed', async () => {
    server.close();
    await startWith('follow');
    const { json } = await init('a', 'k1');
    expect(json).toMatchObject({ session: { status: 'in_progress', payments: [{ status: 'in_progress' }] } });
    const session = { session_id: json.session.id };
    expect((await post('status', session)).json).toMatchObject({ session: { next_action: 'confirm', payments: [{ status: 'pending' }] } });
    expect((await post('status', session)).json).toMatchObject({ session: { next_action: 'confirm' } });
    expect((await post('confirm', session)).json).toMatchObject({ session: { payments: [{ status: 'in_progress' }] } });
    const { json: last } = await post('status', session);
    expect(last).toMatchObject({ session: { status: 'accepted', payments: [{ status: 'succeeded', ...bodyOf('a') }] } });
    expect((await post('status', { session_id: 'ps_99' })).status).toBe(400);
  });

  it('reads requests however they are cut into packets', async () => {
    const body = JSON.stringify(bodyOf('cut'));
    const request = `POST /api/v1/session/init/payout HTTP/1.1\r\nhost: x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    const bytes = Buffer.from(request + request);
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    for (let start = 0; start < bytes.length; start += 7) {
      socket.write(bytes.subarray(start, start + 7));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await fetch(`${server.url}/_stub/reached?calls=2`);
    socket.destroy();
    expect(await callsOf()).toHaveLength(2);
  });

  it('pays a key that it has forgotten, and keeps its calls', async () => {
    await init('a', 'k1');
    await fetch(`${server.url}/_stub/forget`, { method: 'POST' });
    expect((await init('a', 'k1')).status).toBe(200);
    expect(await (await fetch(`${server.url}/_stub/stats`)).json()).toMatchObject({ calls: 2, accepted: 2 });
  });

  it('notes a call when it arrives and holds back its answer for the latency', async () => {
    server.close();
    await startWith('succeed', { latencyMs: 3_600_000 });
    const answers = ['a', 'b', 'c'].map((id) => expect(init(id, id)).rejects.toThrow('fetch failed'));
    expect(await (await fetch(`${server.url}/_stub/reached?calls=3`)).json()).toMatchObject({ calls: 3, accepted: 3 });
    server.close();
    await Promise.all(answers);
  });

  it('pays without an answer, or answers 503 without paying, at the first call of a record that meets a fault', async () => {
    server.close();
    await startWith('succeed', { faultShare: 1 });
    const ids = Array.from({ length: 50 }, (_, index) => `r-${index}`);
    const lost = ids.find((id) => faultOf(id, 1) === 'lost') ?? '';
    const unavailable = ids.find((id) => faultOf(id, 1) === 'unavailable') ?? '';
    await expect(init(lost, 'k1')).rejects.toThrow('fetch failed');
    expect((await init(lost, 'k1')).status).toBe(400);
    const post503 = await fetch(`${server.url}/api/v1/session/init/payout`, { method: 'POST', body: JSON.stringify(bodyOf(unavailable)) });
    expect(post503.status).toBe(503);
    expect((await init(unavailable, 'k2')).status).toBe(200);
    expect(await (await fetch(`${server.url}/_stub/stats`)).json()).toMatchObject({ calls: 3, accepted: 2, lost: 1, unavailable: 1 });
  });
});

describe('faults', () => {
  it('meet their share of the records, half of each kind, and the same ones each time', () => {
    const ids = Array.from({ length: 20_000 }, (_, index) => `pay-${String(index + 1).padStart(8, '0')}`);
    const met = ids.map((id) => faultOf(id, 0.01));
    const count = (kind: string): number => met.filter((one) => one === kind).length;
    for (const kind of ['lost', 'unavailable']) {
      expect(count(kind)).toBeGreaterThan(70);
      expect(count(kind)).toBeLessThan(130);
    }
    expect(ids.map((id) => faultOf(id, 0.01))).toEqual(met);
    expect(ids.filter((id) => faultOf(id, 0) !== undefined)).toEqual([]);
  });
});
