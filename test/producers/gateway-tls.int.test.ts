import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { GatewayResponse } from '../../batches/gateway/gateway-response.ts';
import { createGateway, type GatewayOptions } from '../../producers/gateway.ts';
import { testCertificate } from './certificate.ts';
import { httpAnswer, startRawServer } from './raw-server.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});
const kept = <T extends { close(): Promise<void> }>(one: T): T => {
  open.push(() => one.close());
  return one;
};

const signer = { sign: () => Promise.resolve('signature') };
const bytes = Buffer.from('{"n":1}');
async function initTo(url: string, options: Partial<GatewayOptions> = {}): Promise<GatewayResponse & { started: boolean }> {
  const gateway = kept(
    createGateway({ url, project: 'acme', signer, timeoutMs: 20_000, connections: 1, clock: { now: () => Date.now() }, ...options }),
  );
  let started = false;
  const call = await gateway.prepare({ kind: 'payout', bytes, idempotencyKey: 'key' });
  const answer = await call.send({
    mayStart: () => {
      started = true;
      return true;
    },
  });
  return { ...answer, started };
}

describe('TLS', () => {
  it('sends over a connection that it trusts', async () => {
    const server = kept(await startRawServer({ onData: (socket) => void socket.write(httpAnswer('{}')) }, testCertificate));
    expect(await initTo(server.url, { ca: testCertificate.cert })).toMatchObject({ type: 'answer', httpStatus: 200 });
  });

  it('uses HTTP/1.1 with a server that offers HTTP/2, since HTTP/2 may repeat a request on another connection', async () => {
    const server = kept(
      await startRawServer(
        { onData: (socket) => void socket.write(httpAnswer('{}')) },
        { ...testCertificate, ALPNProtocols: ['h2', 'http/1.1'] },
      ),
    );
    expect(await initTo(server.url, { ca: testCertificate.cert })).toMatchObject({ type: 'answer', httpStatus: 200 });
    expect(server.received()).toMatch(/^POST .* HTTP\/1\.1\r\n/);
  });

  it('a certificate without a trusted authority: not sent', async () => {
    const server = kept(await startRawServer({}, testCertificate));
    expect(await initTo(server.url)).toMatchObject({ proof: 'not_sent', code: 'tls_handshake', started: false });
    expect(server.received()).toBe('');
  });

  it('a certificate for another name: not sent', async () => {
    const server = kept(await startRawServer({}, testCertificate));
    const answer = await initTo(`https://127.0.0.1:${server.port}`, { ca: testCertificate.cert });
    expect(answer).toMatchObject({ proof: 'not_sent', code: 'tls_handshake', started: false });
    expect(server.received()).toBe('');
  });

  it('a server that speaks no TLS: not sent', async () => {
    const server = kept(await startRawServer({ onData: (socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n') }));
    expect(await initTo(`https://127.0.0.1:${server.port}`)).toMatchObject({ proof: 'not_sent', code: 'tls_handshake', started: false });
  });

  it.each(['end', 'resetAndDestroy'] as const)('a connection that breaks while shaking hands (%s): not sent', async (way) => {
    const server = kept(await startRawServer({ onData: (socket) => void socket[way]() }));
    expect(await initTo(`https://127.0.0.1:${server.port}`)).toMatchObject({ proof: 'not_sent', code: 'tls_handshake', started: false });
    expect(server.received()).not.toContain('POST');
  });

  it('a server that never shakes hands: not sent, after the connect timeout', async () => {
    const server = kept(await startRawServer({}));
    const answer = await initTo(`https://127.0.0.1:${server.port}`, { connectTimeoutMs: 100 });
    expect(answer).toMatchObject({ proof: 'not_sent', code: 'connect_timeout', started: false });
  });

  it('a reset after the whole request was read is open, though before the start it means a failed handshake', async () => {
    let tcp: Socket | undefined;
    const behaviour = { onTcp: (socket: Socket) => void (tcp = socket), onData: () => void tcp?.resetAndDestroy() };
    const server = kept(await startRawServer(behaviour, testCertificate));
    const answer = await initTo(server.url, { ca: testCertificate.cert });
    expect(answer).toMatchObject({ type: 'transport', proof: 'open', code: 'connection_lost', started: true });
    expect(server.received()).toContain('{"n":1}');
  });

  it('an alert after the request was started is open: TLS 1.3 reports a missing client certificate only then', async () => {
    const server = kept(
      await startRawServer({}, { ...testCertificate, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' }),
    );
    const answer = await initTo(server.url, { ca: testCertificate.cert });
    expect(answer).toMatchObject({ type: 'transport', proof: 'open', started: true });
  });
});
