/**
 * The sandbox: a simulation of the Smart Glocal gateway on 127.0.0.1. It shares no code with the rest of the project, so
 * that its list of payments is independent evidence.
 *
 *     POST /api/v1/<method>      session/init/payout, session/init/payment, session/status, session/confirm,
 *                                session/cancel, session/capture, wallet/balance
 *     GET  /_sandbox/payments    JSON lines, one for each session: the witness
 *     GET  /_sandbox/calls       JSON lines, the latest calls
 *     GET  /_sandbox/report      the daily payouts report, CSV or XLSX
 *     GET  /_sandbox/act         the customer of a session acts (POST too)
 *     POST /_sandbox/faults      changes rates of faults (GET: shows them)
 *     POST /_sandbox/top-up      adds to the balances
 *
 * Faults: `faults.ts`.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deny } from './admin.ts';
import type { Clock } from './clock.ts';
import { gatewayError } from './errors.ts';
import { adminPrefix, createGateway } from './gateway.ts';
import type { SandboxOptions } from './gateway.ts';
import { refusal } from './method.ts';
import type { Reply } from './method.ts';
import { readBody } from './request-body.ts';
import type { CallLine, WitnessLine } from './witness.ts';

export { parseBalance } from './currencies.ts';
export { parseFaults } from './faults.ts';
export type { SandboxOptions } from './gateway.ts';
export type { CallLine, WitnessLine } from './witness.ts';

/**
 * @property url `http://127.0.0.1:<port>`, without a slash at the end
 * @property close closes all connections and drops webhooks; may be called again
 */
export interface Sandbox {
  readonly url: string;
  payments(): readonly WitnessLine[];
  calls(): readonly CallLine[];
  close(): Promise<void>;
}

const apiPrefix = '/api/v1/';

/** @throws Error for a key or webhook address that cannot be used, or a port that cannot be used */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const gateway = createGateway(options, url);
  const { clock, methods, api, admin, callLog } = gateway;

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const atMs = clock.nowMs();
    gateway.settle(atMs);
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    if (path.startsWith(adminPrefix)) return admin(path.slice(adminPrefix.length), request, response, new URLSearchParams(query));
    const name = path.startsWith(apiPrefix) ? path.slice(apiPrefix.length) : '';
    const method = methods.get(name);
    if (method === undefined) return deny(request, response, gatewayError('invalid_request', 'No such method', 404));
    if (request.method !== 'POST') return deny(request, response, gatewayError('invalid_request', 'Only POST is supported', 405), 'POST');
    readBody(request, (raw) => {
      const { headers } = request;
      const nowMs = clock.nowMs();
      gateway.settle(nowMs);
      const reply =
        raw === 'too-large'
          ? refusal(gatewayError('invalid_request', 'The body is larger than 1 MiB', 413))
          : api.answer(method, { name, headers, raw, nowMs });
      callLog.add({ at: atMs, method: name, idempotency_key: api.keyOf(headers), record_id: reply.recordId, outcome: reply.outcome });
      if (reply.waitsFor === undefined) respond(clock, response, reply);
      else void reply.waitsFor.then(() => respond(clock, response, reply));
    });
  }

  const server = createServer({ keepAliveTimeout: 75_000 }, handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  }).catch((error: unknown) => {
    gateway.close();
    throw error;
  });

  function url(): string {
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  let closing: Promise<void> | undefined;
  return {
    url: url(),
    payments: () => [...gateway.witness()],
    calls: () => [...callLog.lines()],
    close() {
      closing ??= new Promise((resolve) => {
        gateway.close();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

function respond(clock: Clock, response: ServerResponse, reply: Reply): void {
  if (reply.delayMs === undefined) return send(response, reply);
  const stopWaiting = clock.setAlarm(reply.delayMs, () => send(response, reply));
  response.on('close', stopWaiting);
}

function send(response: ServerResponse, reply: Reply): void {
  const { body, closes } = reply;
  if (closes === 'silent') {
    response.socket?.destroy();
    return;
  }
  const headers: Record<string, string | number> = {
    'content-type': reply.contentType ?? 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  if (reply.retryAfterSeconds !== undefined) headers['retry-after'] = reply.retryAfterSeconds;
  response.writeHead(reply.httpStatus, headers);
  // A head that announces the whole body, half of the body, and then the end of the connection.
  if (closes === 'cut') response.write(body.slice(0, body.length >> 1), () => response.socket?.destroy());
  else response.end(body);
}
