import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PermitWindow } from '../../../batches/ports/limiter.ts';
import { createGateway } from '../../../producers/gateway.ts';
import { startSender, type Sender } from '../../../src/sender/sender.ts';
import { monotonicClock } from '../../../src/clock.ts';

const { now } = monotonicClock;

describe('the thread that sends', () => {
  let server: Server;
  let sender: Sender;
  let ends: string[];
  let seen: { readonly at: number; readonly path: string; readonly body: string; readonly key: unknown }[];
  let holding: PromiseWithResolvers<void> | undefined;
  beforeEach(async () => {
    seen = [];
    ends = [];
    holding = undefined;
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        seen.push({ at: now(), path: request.url ?? '', body: Buffer.concat(chunks).toString(), key: request.headers['x-key'] });
        void Promise.resolve(holding?.promise).then(() =>
          response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok","amount":1230.0000000000000001}'),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    sender = startSender({ url, connections: 4, precise: false }, { now, onEnd: ({ message }) => ends.push(message) });
  });
  afterEach(async () => {
    holding?.resolve();
    await sender.close();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  });

  const window = (fromMs: number, toMs: number): PermitWindow => ({ from: now() + fromMs, to: now() + toMs, spacingMs: 0 });
  const send = (within: PermitWindow, body = '{"a":1}') =>
    sender.send({
      ...{ path: '/api/v1/session/init/payout', headers: ['x-key', 'k1'], body: Buffer.from(body), timeoutMs: 5_000 },
      ...{ maxAnswerBytes: 1_000, secure: false, window: within },
    });

  it('sends the bytes as they are when their window is open, and answers with the bytes of the answer', async () => {
    const within = window(300, 60_000);
    const response = await send(within, '{"name":"Zoë"}');
    expect(seen).toMatchObject([{ path: '/api/v1/session/init/payout', body: '{"name":"Zoë"}', key: 'k1' }]);
    expect(seen[0]?.at).toBeGreaterThanOrEqual(within.from - 1);
    if (response.type !== 'answer') return expect.unreachable();
    expect(Buffer.from(response.json as Uint8Array).toString()).toBe('{"status":"ok","amount":1230.0000000000000001}');
  });

  it('sends while the thread that asked is held up', async () => {
    const received = new SharedArrayBuffer(4);
    // In a thread too, as this one is held up.
    const gateway = new Worker(
      `const { workerData, parentPort } = require('node:worker_threads');
       const server = require('node:http').createServer((request, response) => {
         Atomics.add(new Int32Array(workerData), 0, 1);
         Atomics.notify(new Int32Array(workerData), 0);
         response.end('{}');
       }).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
      { eval: true, workerData: received },
    );
    const [port] = (await once(gateway, 'message')) as [number];
    const other = startSender({ url: `http://127.0.0.1:${port}`, connections: 1, precise: false }, { now, onEnd: () => undefined });
    const sendOne = (within: PermitWindow) =>
      other.send({
        ...{ path: '/', headers: [], body: Buffer.from('{}'), timeoutMs: 50_000, maxAnswerBytes: 1_000, secure: false },
        window: within,
      });
    await sendOne(window(0, 60_000));
    const sending = sendOne(window(500, 60_000));
    // Nothing of this thread runs until the second request is there.
    Atomics.wait(new Int32Array(received), 0, 1, 30_000);
    expect(Atomics.load(new Int32Array(received), 0)).toBe(2);
    await sending;
    await other.close();
    await gateway.terminate();
  });

  it('a call whose window is over is proven unsent', async () => {
    expect(await send(window(-20, -10))).toMatchObject({ type: 'transport', proof: 'not_sent', code: 'lease_over' });
    expect(seen).toEqual([]);
  });

  it('a recall proves what waits for its window unsent, and later calls are sent', async () => {
    const waiting = [send(window(30_000, 60_000)), send(window(40_000, 60_000))];
    sender.recall();
    for (const response of await Promise.all(waiting)) expect(response).toMatchObject({ proof: 'not_sent', code: 'lease_over' });
    expect(await send(window(0, 60_000))).toMatchObject({ type: 'answer', httpStatus: 200 });
    expect(seen).toHaveLength(1);
  });

  it('a close waits for what is in flight, holds back what waits for its window, and refuses what comes later', async () => {
    holding = Promise.withResolvers();
    const inFlight = send(window(0, 60_000));
    const waiting = send(window(30_000, 60_000));
    while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const closing = sender.close();
    expect(await waiting).toMatchObject({ proof: 'not_sent' });
    holding.resolve();
    expect(await inFlight).toMatchObject({ type: 'answer' });
    await closing;
    expect(await send(window(0, 60_000))).toMatchObject({ proof: 'not_sent' });
    expect(ends).toEqual([]);
  });

  it('a thread that ends by itself leaves what it had open, and is reported', async () => {
    holding = Promise.withResolvers();
    const inFlight = send(window(0, 60_000));
    while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await sender.terminate();
    expect(await inFlight).toMatchObject({ type: 'transport', proof: 'open' });
    expect(await send(window(0, 60_000))).toMatchObject({ proof: 'not_sent' });
    expect(ends).toEqual(['the thread that sends has ended']);
  });

  it('the gateway sends a call with a window through it, reads its JSON, and asks mayStart before it is handed over', async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const signer = { sign: () => Promise.resolve('signature') };
    const gateway = createGateway({
      ...{ url, project: 'acme', signer, timeoutMs: 5_000, connections: 1, timedSender: sender },
      clock: { now: () => Date.now() },
    });
    const prepare = () => gateway.prepare({ kind: 'payout', bytes: Buffer.from('{"a":1}'), idempotencyKey: 'key' });
    const held = await (await prepare()).send({ mayStart: () => false, window: window(0, 60_000) });
    expect(held).toMatchObject({ proof: 'not_sent', code: 'lease_over' });
    const call = await prepare();
    const answer = await call.send({ mayStart: () => true, window: window(0, 60_000) });
    const direct = await (await prepare()).send({ mayStart: () => true });
    expect(answer).toEqual(direct);
    expect(seen).toHaveLength(2);
    await gateway.close();
  });
});
