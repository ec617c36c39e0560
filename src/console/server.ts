/** Starts the console on its address, and says where it is. */
import { randomUUID } from 'node:crypto';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/values.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Logger } from '../logger.ts';
import { listenHttp, type ConnectionLimits } from '../service/http/listen.ts';
import { loadConsoleKey } from './access/console-key.ts';
import type { ConsoleEnv } from './access/guard.ts';
import { createLogins, loginToken } from './access/logins.ts';
import { forgetRunning, noteRunning } from './access/running.ts';
import { createSigned } from './access/signed.ts';
import { createApp, type AppParams } from './app.ts';

const limits: ConnectionLimits = {
  headerBytes: 16 * 1024,
  connections: 256,
  headersMs: 10_000,
  // A file is uploaded within it.
  requestMs: 600_000,
  idleMs: 5_000,
};

export interface ConsoleServer {
  readonly url: string;
  /** The address at which a person logs in, good once. */
  loginUrl(name: string): string;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface ConsoleParams {
  readonly config: Config;
  readonly logger: Logger;
  readonly now: () => number;
  readonly port: number;
  readonly addPages: AppParams['addPages'];
}

const closeMs = 2_000;

/** @throws {CommandError} exit 1 when it may not or cannot listen there */
export async function startConsole({ config, logger, now, port, addPages }: ConsoleParams): Promise<ConsoleServer> {
  const { settings, dataDir } = config;
  const host = settings.CONSOLE_HOST;
  checkAddress(config);
  const signed = createSigned(loadConsoleKey(dataDir));
  const id = randomUUID();
  const listen = { host, port, logger, limits, settings: { host: 'CONSOLE_HOST', port: 'CONSOLE_PORT' } };
  const ready = Promise.withResolvers<ReturnType<typeof getRequestListener>>();
  const http = await listenHttp(listen, (request, response) => {
    void ready.promise.then((handle) => handle(request, response));
  });
  const actual = new URL(http.url);
  const app: Hono<ConsoleEnv> = createApp({
    settings,
    logger,
    signed,
    logins: createLogins({ signed, consoleId: id, now }),
    // Browsers send cookies to every port of a host: two consoles on one machine must not end each other's sessions.
    cookieName: `disburse_console_${actual.port}`,
    hosts: hostsOf(host, actual.port),
    addPages,
  });
  ready.resolve(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  noteRunning(dataDir, { url: http.url, id, pid: process.pid });
  return {
    url: http.url,
    loginUrl: (name) => loginUrl(http.url, loginToken(signed, { name, consoleId: id, now: now() })),
    async close() {
      forgetRunning(dataDir, id);
      await http.close(closeMs);
    },
  };
}

export const loginUrl = (url: string, token: string): string => `${url}/login?token=${token}`;

export const isLoopbackHost = (host: string): boolean => isLoopback(`http://${host.includes(':') ? `[${host}]` : host}`);

/** @throws {CommandError} exit 1 */
export function checkAddress({ settings }: Config): void {
  const { CONSOLE_HOST: host, CONSOLE_TRUSTED_PROXY: proxy } = settings;
  if (proxy !== undefined || isLoopbackHost(host)) return;
  throw new CommandError(
    exitCodes.usage,
    `the console does not listen on CONSOLE_HOST=${host}, which is not loopback, without a proxy that authenticates its users: set CONSOLE_TRUSTED_PROXY to the addresses of that proxy and CONSOLE_USER_HEADER to its header, or set CONSOLE_HOST to 127.0.0.1.`,
  );
}

/** A page of another site that resolves its own name to this machine is not one of them. */
function hostsOf(host: string, port: string): ReadonlySet<string> {
  const names = isLoopbackHost(host) ? ['127.0.0.1', 'localhost', '[::1]', host] : [host];
  const withPort = names.map((name) => `${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${port}`.toLowerCase());
  return new Set(port === '80' ? [...withPort, ...withPort.map((name) => name.slice(0, -':80'.length))] : withPort);
}
