/** An HTTP server on one address, bounded in everything that a stranger could make large or slow. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { CommandError, exitCodes } from '../../exit.ts';
import type { Logger } from '../../logger.ts';

/** Bytes and milliseconds. */
export interface ConnectionLimits {
  readonly headerBytes: number;
  readonly connections: number;
  /** Until all headers are there. */
  readonly headersMs: number;
  /** Until the whole request is there. */
  readonly requestMs: number;
  /** Between two requests on one connection. */
  readonly idleMs: number;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly logger: Pick<Logger, 'error'>;
  readonly limits: ConnectionLimits;
  /** The settings or the option that name host and port, for messages. */
  readonly settings: { readonly host: string; readonly port: string };
}

export interface HttpServer {
  /** Scheme, host and port as they came to be. */
  readonly url: string;
  /** Takes no more requests, lets those under way end, and cuts off what is not over after the deadline. Idempotent. */
  close(deadlineMs?: number): Promise<void>;
}

/** @throws {CommandError} exit 1 when nothing can listen there */
export async function listenHttp(
  options: ListenOptions,
  onRequest: (request: IncomingMessage, response: ServerResponse, server: Server) => void,
): Promise<HttpServer> {
  const { limits, logger } = options;
  // With it Node loads its own fetch, which takes 13 MB: what serves nothing, such as a run, does without.
  const { createServer } = await import('node:http');
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
    onRequest(request, response, server);
  });
  await listen(server, options);
  server.on('error', (cause) => logger.error({ err: cause }, 'the HTTP server failed'));

  let closed: Promise<void> | undefined;
  return {
    url: urlOf(server),
    close: (deadlineMs = 5_000) => (closed ??= closeServer(server, deadlineMs)),
  };
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

async function listen(server: Server, { host, port, settings }: ListenOptions): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen({ host, port }, listening.resolve);
  try {
    await listening.promise;
  } catch (cause) {
    const why = whyNot(cause as NodeJS.ErrnoException, settings.host, settings.port);
    throw new CommandError(exitCodes.usage, `HTTP cannot be served on ${host}:${port}: ${why}`, { cause });
  }
  server.removeListener('error', listening.reject);
}

function whyNot(cause: NodeJS.ErrnoException, hostSetting: string, portSetting: string): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return `another process listens there. Set ${portSetting} to a free port, or to 0 for any.`;
    case 'EACCES':
      return `this user may not listen there. Set ${portSetting} to 1024 or above.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `this machine has no such address. Set ${hostSetting} to one of its own, 127.0.0.1 or 0.0.0.0.`;
    default:
      return `${cause.message}. Check ${hostSetting === portSetting ? hostSetting : `${hostSetting} and ${portSetting}`}.`;
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
