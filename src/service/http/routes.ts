/** What `serve` answers at its few exact paths: webhooks, health, metrics. */
import type { IncomingMessage } from 'node:http';

/**
 * What a check of readiness found, shown to anyone: no secret, no record. `detail` is for people; `paused` names what is
 * paused: `everything`, or the first digits of a batch id.
 */
export interface CheckResult {
  readonly ok: boolean;
  readonly detail?: string;
  readonly paused?: readonly string[];
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
 * @property webhook what answers `POST /webhooks/smart-glocal`
 * @property onLargeWebhook called for a body above the limit, which is answered here
 * @property service what else there is: `fatal` says why this process can do no more work, null while it can (`/livez`);
 *   all `checks` must be ok for `/readyz`, and one that does not answer in time is not; `metrics` is the text of `/metrics`
 *   and its content type
 */
export interface RouteOptions {
  readonly webhook: WebhookHandler;
  readonly onLargeWebhook?: () => void;
  readonly service?: ServiceRoutes;
}

export interface ServiceRoutes {
  readonly fatal: () => string | null;
  readonly checks: Readonly<Record<string, Check>>;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
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

export const routesOf = (
  { webhook, onLargeWebhook, service }: RouteOptions,
  limits: { readonly bodyBytes: number; readonly checkMs: number },
): ReadonlyMap<string, Route> =>
  new Map<string, Route>([
    ...(service === undefined ? [] : serviceRoutes(service, limits.checkMs)),
    ['/webhooks/smart-glocal', { methods: ['POST'], answer: webhookAnswer(webhook, limits.bodyBytes, onLargeWebhook) }],
  ]);

function serviceRoutes(service: ServiceRoutes, checkMs: number): readonly (readonly [string, Route])[] {
  const checkAll = shared(() => runChecks(service.checks, checkMs));
  const collect = shared(service.metrics);
  const methods = ['GET', 'HEAD'];
  const live = async (): Promise<Answer> => {
    const why = service.fatal();
    return why === null ? json(200, { live: true }) : json(503, { live: false, message: why });
  };
  const ready = async (): Promise<Answer> => {
    const checks = await checkAll();
    const isReady = Object.values(checks).every(({ ok }) => ok);
    return json(isReady ? 200 : 503, { ready: isReady, checks });
  };
  const metrics = async (): Promise<Answer> => ({ status: 200, ...(await collect()) });
  return [
    ['/livez', { methods, answer: live }],
    ['/readyz', { methods, answer: ready }],
    ['/metrics', { methods, answer: metrics }],
  ];
}

const webhookAnswer =
  (webhook: WebhookHandler, maxBytes: number, onLarge: () => void = () => undefined): Route['answer'] =>
  async (request) => {
    const body = await readBody(request, maxBytes);
    if (body === 'broken_off') return json(400, { error: 'body_incomplete', message: 'The body is incomplete.' }, { connection: 'close' });
    if (body === 'too_large') {
      onLarge();
      return json(413, { error: 'body_too_large', message: `A webhook has at most ${maxBytes} bytes.` }, { connection: 'close' });
    }
    const { status, body: reply } = await webhook({ headers: request.headers, body });
    return json(status, reply);
  };

/** All at once; one that does not answer in time is not ok. */
export async function runChecks(checks: Readonly<Record<string, Check>>, ms: number): Promise<Readonly<Record<string, CheckResult>>> {
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

export const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  contentType: 'application/json; charset=utf-8',
  text: `${JSON.stringify(body)}\n`,
  headers,
});
