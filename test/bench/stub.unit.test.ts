import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from 'node:net';
import { countCrash } from '../../bench/crash-count.ts';
import { createBook } from '../../bench/stub/book.ts';
import { createStubGateway, type StubMode } from '../../bench/stub/gateway.ts';
import { startStubServer, type StubServer } from '../../bench/stub/http-server.ts';

let server: StubServer;
const startWith = async (mode: StubMode): Promise<void> => {
  server = await startStubServer(createStubGateway({ mode, book: createBook(), now: Date.now }));
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
});

describe('the crash count', () => {
  it('distinguishes double payments, missing records and wrong results', () => {
    const calls = [
      { record_id: 'twice', idempotency_key: '1', accepted: true },
      { record_id: 'twice', idempotency_key: '2', accepted: true },
      { record_id: 'repeated', idempotency_key: '3', accepted: true },
      { record_id: 'repeated', idempotency_key: '3', accepted: false },
      { record_id: 'open', idempotency_key: '4', accepted: true },
      { record_id: 'silent', idempotency_key: '5', accepted: true },
    ];
    const told = new Map([
      ['twice', 'succeeded'],
      ['repeated', 'failed'],
      ['open', 'open'],
    ] as const);
    expect(countCrash(['twice', 'repeated', 'open', 'silent', 'never'], calls, told)).toEqual({
      twoKeys: 1,
      paidTwice: 1,
      repeats: 1,
      neverSent: 1,
      noResult: 2,
      reportedWrong: 1,
      reportedOpen: 1,
    });
  });
});
