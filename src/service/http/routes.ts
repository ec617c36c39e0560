/** What `serve` answers at its few exact paths: webhooks, health, metrics. */
import type { IncomingMessage } from 'node:http';
import type { Logger } from '../../logger.ts';

/** What a check of readiness found; `detail` is for people, and shown to anyone: no secret, no record. */
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
 * @property hasPublicKey whether a public key of the gateway is configured: without one no signature can be verified
 */
export interface RouteOptions {
  readonly fatal: () => string | null;
  readonly checks: Readonly<Record<string, Check>>;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly webhook?: WebhookHandler;
  readonly hasPublicKey?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly methods: readonly string[];
  readonly answer: (request: IncomingMessage) => Promise<Answer>;
}

/** The answer to one request; a failure is logged and answered as such. */
export async function answerOne(routes: ReadonlyMap<string, Route>, request: IncomingMessage, logger: Logger): Promise<Answer> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const route = routes.get(path);
  if (route === undefined)
    return json(404, { error: 'not_found', message: `No such path. Known paths: ${[...routes.keys()].join(', ')}.` });
  if (!route.methods.includes(request.method ?? '')) {
    const allowed = route.methods.join(', ');
    return json(405, { error: 'method_not_allowed', message: `Use ${allowed} here.` }, { allow: allowed });
  }
  try {
    return await route.answer(request);
  } catch (cause) {
    logger.error({ err: cause, path }, 'a request could not be answered');
    return json(500, { error: 'internal_error', message: 'The request could not be answered; see the log of disburse.' });
  }
}

export function routesOf(
  options: RouteOptions,
  limits: { readonly bodyBytes: number; readonly checkMs: number },
): ReadonlyMap<string, Route> {
  const { fatal, metrics, webhook = refuseWebhooks(options.hasPublicKey === true) } = options;
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
            return json(400, { error: 'body_incomplete', message: 'The body is incomplete.' }, { connection: 'close' });
          const { status, body: reply } = await webhook({ headers: request.headers, body });
          return json(status, reply);
        },
      },
    ],
  ]);
}

/** An unverified webhook could say anything: without a key none is accepted. */
const refuseWebhooks =
  (hasPublicKey: boolean): WebhookHandler =>
  async () => ({
    status: 503,
    body: {
      error: 'webhooks_refused',
      message: hasPublicKey
        ? 'Webhooks are refused: this version of disburse does not handle them, with or without a public key. It asks the gateway for outcomes instead.'
        : "Webhooks are refused because no public key of the gateway is configured (GATEWAY_PUBLIC_KEY_FILE), so their signatures can't be verified.",
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

/** Requests that come while an answer is being made get the same one: many probes cost as much as one. */
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
