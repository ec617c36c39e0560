/**
 * A real Redis that syncs every write, as a queue that holds payouts needs it. Taken from REDIS_URL, else from a
 * `redis-server` on the PATH, else from a Maven artifact that carries the program. Never needs root.
 */
import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { ended, killGroup, startChild } from './children.ts';
import { cpuOfServer } from './measure.ts';

const onPath = 'redis-server';
const artifact = 'com.github.codemonstur:embedded-redis:1.4.4';
const cache = join(import.meta.dirname, '..', 'node_modules', '.cache', 'disburse-bench', 'redis');
const startsWithinMs = 10_000;

/** Where servers come from. */
export interface RedisSource {
  readonly description: string;
  /** `folder` takes its append-only file. */
  start(folder: string): Promise<RedisServer>;
}

export interface RedisServer {
  readonly url: string;
  /** Where its files are; undefined for a server that was started elsewhere. */
  readonly folder: string | undefined;
  /** Undefined for a server that was started elsewhere. */
  cpuSeconds(): number | undefined;
  stop(): Promise<void>;
}

async function unpacked(): Promise<string | undefined> {
  const wanted = `linux-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const find = async (): Promise<string | undefined> => (await readdir(cache)).find((name) => name.endsWith(wanted));
  await mkdir(cache, { recursive: true });
  if ((await find()) === undefined) {
    const fetching = ['-q', '-B', 'dependency:unpack', `-Dartifact=${artifact}`, `-DoutputDirectory=${cache}`];
    // Its temporary markers go where they are removed with the rest.
    await promisify(execFile)('mvn', [...fetching, `-Dmdep.unpack.includes=redis-server-*${wanted}`], { cwd: cache }).catch(
      () => undefined,
    );
  }
  const name = await find();
  if (name === undefined) return undefined;
  await chmod(join(cache, name), 0o755);
  return join(cache, name);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(url: string): Promise<void> {
  const deadline = performance.now() + startsWithinMs;
  for (;;) {
    const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
    // Refused connections are expected until it is up; the command prints them too.
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.ping();
      return;
    } catch (cause) {
      if (performance.now() > deadline) throw new Error('Redis did not start', { cause });
      await sleep(20);
    } finally {
      client.disconnect();
    }
  }
}

const settings = '--bind 127.0.0.1 --appendonly yes --appendfsync always --maxmemory-policy noeviction'.split(' ');
// Snapshots, and rewriting the file in the middle of a measurement, would only cost it time.
settings.push('--save', '', '--auto-aof-rewrite-percentage', '0');

function sourceOf(program: string): RedisSource {
  const version = /v=(\S+)/.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout)?.[1] ?? 'of an unknown version';
  return {
    description: `Redis ${version}, appendonly yes, appendfsync always`,
    async start(folder) {
      const dir = await mkdtemp(join(folder, 'redis-'));
      const port = await freePort();
      const child = startChild(program, ['--port', String(port), '--dir', dir, ...settings], { stdio: 'ignore' });
      const end = ended(child);
      const url = `redis://127.0.0.1:${port}`;
      await Promise.race([answers(url), end.then(() => Promise.reject(new Error('Redis ended at its start')))]);
      return {
        url,
        folder: dir,
        cpuSeconds: () => cpuOfServer(child.pid ?? 0),
        async stop() {
          killGroup(child, 'SIGTERM');
          await end;
          await rm(dir, { recursive: true, force: true });
        },
      };
    },
  };
}

async function foreign(url: string): Promise<RedisSource> {
  const client = new Redis(url, { maxRetriesPerRequest: 1 });
  client.on('error', () => undefined);
  const version = /redis_version:(\S+)/.exec(await client.info('server'))?.[1];
  const fsync = await client.config('GET', 'appendfsync').then(
    (pair) => String((pair as string[])[1]),
    () => 'unknown',
  );
  client.disconnect();
  return {
    description: `Redis ${version ?? 'of an unknown version'} of REDIS_URL, appendfsync ${fsync}`,
    start: async () => ({ url, folder: undefined, cpuSeconds: () => undefined, stop: async () => undefined }),
  };
}

/** Undefined when there is none to be had. */
export async function findRedis(): Promise<RedisSource | undefined> {
  const url = process.env['REDIS_URL'];
  if (url !== undefined && url !== '') return foreign(url);
  const program = spawnSync(onPath, ['--version']).status === 0 ? onPath : await unpacked();
  return program === undefined ? undefined : sourceOf(program);
}
