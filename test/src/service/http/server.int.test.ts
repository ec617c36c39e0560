import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { startHttp, type HttpOptions, type HttpServer } from '../../../../src/service/http/server.ts';
import type { ServiceRoutes } from '../../../../src/service/http/routes.ts';
import { webhookRoute } from '../../../../src/service/webhooks.ts';
import { createLogger } from '../../../../src/logger.ts';
import { patience } from '../../../support/patience.ts';

const logged: string[] = [];
const logger = createLogger('info', { write: (line) => void logged.push(line) });
const servers: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
  logged.length = 0;
});

async function serve(more: Partial<ServiceRoutes & Omit<HttpOptions, 'service'>> = {}): Promise<HttpServer> {
  const { fatal, checks, metrics, ...options } = more;
  const text = async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'up 1\n' });
  const server = await startHttp({
    host: '127.0.0.1',
    port: 0,
    logger,
    ...webhookRoute(null, { logger }),
    service: { fatal: fatal ?? (() => null), checks: checks ?? {}, metrics: metrics ?? text },
    ...options,
  });
  servers.push(server);
  return server;
}
const ask = async (server: HttpServer, path: string, init: RequestInit = {}) => {
  const response = await fetch(`${server.url}${path}`, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) as unknown };
};
async function raw(server: HttpServer): Promise<{ socket: Socket; answer: () => string; closed: Promise<unknown> }> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, answer: () => answer, closed: once(socket, 'close') };
}

describe('the health endpoint', () => {
  it('reports alive until a fatal error', async () => {
    let fatal: string | null = null;
    const server = await serve({ fatal: () => fatal });
    expect((await ask(server, '/livez')).status).toBe(200);
    fatal = 'the publisher failed';
    const dead = await ask(server, '/livez');
    expect([dead.status, dead.json()]).toEqual([503, { live: false, message: 'the publisher failed' }]);
  });

  it('reports ready when every check is ok', async () => {
    const server = await serve({ checks: { ledger: async () => ({ ok: true }), gateway: () => ({ ok: true, detail: 'closed' }) } });
    const answer = await ask(server, '/readyz?verbose');
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({ ready: true, checks: { ledger: { ok: true }, gateway: { ok: true, detail: 'closed' } } });
  });

  it('names the checks that are not ok: negative, failed or unanswered', async () => {
    const server = await serve({
      limits: { checkMs: 30 },
      checks: {
        fine: () => ({ ok: true }),
        gateway: () => ({ ok: false, detail: 'cannot be reached' }),
        group: () => {
          throw new Error('not joined');
        },
        ledger: () => new Promise(() => undefined),
      },
    });
    const answer = await ask(server, '/readyz');
    expect(answer.status).toBe(503);
    expect(answer.json()).toEqual({
      ready: false,
      checks: {
        fine: { ok: true },
        gateway: { ok: false, detail: 'cannot be reached' },
        group: { ok: false, detail: 'not joined' },
        ledger: { ok: false, detail: 'no answer within 30 ms' },
      },
    });
  });

  it('runs the checks once for concurrent requests', async () => {
    let asked = 0;
    const gate = Promise.withResolvers<{ ok: boolean }>();
    const server = await serve({ limits: { checkMs: 60_000 }, checks: { ledger: () => ((asked += 1), gate.promise) } });
    let come = 0;
    const onRequest = (): void => void (come += 1);
    subscribe('http.server.request.start', onRequest);
    const answers = Array.from({ length: 5 }, () => ask(server, '/readyz'));
    await expect.poll(() => come, patience).toBe(5);
    unsubscribe('http.server.request.start', onRequest);
    gate.resolve({ ok: true });
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(asked).toBe(1);
  });
});

describe('answers', () => {
  it('serves metrics, never cached, and says nothing of itself', async () => {
    const { status, headers, text } = await ask(await serve(), '/metrics');
    expect([status, text]).toEqual([200, 'up 1\n']);
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('server')).toBeNull();
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('answers HEAD as GET, without the text', async () => {
    const { status, headers, text } = await ask(await serve(), '/metrics', { method: 'HEAD' });
    expect([status, text, headers.get('content-length')]).toEqual([200, '', '5']);
  });

  it('keeps a connection for the next request', async () => {
    const client = await raw(await serve());
    client.socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(client.answer, patience).toContain('{"live":true}');
    client.socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(client.answer, patience).toContain('up 1');
  });

  it.each(['/', '/livez/', '/metrics/x', '/webhooks', '/%6civez', '//livez'])('knows no %s', async (path) => {
    const answer = await ask(await serve(), path);
    expect(answer.status).toBe(404);
    expect(answer.json()).toMatchObject({ error: 'not_found' });
  });

  it.each([
    ['POST', '/livez', 'GET, HEAD'],
    ['DELETE', '/metrics', 'GET, HEAD'],
    ['GET', '/webhooks/smart-glocal', 'POST'],
  ])('does not allow %s %s', async (method, path, allow) => {
    const answer = await ask(await serve(), path, { method });
    expect([answer.status, answer.headers.get('allow'), answer.json()]).toMatchObject([405, allow, { error: 'method_not_allowed' }]);
  });

  it('hide an internal error from the client and log it completely', async () => {
    const answer = await ask(await serve({ metrics: () => Promise.reject(new Error('redis at 10.0.0.5')) }), '/metrics');
    expect([answer.status, answer.text.includes('10.0.0.5')]).toEqual([500, false]);
    expect(logged.join('')).toContain('redis at 10.0.0.5');
  });
});

describe('webhooks', () => {
  const post = (server: HttpServer, body: string) => ask(server, '/webhooks/smart-glocal', { method: 'POST', body });

  it('are refused while there is no public key', async () => {
    const answer = await post(await serve(), '{"status":"succeeded"}');
    expect(answer.status).toBe(503);
    expect(answer.json()).toMatchObject({ error: 'webhooks_refused', message: expect.stringContaining('no public key') });
  });

  it('are passed on with exactly their bytes and headers', async () => {
    const bytes = Buffer.from([0x7b, 0x22, 0xff, 0x0a, 0x7d]);
    let seen: unknown;
    const server = await serve({
      webhook: async ({ headers, body }) => {
        seen = [headers['x-signature'], body];
        return { status: 202, body: { taken: true } };
      },
    });
    const answer = await ask(server, '/webhooks/smart-glocal', { method: 'POST', body: bytes, headers: { 'x-signature': 's' } });
    expect([answer.status, answer.json(), seen]).toEqual([202, { taken: true }, ['s', bytes]]);
  });

  it('with a body that is too large are refused, with or without a content length', async () => {
    let calls = 0;
    const server = await serve({ limits: { bodyBytes: 100 }, webhook: async () => ({ status: 200, body: (calls += 1) }) });
    expect((await post(server, 'x'.repeat(100))).status).toBe(200);
    expect((await post(server, 'x'.repeat(101))).status).toBe(413);
    const client = await raw(server);
    client.socket.write('POST /webhooks/smart-glocal HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n' + 'x'.repeat(101));
    await client.closed;
    expect(client.answer()).toMatch(/^HTTP\/1\.1 413 /);
    expect(calls).toBe(1);
  });

  it('with an incomplete body reach no handler', async () => {
    let calls = 0;
    const server = await serve({ webhook: async () => ({ status: 200, body: (calls += 1) }) });
    const client = await raw(server);
    client.socket.write('POST /webhooks/smart-glocal HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf');
    client.socket.destroy();
    await client.closed;
    expect((await ask(server, '/livez')).status).toBe(200);
    expect(calls).toBe(0);
  });
});

describe('the HTTP server', () => {
  it('ends a client that drips its headers', async () => {
    const server = await serve({ limits: { headersMs: 200, requestMs: 200 } });
    const client = await raw(server);
    client.socket.write('GET /livez HTTP/1.1\r\nHost:');
    await client.closed;
    expect(client.answer()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('disconnects a client that sends its body too slowly', async () => {
    const server = await serve({ limits: { headersMs: 200, requestMs: 200 } });
    const client = await raw(server);
    client.socket.write('POST /webhooks/smart-glocal HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf');
    await client.closed;
    expect(client.answer()).not.toContain(' 200 ');
  });

  it('refuses headers that are too large', async () => {
    const server = await serve();
    const client = await raw(server);
    client.socket.write(`GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`);
    await client.closed;
    expect(client.answer()).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('answers bytes that are not HTTP with 400', async () => {
    const client = await raw(await serve());
    client.socket.write('hello\r\n\r\n');
    await client.closed;
    expect(client.answer()).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('the HTTP server at start and end', () => {
  it('names the remedy when the port is in use', async () => {
    const { url } = await serve();
    await expect(serve({ port: Number(new URL(url).port) })).rejects.toThrow(
      /HTTP cannot be served on 127\.0\.0\.1:\d+: another process .* HTTP_PORT/,
    );
  });

  it('says what to do when the address is not of this machine', async () => {
    await expect(serve({ host: '203.0.113.1' })).rejects.toThrow(/no such address\. Set HTTP_HOST/);
  });

  it('lets a request under way end, and takes no other', async () => {
    const gate = Promise.withResolvers<{ ok: boolean }>();
    const asked = Promise.withResolvers<void>();
    const server = await serve({ limits: { checkMs: 60_000 }, checks: { slow: () => (asked.resolve(), gate.promise) } });
    const answer = ask(server, '/readyz');
    await asked.promise;
    const closing = server.close(5_000);
    await expect(ask(server, '/livez')).rejects.toThrow();
    gate.resolve({ ok: true });
    const { status, headers } = await answer;
    expect([status, headers.get('connection')]).toEqual([200, 'close']);
    await closing;
  });

  it('closes connections that are still open after the deadline', async () => {
    const asked = Promise.withResolvers<void>();
    const server = await serve({ webhook: () => (asked.resolve(), new Promise(() => undefined)) });
    const silent = await raw(server);
    const hanging = ask(server, '/webhooks/smart-glocal', { method: 'POST', body: '{}' }).catch((cause: unknown) => cause);
    await asked.promise;
    const before = performance.now();
    await server.close(100);
    // Nothing else would ever end it.
    expect(performance.now() - before).toBeLessThan(15_000);
    expect(await hanging).toBeInstanceOf(Error);
    await silent.closed;
  });
});
