import { generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { GatewayResponse } from '../../batches/gateway/gateway-response.ts';
import type { Gateway } from '../../batches/ports/gateway.ts';
import { createGateway, type GatewayOptions } from '../../producers/gateway.ts';
import { createSigner } from '../../batches/gateway/signature.ts';
import { freePort } from '../support/free-port.ts';
import { patience } from '../support/patience.ts';
import { httpAnswer, startRawServer, type Behaviour } from './raw-server.ts';

const pair = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const signer = createSigner({ privateKeyPem: pair.privateKey });
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

function gatewayTo(url: string, options: Partial<GatewayOptions> = {}): Gateway {
  const gateway = createGateway({
    url,
    project: 'acme',
    signer,
    timeoutMs: 5_000,
    connections: 4,
    clock: { now: () => Date.now() },
    ...options,
  });
  open.push(() => gateway.close());
  return gateway;
}

async function raw(behaviour: Behaviour, options: Partial<GatewayOptions> = {}) {
  const server = await startRawServer(behaviour);
  open.push(() => server.close());
  return { server, gateway: gatewayTo(server.url, options) };
}

const bytes = Buffer.from('{ "amount_details": {"amount": 1000},  "é": "\\u00e9" }');
const always = (): boolean => true;
const init = async (gateway: Gateway, mayStart = always): Promise<GatewayResponse> => {
  const call = await gateway.prepare({ kind: 'payout', bytes, idempotencyKey: 'key-1' });
  return call.send({ mayStart });
};
const whole = (soFar: string): boolean => soFar.includes('\r\n\r\n') && soFar.endsWith(bytes.toString('latin1'));

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

async function recording(answer: (seen: Seen) => { status: number; body: string | Uint8Array; headers?: Record<string, string> }) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one: Seen = { method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks) };
      seen.push(one);
      const { status, body, headers } = answer(one);
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  open.push(() => new Promise((resolve) => void server.close(() => resolve())));
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
const ok = () => ({ status: 200, body: '{"status":"ok"}' });

describe('the requests', () => {
  it('init sends exactly the signed bytes with its headers', async () => {
    const { seen, url } = await recording(ok);
    const gateway = gatewayTo(url, { submerchant: 'payer-7' });
    const payment = await gateway.prepare({ kind: 'payment', bytes, idempotencyKey: 'key-2' });
    const answers = [await init(gateway), await payment.send({ mayStart: always })];
    expect(answers).toEqual([
      { type: 'answer', httpStatus: 200, json: { status: 'ok' } },
      { type: 'answer', httpStatus: 200, json: { status: 'ok' } },
    ]);
    expect(seen.map((one) => one.url)).toEqual(['/api/v1/session/init/payout', '/api/v1/session/init/payment']);
    for (const one of seen) {
      expect(one.method).toBe('POST');
      expect(one.body.equals(bytes)).toBe(true);
      expect(one.headers).toMatchObject({
        'content-type': 'application/json',
        'content-length': String(bytes.length),
        'x-partner-project': 'acme',
        'x-partner-submerchant': 'payer-7',
      });
      expect(verify('sha256', one.body, pair.publicKey, Buffer.from(String(one.headers['x-partner-sign']), 'base64'))).toBe(true);
    }
    expect(seen.map((one) => one.headers['x-partner-idempotency-key'])).toEqual(['key-1', 'key-2']);
  });

  it('the header of the key can have another name, and the submerchant is optional', async () => {
    const { seen, url } = await recording(ok);
    await init(gatewayTo(url, { idempotencyHeader: 'Idempotency-Key' }));
    expect(seen[0]?.headers).toMatchObject({ 'idempotency-key': 'key-1' });
    expect(seen[0]?.headers).not.toHaveProperty('x-partner-idempotency-key');
    expect(seen[0]?.headers).not.toHaveProperty('x-partner-submerchant');
  });

  it('the other calls are signed and carry no key', async () => {
    const { seen, url } = await recording(ok);
    const gateway = gatewayTo(url, { clock: { now: () => Date.UTC(2026, 10, 21, 8) } });
    await gateway.status('ps_1');
    await gateway.confirm('ps_2');
    await gateway.cancel('ps_3');
    await gateway.capture('ps_4');
    await gateway.balance();
    expect(seen.map((one) => [one.url, JSON.parse(one.body.toString()) as unknown])).toEqual([
      ['/api/v1/session/status', { session_id: 'ps_1' }],
      ['/api/v1/session/confirm', { session_id: 'ps_2' }],
      ['/api/v1/session/cancel', { session_id: 'ps_3' }],
      ['/api/v1/session/capture', { session_id: 'ps_4' }],
      ['/api/v1/wallet/balance', { request_datetime: '2026-11-21T08:00:00.000Z' }],
    ]);
    for (const one of seen) {
      expect(one.headers).not.toHaveProperty('x-partner-idempotency-key');
      expect(verify('sha256', one.body, pair.publicKey, Buffer.from(String(one.headers['x-partner-sign']), 'base64'))).toBe(true);
    }
  });

  it('refuses at once what no request could be made with', () => {
    const make = (options: Partial<GatewayOptions>) => () => gatewayTo('http://127.0.0.1:1', options);
    expect(make({ project: 'a\r\nX-Evil: 1' })).toThrow(/X-PARTNER-PROJECT/);
    expect(make({ project: '' })).toThrow(/X-PARTNER-PROJECT/);
    expect(make({ submerchant: 'ж' })).toThrow(/X-PARTNER-SUBMERCHANT/);
    expect(make({ idempotencyHeader: 'two words' })).toThrow(/idempotency header/);
    for (const url of ['ftp://h', 'http://h/path', 'http://u:p@h', 'http://h?x=1', 'http://h/#x'])
      expect(make({ url })).toThrow(/URL of the gateway/);
  });
});

describe('the answer of the gateway', () => {
  it('return status and JSON for every status, without following redirects', async () => {
    const { seen, url } = await recording(() => ({
      status: 307,
      body: '{"status":"error","error":{"code":"x"}}',
      headers: { location: '/api/v1/elsewhere' },
    }));
    expect(await init(gatewayTo(url))).toEqual({ type: 'answer', httpStatus: 307, json: { status: 'error', error: { code: 'x' } } });
    expect(seen).toHaveLength(1);
  });

  it.each([500, 502, 503, 429])('HTTP %i is reported and never repeated', async (status) => {
    const { seen, url } = await recording(() => ({ status, body: '' }));
    expect(await init(gatewayTo(url))).toEqual({ type: 'answer', httpStatus: status, json: undefined });
    expect(seen).toHaveLength(1);
  });

  it.each([
    ['HTML', Buffer.from('<html></html>')],
    ['nothing', Buffer.alloc(0)],
    ['half a JSON', Buffer.from('{"status":"o')],
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
  ])('%s is no JSON', async (_name, body) => {
    const { gateway } = await raw({ onData: (socket, soFar) => void (whole(soFar) && socket.write(httpAnswer(body))) });
    expect(await init(gateway)).toEqual({ type: 'answer', httpStatus: 200, json: undefined });
  });

  it.each([
    ['an amount twice', '{"status":"ok","session":{"id":"ps_1","status":"accepted","amount_details":{"amount":1230,"amount":9999}}}'],
    ['a status twice', '{"status":"error","status":"ok"}'],
  ])('is no JSON with %s', async (_name, body) => {
    const { url } = await recording(() => ({ status: 200, body }));
    expect(await init(gatewayTo(url))).toEqual({ type: 'answer', httpStatus: 200, json: undefined });
  });

  it('keeps the literal of a number that is not a plain integer, so that no amount is read from it', async () => {
    const { url } = await recording(() => ({ status: 200, body: '{"amount":1230.0000000000000001}' }));
    const answer = await init(gatewayTo(url));
    if (answer.type !== 'answer') throw new Error(answer.message);
    expect(Number.isSafeInteger((answer.json as { amount: unknown }).amount)).toBe(false);
  });

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const)('is read when a proxy has compressed it: %s', async (encoding, compress) => {
    const { url } = await recording(() => ({
      status: 200,
      body: compress(Buffer.from('{"status":"ok"}')),
      headers: { 'content-encoding': encoding },
    }));
    expect(await init(gatewayTo(url))).toEqual({ type: 'answer', httpStatus: 200, json: { status: 'ok' } });
  });

  it('is open when it is compressed and broken, of unknown encoding, or too large when decoded', async () => {
    const answers: readonly (readonly [string, Uint8Array, object])[] = [
      ['gzip', gzipSync(Buffer.from('{"status":"ok"}')).subarray(0, 12), { type: 'answer', json: undefined }],
      ['compress', Buffer.from('{"status":"ok"}'), { type: 'answer', json: undefined }],
      ['gzip, gzip, gzip', gzipSync(gzipSync(gzipSync('{}'))), { type: 'answer', json: undefined }],
      ['gzip', gzipSync(Buffer.alloc(50_000_000, ' ')), { type: 'transport', proof: 'open', code: 'answer_too_large' }],
    ];
    for (const [encoding, body, expected] of answers) {
      const { url } = await recording(() => ({ status: 200, body, headers: { 'content-encoding': encoding } }));
      expect(await init(gatewayTo(url))).toMatchObject(expected);
    }
  });

  it('puts an answer together from pieces that split a character', async () => {
    const body = Buffer.from('{"name":"Zoë"}');
    const { gateway } = await raw({
      onData: (socket, soFar) => {
        if (!whole(soFar)) return;
        const answer = httpAnswer(body);
        socket.write(answer.subarray(0, answer.length - 3));
        setTimeout(() => socket.write(answer.subarray(answer.length - 3)), 20);
      },
    });
    expect(await init(gateway)).toEqual({ type: 'answer', httpStatus: 200, json: { name: 'Zoë' } });
  });

  it('leaves the send open after a 100 Continue that was not asked for, which the HTTP client does not read on', async () => {
    const { gateway } = await raw({
      onData: (socket, soFar) =>
        void (whole(soFar) && socket.write(Buffer.concat([Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'), httpAnswer('{"status":"ok"}')]))),
    });
    expect(await init(gateway)).toMatchObject({ type: 'transport', proof: 'open', code: 'connection_lost' });
  });

  it('is the final status after an early hint', async () => {
    const { gateway } = await raw({
      onData: (socket, soFar) => {
        if (whole(soFar))
          socket.write(
            Buffer.concat([Buffer.from('HTTP/1.1 103 Early Hints\r\nretry-after: 9\r\n\r\n'), httpAnswer('{}', { status: 400 })]),
          );
      },
    });
    expect(await init(gateway)).toEqual({ type: 'answer', httpStatus: 400, json: {} });
  });

  it.each([
    ['7', 7_000],
    ['0', 0],
    ['999999999', 3_600_000],
    ['Sat, 21 Nov 2026 08:00:30 GMT', 30_000],
    ['Sat, 21 Nov 2026 07:00:00 GMT', 0],
    ['Mon, 21 Nov 2033 08:00:30 GMT', 3_600_000],
    ['-5', undefined],
    ['soon', undefined],
    ['1.5', undefined],
  ])('Retry-After: %s', async (value, retryAfterMs) => {
    const { url } = await recording(() => ({ status: 429, body: '{}', headers: { 'retry-after': value } }));
    const answer = await init(gatewayTo(url, { clock: { now: () => Date.UTC(2026, 10, 21, 8) } }));
    expect(answer).toEqual({ type: 'answer', httpStatus: 429, json: {}, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  });

  it('is read up to the size limit only', async () => {
    const { url } = await recording(() => ({ status: 200, body: `"${'x'.repeat(98)}"` }));
    expect(await init(gatewayTo(url, { maxAnswerBytes: 100 }))).toMatchObject({ type: 'answer' });
    expect(await init(gatewayTo(url, { maxAnswerBytes: 99 }))).toMatchObject({
      type: 'transport',
      proof: 'open',
      code: 'answer_too_large',
    });
  });
});

describe('a call after a network failure', () => {
  it('a refused connection is not_sent', async () => {
    const gateway = gatewayTo(`http://127.0.0.1:${await freePort()}`);
    expect(await init(gateway)).toMatchObject({
      proof: 'not_sent',
      code: 'connection_refused',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  it('an unknown host: not sent', async () => {
    // `.invalid` never resolves (RFC 6761); a resolver that cannot be reached says EAI_AGAIN, which proves the same, and
    // may take long for it.
    expect(await init(gatewayTo('http://gateway.invalid:80', { connectTimeoutMs: 50_000 }))).toMatchObject({
      proof: 'not_sent',
      code: 'host_not_found',
    });
  });

  it('both addresses of a name refused: not sent', async () => {
    expect(await init(gatewayTo(`http://localhost:${await freePort()}`))).toMatchObject({ proof: 'not_sent', code: 'connection_refused' });
  });

  it.each([
    ['closed after the whole request', (socket) => socket.end()],
    ['reset after the whole request', (socket) => socket.resetAndDestroy()],
    ['closed inside the headers', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le')],
    ['closed while the body is read', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"status":"ok"')],
    [
      'reset while the body is read',
      (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{', () => socket.resetAndDestroy()),
    ],
    ['closed inside a chunk', (socket) => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\n{')],
  ] satisfies [string, (socket: import('node:net').Socket) => unknown][])('%s: open', async (_name, act) => {
    const { gateway, server } = await raw({ onData: (socket, soFar) => void (whole(soFar) && act(socket)) });
    expect(await init(gateway)).toMatchObject({ type: 'transport', proof: 'open', code: 'connection_lost' });
    expect(server.connections()).toBe(1);
    expect(server.received().match(/POST /g)).toHaveLength(1);
  });

  it('closed at once, before anything was read: open, since it cannot be known', async () => {
    const { gateway } = await raw({ onConnection: (socket) => void socket.pause().end() });
    expect(await init(gateway)).toMatchObject({ type: 'transport', proof: 'open' });
  });

  it('something that is not HTTP: open', async () => {
    const { gateway } = await raw({ onData: (socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n') });
    expect(await init(gateway)).toMatchObject({ type: 'transport', proof: 'open', code: 'transport_other' });
  });

  it('headers without an end: open', async () => {
    const { gateway } = await raw({
      onData: (socket, soFar) => void (whole(soFar) && socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}`)),
    });
    expect(await init(gateway)).toMatchObject({ type: 'transport', proof: 'open' });
  });

  it('no answer in time: open, after the timeout', async () => {
    const { gateway } = await raw({}, { timeoutMs: 80 });
    const started = performance.now();
    expect(await init(gateway)).toMatchObject({ proof: 'open', code: 'answer_timeout' });
    expect(performance.now() - started).toBeGreaterThan(75);
  });

  it('reads an answer that has come already when the process wakes from a freeze of more than the timeout', async () => {
    const [asked, frozen, answered] = [0, 1, 2];
    const marks = new Int32Array(new SharedArrayBuffer(12));
    const worker = new Worker(
      `const { createServer } = require('node:http');
       const { parentPort, workerData: marks } = require('node:worker_threads');
       const mark = (which) => { Atomics.store(marks, which, 1); Atomics.notify(marks, which); };
       createServer((request, response) => request.resume().on('end', () => {
         mark(${asked});
         Atomics.wait(marks, ${frozen}, 0);
         response.end('{"status":"ok"}', () => mark(${answered}));
       })).listen(0, '127.0.0.1', function () { parentPort.postMessage(this.address().port); });`,
      { eval: true, workerData: marks },
    );
    open.push(async () => void (await worker.terminate()));
    const [port] = (await once(worker, 'message')) as [number];
    const timeoutMs = 1_000;
    const call = init(gatewayTo(`http://127.0.0.1:${port}`, { timeoutMs }));
    // Until the request has come; the freeze ends right before the timers of the event loop, when the answer is there.
    while (Atomics.load(marks, asked) === 0) await turn();
    Atomics.store(marks, frozen, 1);
    Atomics.notify(marks, frozen);
    Atomics.wait(marks, answered, 0);
    Atomics.wait(marks, answered, 1, timeoutMs + 100);
    expect(await call).toEqual({ type: 'answer', httpStatus: 200, json: { status: 'ok' } });
  });

  it('an answer that trickles is cut at the same time, however alive the connection is', async () => {
    const { gateway } = await raw(
      {
        onData: (socket, soFar) => {
          if (!whole(soFar)) return;
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
          const timer = setInterval(() => socket.write(' '), 10);
          socket.on('close', () => clearInterval(timer));
        },
      },
      { timeoutMs: 120 },
    );
    expect(await init(gateway)).toMatchObject({ proof: 'open', code: 'answer_timeout' });
  });

  it('an idle connection that the server closes costs nothing: the next call makes a new one', async () => {
    const { gateway, server } = await raw({
      onData: (socket, soFar) => {
        if (whole(soFar)) socket.end(httpAnswer('{}'));
      },
    });
    expect(await init(gateway)).toMatchObject({ type: 'answer' });
    // Closed from both sides: the client knows.
    await vi.waitFor(() => expect(server.open()).toBe(0), patience);
    expect(await init(gateway)).toMatchObject({ type: 'answer' });
    expect(server.connections()).toBe(2);
  });

  it('keeps connections for later calls', async () => {
    const { gateway, server } = await raw({ onData: (socket, soFar) => void (soFar.endsWith('}') && socket.write(httpAnswer('{}'))) });
    for (let n = 0; n < 5; n += 1) expect(await init(gateway)).toMatchObject({ type: 'answer' });
    expect(server.connections()).toBe(1);
  });
});

describe('a prepared call', () => {
  it('is signed before it is sent, and asks mayStart right before the bytes', async () => {
    const order: string[] = [];
    const { seen, url } = await recording(() => {
      order.push('bytes');
      return ok();
    });
    const slow: GatewayOptions['signer'] = {
      sign: async (message) => {
        const signature = await signer.sign(message);
        order.push('signed');
        return signature;
      },
    };
    const call = await gatewayTo(url, { signer: slow }).prepare({ kind: 'payout', bytes, idempotencyKey: 'key-1' });
    order.push('send');
    await call.send({ mayStart: () => order.push('start') > 0 });
    expect(order).toEqual(['signed', 'send', 'start', 'bytes']);
    expect(seen).toHaveLength(1);
  });

  it('refuses a second send, so that one intent means one request', async () => {
    const { seen, url } = await recording(ok);
    const call = await gatewayTo(url).prepare({ kind: 'payout', bytes, idempotencyKey: 'key-1' });
    await call.send({ mayStart: always });
    await expect(call.send({ mayStart: always })).rejects.toThrow(TypeError);
    expect(seen).toHaveLength(1);
  });

  it('sends nothing after its gateway was closed', async () => {
    const { seen, url } = await recording(ok);
    const gateway = gatewayTo(url);
    const call = await gateway.prepare({ kind: 'payout', bytes, idempotencyKey: 'key-1' });
    await gateway.close();
    expect(await call.send({ mayStart: always })).toMatchObject({ proof: 'not_sent', code: 'lease_over' });
    expect(seen).toHaveLength(0);
  });
});

describe('mayStart', () => {
  it('is asked when a connection is open and before any byte; no sends nothing', async () => {
    const { gateway, server } = await raw({});
    const connectionsWhenAsked: number[] = [];
    const answer = await init(gateway, () => {
      connectionsWhenAsked.push(server.received().length);
      return false;
    });
    expect(answer).toMatchObject({ type: 'transport', proof: 'not_sent', code: 'lease_over' });
    expect(connectionsWhenAsked).toEqual([0]);
    await vi.waitFor(() => expect(server.connections()).toBe(1), patience);
    await sleep(50);
    expect(server.received()).toBe('');
  });

  it('no on a kept connection sends nothing either, and the next call goes through', async () => {
    const { gateway, server } = await raw({ onData: (socket, soFar) => void (soFar.endsWith('}') && socket.write(httpAnswer('{}'))) });
    await init(gateway);
    const before = server.received();
    expect(await init(gateway, () => false)).toMatchObject({ code: 'lease_over' });
    await sleep(50);
    expect(server.received()).toBe(before);
    expect(await init(gateway)).toMatchObject({ type: 'answer' });
    expect(server.received().length).toBe(2 * before.length);
  });

  it('a request that waits for a connection is asked when its turn comes, not before', async () => {
    let release = (): void => undefined;
    const { gateway, server } = await raw(
      { onData: (socket, soFar) => void (whole(soFar) && (release = () => void socket.write(httpAnswer('{}')))) },
      { connections: 1 },
    );
    const first = init(gateway);
    await vi.waitFor(() => expect(server.received()).toContain('POST'), patience);
    let leaseOver = false;
    let asked = 0;
    const second = init(gateway, () => {
      asked += 1;
      return !leaseOver;
    });
    await sleep(50);
    expect(asked).toBe(0);
    leaseOver = true;
    release();
    expect(await first).toMatchObject({ type: 'answer' });
    expect(await second).toMatchObject({ proof: 'not_sent', code: 'lease_over' });
    expect(asked).toBe(1);
    expect(server.received().match(/POST /g)).toHaveLength(1);
  });

  it('the timeout begins with the first byte, not with the wait', async () => {
    let requests = 0;
    const { gateway, server } = await raw(
      {
        onData: (socket, soFar) => {
          if (!whole(soFar)) return;
          requests += 1;
          if (requests > 1) socket.write(httpAnswer('{}'));
        },
      },
      { connections: 1, timeoutMs: 3_000 },
    );
    const first = init(gateway);
    await vi.waitFor(() => expect(server.received()).toContain('POST'), patience);
    // The second waits as long as the first is given, and still has its own time.
    const second = init(gateway);
    expect(await first).toMatchObject({ code: 'answer_timeout' });
    expect(await second).toMatchObject({ type: 'answer' });
  });

  it('is never asked when no connection can be made', async () => {
    let asked = 0;
    const gateway = gatewayTo(`http://127.0.0.1:${await freePort()}`);
    await init(gateway, () => {
      asked += 1;
      return true;
    });
    expect(asked).toBe(0);
  });
});

describe('connections', () => {
  it('one request in flight on each, and a follow call never waits for an init', async () => {
    const held: (() => void)[] = [];
    let holds = true;
    const { gateway, server } = await raw(
      {
        onData: (socket, soFar) => {
          const answer = (): void => void socket.write(httpAnswer('{}'));
          if (soFar.includes('session/status')) answer();
          else if (whole(soFar) && holds) held.push(answer);
          else if (whole(soFar)) answer();
        },
      },
      { connections: 3, timeoutMs: 30_000 },
    );
    const inits = Array.from({ length: 4 }, () => init(gateway));
    await vi.waitFor(() => expect(server.received().match(/init/g)).toHaveLength(3), patience);
    expect(server.connections()).toBe(3);
    expect(await gateway.status('ps_1')).toMatchObject({ type: 'answer' });
    expect(server.received().match(/init/g)).toHaveLength(3);
    holds = false;
    for (const answer of held) answer();
    for (const answer of await Promise.all(inits)) expect(answer).toMatchObject({ type: 'answer' });
    expect(server.received().match(/init/g)).toHaveLength(4);
  });
});

describe('a call that only asks and is never answered', () => {
  it('ends with its signal', async () => {
    const { gateway, server } = await raw({ onData: () => undefined }, { timeoutMs: 600_000 });
    const ending = new AbortController();
    const asked = gateway.status('ps_1', ending.signal);
    await vi.waitFor(() => expect(server.received()).toContain('session/status'), patience);
    ending.abort();
    expect(await asked).toMatchObject({ type: 'transport', proof: 'open', code: 'transport_other' });
    expect(await gateway.status('ps_1', ending.signal)).toMatchObject({ type: 'transport', proof: 'not_sent' });
  });

  it('ends with the client', async () => {
    const { gateway, server } = await raw({ onData: () => undefined }, { timeoutMs: 600_000 });
    const asked = [gateway.status('ps_1'), gateway.balance()];
    await vi.waitFor(() => expect(server.received().match(/session.status|wallet.balance/g)).toHaveLength(2), patience);
    await gateway.close();
    for (const answer of await Promise.all(asked)) expect(answer).toMatchObject({ type: 'transport', code: 'transport_other' });
  });
});

describe('close', () => {
  it('lets what is in flight end, sends nothing more, and can be called twice', async () => {
    const { gateway, server } = await raw({
      onData: (socket, soFar) => {
        if (whole(soFar)) setTimeout(() => socket.write(httpAnswer('{}')), 50);
      },
    });
    const inFlight = init(gateway);
    await vi.waitFor(() => expect(server.received()).toContain('POST'), patience);
    const closing = Promise.all([gateway.close(), gateway.close()]);
    const after = init(gateway);
    expect(await inFlight).toMatchObject({ type: 'answer' });
    expect(await after).toMatchObject({ proof: 'not_sent', code: 'lease_over' });
    await closing;
    expect(server.received().match(/POST /g)).toHaveLength(1);
  });
});
