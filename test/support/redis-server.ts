/**
 * A Redis for tests, as a ledger needs it: every write synced, nothing evicted. The program is `redis-server` from the
 * PATH, else one that a jar on Maven Central carries.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Certificates } from './certificates.ts';
import { accepts, freePort, freePortWith } from './free-port.ts';
import { temporaryFolder } from './keeper.ts';
import { embeddedRedis } from './server-downloads.ts';
import { ServerProcess } from './server-process.ts';

const durable = '--appendonly yes --appendfsync always --maxmemory-policy noeviction'.split(' ');
const startsWithinMs = 60_000;
/** Where nodes of a Redis Cluster speak to each other. */
const clusterBusDistance = 10_000;

export interface RedisOptions {
  readonly port?: number;
  /** Where its files lie; default: a temporary folder. */
  readonly dir?: string;
  /** Further or other settings, such as `['--appendfsync', 'everysec']`; the last one named wins. */
  readonly args?: readonly string[];
  /** TLS only, on the same port; clients need the CA's file. */
  readonly tls?: Certificates;
  /** With any user, anonymous clients are refused. Default rules: everything. */
  readonly users?: readonly { readonly username: string; readonly password: string; readonly rules?: readonly string[] }[];
}

export interface RedisServer {
  /** Without user and password. */
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  readonly pid: number;
  /** Ends it; the files stay until the test process ends, and `restart` reads them. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Freezes it: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** On the same port and files, also after `stop`. */
  restart(): Promise<void>;
}

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const command = await redisProgram();
  const port = options.port ?? (options.args?.includes('--cluster-enabled') ? await freePortWith(clusterBusDistance) : await freePort());
  const dir = options.dir ?? (await temporaryFolder('redis'));
  const server = new ServerProcess({
    name: `Redis (127.0.0.1:${port})`,
    command,
    args: redisArgs(options, port, dir),
    logFile: join(dir, 'redis.log'),
    startsWithinMs,
    isReady: async (log) => log.includes('Ready to accept connections') && accepts('127.0.0.1', port, 1000),
  });
  try {
    await server.start();
  } catch (cause) {
    if (options.tls === undefined || !/Bad directive/i.test(String(cause))) throw cause;
    throw new Error(`${command} was built without TLS: install a redis-server that has it (Debian's and Homebrew's do).`, { cause });
  }
  return {
    url: `${options.tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`,
    port,
    dir,
    get pid() {
      return server.pid;
    },
    stop: (signal) => server.stop(signal),
    pause: () => server.pause(),
    resume: () => server.resume(),
    restart: () => server.restart(),
  };
}

function redisArgs({ args = [], tls, users = [] }: RedisOptions, port: number, dir: string): string[] {
  const listening =
    tls === undefined
      ? ['--port', String(port)]
      : [
          ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
          ...['--tls-cert-file', tls.certFile, '--tls-key-file', tls.keyFile, '--tls-ca-cert-file', tls.caFile],
        ];
  const accounts = users.flatMap(({ username, password, rules = ['~*', '&*', '+@all'] }) => [
    ...['--user', username, 'on', `>${password}`, ...rules],
  ]);
  const closed = users.length === 0 ? [] : ['--user', 'default', 'off'];
  return [...listening, '--bind', '127.0.0.1', '--dir', dir, ...durable, '--save', '', ...accounts, ...closed, ...args];
}

async function redisProgram(): Promise<string> {
  try {
    await promisify(execFile)('redis-server', ['--version']);
    return 'redis-server';
  } catch (missing) {
    // EACCES: it is nowhere, and a folder of the PATH may not be searched.
    if (!['ENOENT', 'EACCES'].includes((missing as NodeJS.ErrnoException).code ?? '')) throw missing;
  }
  try {
    return await embeddedRedis();
  } catch (cause) {
    throw new Error(`There is no redis-server on the PATH, and: ${(cause as Error).message}`, { cause });
  }
}
