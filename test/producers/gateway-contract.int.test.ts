import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSigner } from '../../batches/gateway/signature.ts';
import { createGateway } from '../../producers/gateway.ts';
import { gatewaySuite, type Ending } from '../contracts/gateway.suite.ts';
import type { GatewayCall } from '../support/fake-gateway.ts';

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const signer = createSigner({ privateKeyPem: privateKey });

function callOf({ url, headers }: IncomingMessage, body: Buffer): GatewayCall {
  const [, , , group, method, kind] = (url ?? '').split('/');
  if (group === 'wallet') return { type: 'balance' };
  if (method === 'init') {
    const idempotencyKey = String(headers['x-partner-idempotency-key']);
    return { type: 'init', kind: kind === 'payment' ? 'payment' : 'payout', bytes: body, idempotencyKey };
  }
  const { session_id: sessionId } = JSON.parse(body.toString()) as { readonly session_id: string };
  return { type: method as 'status' | 'confirm' | 'cancel', sessionId };
}

function end(response: ServerResponse, ending: Ending): void {
  if (ending.type !== 'answer') {
    response.destroy();
    return;
  }
  const headers = ending.retryAfterSeconds === undefined ? {} : { 'retry-after': String(ending.retryAfterSeconds) };
  response.writeHead(ending.httpStatus, headers).end(ending.body);
}

const stop = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

gatewaySuite('HTTP', async () => {
  const received: GatewayCall[] = [];
  let ending: Ending = { type: 'unreachable' };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push(callOf(request, Buffer.concat(chunks)));
      end(response, ending);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const gateway = createGateway({ url, project: 'acme', signer, timeoutMs: 5_000, connections: 4, clock: { now: () => Date.now() } });
  return {
    gateway,
    received: () => received,
    async endWith(next) {
      ending = next;
      if (next.type === 'unreachable') await stop(server);
    },
    async dispose() {
      await gateway.close();
      if (server.listening) await stop(server);
    },
  };
});
