/**
 * The sandbox: a simulation of the Smart Glocal gateway on 127.0.0.1. It shares no code with the rest of the project, so
 * that its list of payments is independent evidence.
 *
 *     POST /api/v1/<method>      session/init/payout, session/init/payment, session/status, session/confirm,
 *                                session/cancel, wallet/balance
 *     GET  /_sandbox/payments    JSON lines, one for each session: the witness
 *     GET  /_sandbox/calls       JSON lines, the latest calls
 *
 * Faults: `faults.ts`.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable, pipeline } from 'node:stream';
import { createApi } from './api.ts';
import { createSeededRandom } from './seeded-random.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { createDelivery } from './delivery.ts';
import { createEchoStore } from './echo-store.ts';
import { errorBody, gatewayError } from './errors.ts';
import type { GatewayError } from './errors.ts';
import type { FaultRates } from './faults.ts';
import { createMethods, refusal } from './methods.ts';
import type { Reply } from './methods.ts';
import { readBody } from './request-body.ts';
import { sessionJson } from './session-view.ts';
import { createSessions } from './sessions.ts';
import type { Session } from './sessions.ts';
import { createSigner, createVerifier } from './signature.ts';
import { createWebhooks } from './webhooks.ts';
import { createCallLog, jsonLines, witnessLine } from './witness.ts';
import type { CallLine, WitnessLine } from './witness.ts';

export { parseFaults } from './faults.ts';
export type { FaultRates } from './faults.ts';
export type { Clock } from './clock.ts';
export type { CallLine, WitnessLine } from './witness.ts';

/**
 * @property port 0: any
 * @property publicKeyPem the merchant's RSA key; without it signatures are not verified
 * @property privateKeyPem the gateway's own RSA key; without it webhooks are not signed
 * @property webhookUrl receives webhooks; without it none are sent
 * @property confirm `manual` (default): payouts wait for session/confirm; `auto`: they settle by themselves
 * @property settleMs duration of each step of a session, default 500
 * @property seed determines faults and ids, default 1
 * @property idempotencyHeader default `X-PARTNER-IDEMPOTENCY-KEY`
 * @property callsKept number of calls that `/_sandbox/calls` keeps, default 250,000; `Infinity`: all
 * @property log receives lines about webhooks and internal errors
 */
export interface SandboxOptions {
  readonly port: number;
  readonly publicKeyPem?: string | undefined;
  readonly privateKeyPem?: string | undefined;
  readonly webhookUrl?: string | undefined;
  readonly confirm?: 'auto' | 'manual' | undefined;
  readonly settleMs?: number | undefined;
  readonly seed?: number | undefined;
  readonly faults?: FaultRates | undefined;
  readonly idempotencyHeader?: string | undefined;
  readonly callsKept?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: ((message: string) => void) | undefined;
}

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
const silent = { recorded() {}, decided() {}, close() {} };

/** @throws Error for a key or webhook address that cannot be used, or a port that cannot be used */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { confirm = 'manual', settleMs = 500, seed = 1, faults = {}, clock = systemClock, log = () => {} } = options;
  const echoes = createEchoStore();
  const sessions = createSessions(echoes);
  const callLog = createCallLog(options.callsKept ?? 250_000);
  const random = createSeededRandom(seed);
  const verify = options.publicKeyPem === undefined ? undefined : createVerifier(options.publicKeyPem);
  const sign = options.privateKeyPem === undefined ? undefined : createSigner(options.privateKeyPem);
  const render = (session: Session, atMs: number): string => sessionJson(session, echoes, settleMs, atMs);
  const webhooks =
    options.webhookUrl === undefined
      ? silent
      : createWebhooks({
          clock,
          settleMs,
          faults,
          random: random,
          delivery: createDelivery({ url: options.webhookUrl, sign }),
          render,
          log,
        });
  const methods = createMethods({ sessions, echoes, random: random, faults, confirm, settleMs, listener: webhooks });
  const api = createApi({ idempotencyHeader: options.idempotencyHeader ?? 'X-PARTNER-IDEMPOTENCY-KEY', verify, log });

  function* witness(): Generator<WitnessLine> {
    // One time and one length for the whole list, however long its reader takes.
    const nowMs = clock.nowMs();
    for (const session of sessions.all.slice()) yield witnessLine(session, settleMs, nowMs);
  }

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const atMs = clock.nowMs();
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (path === '/_sandbox/payments') return list(request, response, witness);
    if (path === '/_sandbox/calls') return list(request, response, () => callLog.lines());
    const name = path.startsWith(apiPrefix) ? path.slice(apiPrefix.length) : '';
    const method = methods.get(name);
    if (method === undefined) return deny(request, response, gatewayError('invalid_request', 'No such method', 404));
    if (request.method !== 'POST') return deny(request, response, gatewayError('invalid_request', 'Only POST is supported', 405), 'POST');
    readBody(request, (raw) => {
      const { headers } = request;
      const reply =
        raw === 'too-large'
          ? refusal(gatewayError('invalid_request', 'The body is larger than 1 MiB', 413))
          : api.answer(method, { headers, raw, nowMs: clock.nowMs() });
      callLog.add({ at: atMs, method: name, idempotency_key: api.keyOf(headers), record_id: reply.recordId, outcome: reply.outcome });
      if (reply.delayMs === undefined) return send(response, reply);
      const stopWaiting = clock.setAlarm(reply.delayMs, () => send(response, reply));
      response.on('close', stopWaiting);
    });
  }

  const server = createServer({ keepAliveTimeout: 75_000 }, handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  }).catch((error: unknown) => {
    webhooks.close();
    throw error;
  });

  let closing: Promise<void> | undefined;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    payments: () => [...witness()],
    calls: () => [...callLog.lines()],
    close() {
      closing ??= new Promise((resolve) => {
        webhooks.close();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

function send(response: ServerResponse, reply: Reply): void {
  const { body, closes } = reply;
  if (closes === 'silent') {
    response.socket?.destroy();
    return;
  }
  const headers: Record<string, string | number> = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  if (reply.retryAfterSeconds !== undefined) headers['retry-after'] = reply.retryAfterSeconds;
  response.writeHead(reply.httpStatus, headers);
  // A head that announces the whole body, half of the body, and then the end of the connection.
  if (closes === 'cut') response.write(body.slice(0, body.length >> 1), () => response.socket?.destroy());
  else response.end(body);
}

function deny(request: IncomingMessage, response: ServerResponse, error: GatewayError, allow?: string): void {
  request.resume();
  const headers = { 'content-type': 'application/json', ...(allow === undefined ? {} : { allow }) };
  response.writeHead(error.httpStatus, headers).end(errorBody(error));
}

function list(request: IncomingMessage, response: ServerResponse, lines: () => Iterable<unknown>): void {
  if (request.method !== 'GET') return deny(request, response, gatewayError('invalid_request', 'Only GET is supported', 405), 'GET');
  request.resume();
  response.writeHead(200, { 'content-type': 'application/jsonl; charset=utf-8' });
  pipeline(Readable.from(jsonLines(lines())), response, () => {});
}
