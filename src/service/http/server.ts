/** The HTTP server of `serve` and `run --webhooks`. */
import type { Logger } from '../../logger.ts';
import { listenHttp, type ConnectionLimits, type HttpServer } from './listen.ts';
import type { Exchange } from './app.ts';
import { routesOf, type Answer, type RouteOptions } from './routes.ts';

export interface HttpOptions extends RouteOptions {
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  readonly limits?: Partial<HttpLimits>;
  /** The option that names host and port, where HTTP_HOST and HTTP_PORT do not. */
  readonly setBy?: string;
}

/** Bytes and milliseconds. */
export interface HttpLimits extends ConnectionLimits {
  readonly bodyBytes: number;
  /** Until a check of readiness has answered. */
  readonly checkMs: number;
}

const defaultLimits: HttpLimits = {
  bodyBytes: 64 * 1024,
  headerBytes: 16 * 1024,
  connections: 256,
  headersMs: 10_000,
  requestMs: 15_000,
  checkMs: 2_000,
  idleMs: 5_000,
};

export type { HttpServer } from './listen.ts';

/** @throws {CommandError} exit 1 when nothing can listen there */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const { host, port, logger, setBy } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const settings = { host: setBy ?? 'HTTP_HOST', port: setBy ?? 'HTTP_PORT' };
  // Loaded where something is served: `run` without webhooks starts without it.
  const { createListener } = await import('./app.ts');
  const listener = createListener({ routes: routesOf(options, limits), logger, send });
  return listenHttp({ host, port, logger, limits, settings }, listener);
}

function send({ incoming: request, outgoing: response, server }: Exchange, { status, contentType, text, headers = {} }: Answer): void {
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
