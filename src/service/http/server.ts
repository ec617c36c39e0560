/**
 * The HTTP side of `serve`: webhooks, health, metrics. Small on purpose: a handful of exact paths, bounded in
 * everything that a stranger could make large or slow.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { CommandError, exitCodes } from '../../exit.ts';
import type { Logger } from '../../logger.ts';

/** What a check of readiness found; `detail` is for people, and shown to whoever asks: no secret, no record. */
export interface CheckResult {
  readonly ok: boolean;
  readonly detail?: string;
}
export type Check = () => CheckResult | Promise<CheckResult>;

/** A webhook as it came; signatures are made over exactly these bytes. */
export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}
export interface WebhookAnswer {
  readonly status: number;
  /** Sent as JSON. */
  readonly body: unknown;
}
export type WebhookHandler = (request: WebhookRequest) => Promise<WebhookAnswer>;

/**
 * @property fatal why this process can do no more work, null while it can: `/livez`
 * @property checks all must be ok for `/readyz`; one that does not answer in time is not
 * @property metrics the text of `/metrics` and its content type
 * @property webhook what answers `POST /webhooks/smart-glocal`; without it webhooks are refused
 */
export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  readonly fatal: () => string | null;
  readonly checks: Readonly<Record<string, Check>>;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly webhook?: WebhookHandler;
  readonly limits?: Partial<HttpLimits>;
}

/** Bytes and milliseconds. */
export interface HttpLimits {
  readonly bodyBytes: number;
  readonly headerBytes: number;
  readonly connections: number;
  /** Until all headers are there. */
  readonly headersMs: number;
  /** Until the whole request is there. */
  readonly requestMs: number;
  /** Until a check of readiness has answered. */
  readonly checkMs: number;
  /** Between two requests on one connection. */
  readonly idleMs: number;
}

const defaultLimits: HttpLimits = {
  bodyBytes: 1024 * 1024,
  headerBytes: 16 * 1024,
  connections: 256,
  headersMs: 10_000,
  requestMs: 15_000,
  checkMs: 2_000,
  idleMs: 5_000,
};

export interface HttpServer {
  /** Scheme, host and port as they came to be. */
  readonly url: string;
  /** Takes no more requests, lets those under way end, and cuts off what is not over after the deadline. Idempotent. */
  close(deadlineMs?: number): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Route {
  readonly methods: readonly string[];
  readonly answer: (request: IncomingMessage) => Promise<Answer>;
}

/** @throws {CommandError} exit 1 when nothing can listen there */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const { logger } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const routes = routesOf(options, limits);
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headersMs),
  });
  server.maxConnections = limits.connections;
  server.on('clientError', refuseBroken);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // A client that goes away in the middle is its own affair.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    void answerOne(routes, request, logger).then((answer) => send(server, request, response, answer));
  });
  await listen(server, options.host, options.port);
  server.on('error', (cause) => logger.error({ err: cause }, 'the HTTP server failed'));

  let closed: Promise<void> | undefined;
  return {
    url: urlOf(server),
    close: (deadlineMs = 5_000) => (closed ??= closeServer(server, deadlineMs)),
  };
}

async function answerOne(routes: ReadonlyMap<string, Route>, request: IncomingMessage, logger: Logger): Promise<Answer> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const route = routes.get(path);
  if (route === undefined)
    return json(404, { error: 'not_found', message: `There is nothing here. Known: ${[...routes.keys()].join(', ')}.` });
  if (!route.methods.includes(request.method ?? '')) {
    const allowed = route.methods.join(', ');
    return json(405, { error: 'method_not_allowed', message: `Use ${allowed} here.` }, { allow: allowed });
  }
  try {
    return await route.answer(request);
  } catch (cause) {
    logger.error({ err: cause, path }, 'a request could not be answered');
    return json(500, { error: 'internal_error', message: 'This could not be answered; the log of disburse says why.' });
  }
}

function routesOf(options: HttpOptions, limits: HttpLimits): ReadonlyMap<string, Route> {
  const { fatal, metrics, webhook = refuseWebhooks } = options;
  const checkAll = shared(() => runChecks(options.checks, limits.checkMs));
  const collect = shared(metrics);
  const read = ['GET', 'HEAD'];
  return new Map<string, Route>([
    [
      '/livez',
      {
        methods: read,
        async answer() {
          const why = fatal();
          return why === null ? json(200, { live: true }) : json(503, { live: false, message: why });
        },
      },
    ],
    [
      '/readyz',
      {
        methods: read,
        async answer() {
          const checks = await checkAll();
          const ready = Object.values(checks).every(({ ok }) => ok);
          return json(ready ? 200 : 503, { ready, checks });
        },
      },
    ],
    [
      '/metrics',
      {
        methods: read,
        async answer() {
          const { contentType, text } = await collect();
          return { status: 200, contentType, text };
        },
      },
    ],
    [
      '/webhooks/smart-glocal',
      {
        methods: ['POST'],
        async answer(request) {
          const body = await readBody(request, limits.bodyBytes);
          if (body === 'too_large')
            return json(
              413,
              { error: 'body_too_large', message: `A webhook has at most ${limits.bodyBytes} bytes.` },
              { connection: 'close' },
            );
          if (body === 'broken_off')
            return json(400, { error: 'body_incomplete', message: 'The body broke off.' }, { connection: 'close' });
          const { status, body: told } = await webhook({ headers: request.headers, body });
          return json(status, told);
        },
      },
    ],
  ]);
}

/** Unverified, a webhook could tell anything; so without a key none is believed, nor taken. */
const refuseWebhooks: WebhookHandler = async () => ({
  status: 503,
  body: {
    error: 'webhooks_refused',
    message:
      "Webhooks are refused because no public key of the gateway is configured (GATEWAY_PUBLIC_KEY_FILE), so their signatures can't be verified.",
  },
});

async function runChecks(checks: Readonly<Record<string, Check>>, ms: number): Promise<Readonly<Record<string, CheckResult>>> {
  const found = await Promise.all(
    Object.entries(checks).map(async ([name, check]): Promise<readonly [string, CheckResult]> => [name, await runCheck(check, ms)]),
  );
  return Object.fromEntries(found);
}

async function runCheck(check: Check, ms: number): Promise<CheckResult> {
  const late = Promise.withResolvers<CheckResult>();
  const timer = setTimeout(() => late.resolve({ ok: false, detail: `no answer within ${ms} ms` }), ms);
  try {
    return await Promise.race([Promise.resolve().then(check), late.promise]);
  } catch (cause) {
    return { ok: false, detail: cause instanceof Error ? cause.message : String(cause) };
  } finally {
    clearTimeout(timer);
  }
}

/** Those who ask while an answer is being made get the same one: a crowd of probes costs as much as one. */
function shared<T>(make: () => Promise<T>): () => Promise<T> {
  let making: Promise<T> | undefined;
  return () => {
    making ??= make().finally(() => {
      making = undefined;
    });
    return making;
  };
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | 'too_large' | 'broken_off'> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return 'too_large';
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) return 'too_large';
      chunks.push(chunk);
    }
  } catch {
    return 'broken_off';
  }
  return Buffer.concat(chunks);
}

const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  contentType: 'application/json; charset=utf-8',
  text: `${JSON.stringify(body)}\n`,
  headers,
});

function send(
  server: Server,
  request: IncomingMessage,
  response: ServerResponse,
  { status, contentType, text, headers = {} }: Answer,
): void {
  if (response.destroyed) return;
  // What was not read of the request is not waited for, and nothing more is asked of us while we close.
  const ends = !request.complete || !server.listening;
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
    ...(ends ? { connection: 'close' } : {}),
  });
  // Node leaves the text out of the answer to HEAD.
  response.end(text);
}

/** What is no HTTP, too large, or too slow never becomes a request. */
function refuseBroken(cause: NodeJS.ErrnoException, socket: Socket | NodeJS.WritableStream): void {
  if (!('destroyed' in socket) || socket.destroyed || !socket.writable || cause.code === 'ECONNRESET') {
    if ('destroy' in socket) socket.destroy();
    return;
  }
  const line =
    cause.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : cause.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\nCache-Control: no-store\r\n\r\n`);
  // Who does not read the answer either is not waited for.
  socket.destroySoon();
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen({ host, port }, listening.resolve);
  try {
    await listening.promise;
  } catch (cause) {
    throw new CommandError(exitCodes.usage, `HTTP cannot be served on ${host}:${port}: ${whyNot(cause as NodeJS.ErrnoException)}`, {
      cause,
    });
  }
  server.removeListener('error', listening.reject);
}

function whyNot(cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return 'another process listens there. Set HTTP_PORT to a free port, or to 0 for any.';
    case 'EACCES':
      return 'this user may not listen there. Set HTTP_PORT to 1024 or above.';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'this machine has no such address. Set HTTP_HOST to one of its own, 127.0.0.1 or 0.0.0.0.';
    default:
      return `${cause.message}. Check HTTP_HOST and HTTP_PORT.`;
  }
}

function urlOf(server: Server): string {
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('the HTTP server listens on no port');
  return `http://${at.family === 'IPv6' ? `[${at.address}]` : at.address}:${at.port}`;
}

async function closeServer(server: Server, deadlineMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
  await closed;
  clearTimeout(timer);
}
