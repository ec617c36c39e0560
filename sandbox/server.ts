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
import { createAdmin, deny } from './admin.ts';
import { createApi } from './api.ts';
import { createSeededRandom } from './seeded-random.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import type { Amounts } from './currencies.ts';
import { createDelivery } from './delivery.ts';
import { createEchoStore } from './echo-store.ts';
import { gatewayError } from './errors.ts';
import type { Fault, FaultRates } from './faults.ts';
import { createFunds } from './funds.ts';
import type { UnderfundedPolicy } from './funds.ts';
import { createMaintenance } from './maintenance.ts';
import { refusal } from './method.ts';
import type { Reply } from './method.ts';
import { createMethods } from './methods.ts';
import { readBody } from './request-body.ts';
import { sessionJson } from './session-view.ts';
import type { View } from './session-view.ts';
import { createSessions } from './sessions.ts';
import { createSigner, createVerifier } from './signature.ts';
import { createWebhooks } from './webhooks.ts';
import type { WebhookDeps, Webhooks } from './webhooks.ts';
import { createCallLog, witnessLine } from './witness.ts';
import type { CallLine, WitnessLine } from './witness.ts';

export { parseBalance } from './currencies.ts';
export type { Amounts } from './currencies.ts';
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
 * @property retryGapMs time to the second attempt of a webhook, default 1000; later gaps grow to 900 times it, for 1800 times
 * @property balance what each project has for payouts; without it there is money without end
 * @property underfunded `hold` (default): a payout beyond the balance stays in progress; `refuse`: its init call is refused
 * @property reportMetadata how many characters of the metadata the daily report prints, or `whole` (default)
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
  readonly retryGapMs?: number | undefined;
  readonly balance?: Amounts | undefined;
  readonly underfunded?: UnderfundedPolicy | undefined;
  readonly reportMetadata?: 'whole' | number | undefined;
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
const adminPrefix = '/_sandbox/';
const silent: Webhooks = { sends: false, changed() {}, whenFirstSent: () => Promise.resolve(), close() {} };

/** @throws Error for a key or webhook address that cannot be used, or a port that cannot be used */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { confirm = 'manual', settleMs = 500, seed = 1, clock = systemClock, log = () => {} } = options;
  // Everything reads the rates at the moment of use, so they can be changed while the sandbox runs.
  const rates: Partial<Record<Fault, number>> = { ...options.faults };
  const echoes = createEchoStore();
  const sessions = createSessions(echoes);
  const callLog = createCallLog(options.callsKept ?? 250_000);
  const random = createSeededRandom(seed);
  const view: View = { echoes, settleMs, actUrl: () => `${url()}${adminPrefix}act` };
  const webhooks = openWebhooks(options, { clock, settleMs, faults: rates, random, view, log });
  const funds =
    options.balance === undefined
      ? undefined
      : createFunds({ clock, initial: options.balance, policy: options.underfunded ?? 'hold', settleMs, funded: webhooks.changed });
  const methods = createMethods({ sessions, random, faults: rates, confirm, view, funds, listener: webhooks });
  const api = createApi({
    idempotencyHeader: options.idempotencyHeader ?? 'X-PARTNER-IDEMPOTENCY-KEY',
    verify: options.publicKeyPem === undefined ? undefined : createVerifier(options.publicKeyPem),
    maintenance: createMaintenance(rates, random),
    log,
  });

  function* witness(): Generator<WitnessLine> {
    // One time and one length for the whole list, however long its reader takes.
    const nowMs = clock.nowMs();
    funds?.settle(nowMs);
    for (const session of sessions.all.slice()) yield witnessLine(session, settleMs, nowMs);
  }

  const admin = createAdmin({
    clock,
    sessions,
    methods,
    funds,
    report: { sessions: sessions.all, echoes, settleMs, metadata: options.reportMetadata ?? 'whole' },
    faults: { current: rates, set: (more) => void Object.assign(rates, more) },
    payments: witness,
    calls: () => callLog.lines(),
  });

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const atMs = clock.nowMs();
    funds?.settle(atMs);
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    if (path.startsWith(adminPrefix)) return admin(path.slice(adminPrefix.length), request, response, new URLSearchParams(query));
    const name = path.startsWith(apiPrefix) ? path.slice(apiPrefix.length) : '';
    const method = methods.byName.get(name);
    if (method === undefined) return deny(request, response, gatewayError('invalid_request', 'No such method', 404));
    if (request.method !== 'POST') return deny(request, response, gatewayError('invalid_request', 'Only POST is supported', 405), 'POST');
    readBody(request, (raw) => {
      const { headers } = request;
      const nowMs = clock.nowMs();
      funds?.settle(nowMs);
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
    webhooks.close();
    throw error;
  });

  function url(): string {
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  let closing: Promise<void> | undefined;
  return {
    url: url(),
    payments: () => [...witness()],
    calls: () => [...callLog.lines()],
    close() {
      closing ??= new Promise((resolve) => {
        webhooks.close();
        funds?.close();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

function openWebhooks(
  { webhookUrl, privateKeyPem, retryGapMs = 1000 }: SandboxOptions,
  { view, ...deps }: Omit<WebhookDeps, 'firstGapMs' | 'delivery' | 'render'> & { readonly view: View },
): Webhooks {
  // A key that cannot be read is reported also when nothing is to be signed.
  const sign = privateKeyPem === undefined ? undefined : createSigner(privateKeyPem);
  if (webhookUrl === undefined) return silent;
  return createWebhooks({
    ...deps,
    firstGapMs: retryGapMs,
    delivery: createDelivery({ url: webhookUrl, sign }),
    render: (session, atMs) => sessionJson(session, view, atMs),
  });
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
