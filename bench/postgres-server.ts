/**
 * A real Postgres with its own durable settings. Taken from DATABASE_URL (a database of its own for each run), else from
 * Debian's packages or the PATH: a server in a temporary folder, which runs as the user `postgres` when we are root, because
 * Postgres refuses to run as root.
 */
import { randomBytes } from 'node:crypto';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ended, killGroup, startChild } from './children.ts';
import { cpuOfFamily, inherited } from './measure.ts';
import { freePort } from './redis-server.ts';

const startsWithinMs = 30_000;
const debianFolder = '/usr/lib/postgresql';

export interface PostgresServer {
  readonly url: string;
  /** Where its files are; undefined for a server that was started elsewhere. */
  readonly folder: string | undefined;
  /** Of the server with all its processes; undefined for a server that was started elsewhere. */
  cpuSeconds(): number | undefined;
  stop(): Promise<void>;
}

export interface PostgresSource {
  readonly description: string;
  start(): Promise<PostgresServer>;
}

/** Undefined when there is none, with what to install. */
export type FoundPostgres = { readonly source: PostgresSource } | { readonly source: undefined; readonly reason: string };

/** What is used of the package `pg`, which has no types of its own. */
interface PgModule {
  readonly Client: new (options: { readonly connectionString: string; readonly connectionTimeoutMillis: number }) => {
    on(event: 'error', listener: () => void): void;
    connect(): Promise<void>;
    query(text: string): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;
    end(): Promise<void>;
  };
}

async function ask(url: string, text: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  // It is installed with the peers only.
  const packageName: string = 'pg';
  const { Client } = (await import(packageName)) as PgModule;
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function answers(url: string): Promise<void> {
  const deadline = performance.now() + startsWithinMs;
  for (;;) {
    try {
      await ask(url, 'SELECT 1');
      return;
    } catch (cause) {
      if (performance.now() > deadline) throw new Error('Postgres did not start', { cause });
      await sleep(50);
    }
  }
}

/** Debian keeps the programs of each version apart and off the PATH. */
function programs(): string | undefined {
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => join(debianFolder, version, 'bin')), ...(process.env['PATH'] ?? '').split(':')];
  return folders.find((folder) => ['postgres', 'initdb'].every((name) => existsSync(join(folder, name))));
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Undefined when we may run it ourselves. */
function serverUser(): User | undefined | 'missing' {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout.trim() || Number.NaN);
  const user = { uid: id('-u'), gid: id('-g') };
  return Number.isInteger(user.uid) && Number.isInteger(user.gid) ? user : 'missing';
}

// fsync, synchronous_commit and full_page_writes are on by default; they are named so that no default can change them.
const durable = ['fsync=on', 'synchronous_commit=on', 'full_page_writes=on'];
// A checkpoint in the middle of a short measurement would hit the contender that is measured at that moment.
const roomy = ['shared_buffers=256MB', 'max_wal_size=4GB', 'checkpoint_timeout=30min', 'max_connections=100'];

function sourceOf(folder: string, user: User | undefined): PostgresSource {
  const version = /\d+(\.\d+)?/.exec(spawnSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' }).stdout)?.[0] ?? '';
  return {
    description: `Postgres ${version}, ${durable.join(', ')}; ${roomy.slice(0, 3).join(', ')}`,
    async start() {
      const dir = await mkdtemp(join(tmpdir(), 'disburse-bench-postgres-'));
      const remove = (): void => rmSync(dir, { recursive: true, force: true });
      process.once('exit', remove);
      if (user !== undefined) await chown(dir, user.uid, user.gid);
      const data = join(dir, 'data');
      const asUser = { ...user, cwd: dir, env: { ...inherited(), HOME: dir, LC_ALL: 'C.UTF-8' } };
      await promisify(execFile)(join(folder, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--no-sync'], asUser);
      const port = await freePort();
      const settings = [...durable, ...roomy, 'listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories='];
      const child = startChild(join(folder, 'postgres'), ['-D', data, ...settings.flatMap((one) => ['-c', one])], {
        ...asUser,
        stdio: 'ignore',
      });
      const end = ended(child);
      const url = `postgresql://bench@127.0.0.1:${port}/postgres`;
      await Promise.race([answers(url), end.then(() => Promise.reject(new Error('Postgres ended at its start')))]);
      return {
        url,
        folder: dir,
        cpuSeconds: () => cpuOfFamily(child.pid ?? 0),
        async stop() {
          // At once: nothing reads the data again.
          killGroup(child, 'SIGQUIT');
          await end;
          await rm(dir, { recursive: true, force: true });
          process.off('exit', remove);
        },
      };
    },
  };
}

async function foreign(url: string): Promise<PostgresSource> {
  const [settings] = await ask(
    url,
    `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`,
  );
  return {
    description: `Postgres ${String(settings?.['version'])} of DATABASE_URL, fsync=${String(settings?.['fsync'])}, synchronous_commit=${String(settings?.['commit'])}`,
    async start() {
      const name = `disburse_bench_${randomBytes(6).toString('hex')}`;
      await ask(url, `CREATE DATABASE ${name}`);
      const own = new URL(url);
      own.pathname = `/${name}`;
      return {
        url: own.href,
        folder: undefined,
        cpuSeconds: () => undefined,
        stop: async () => void (await ask(url, `DROP DATABASE ${name} WITH (FORCE)`)),
      };
    },
  };
}

export async function findPostgres(): Promise<FoundPostgres> {
  const url = process.env['DATABASE_URL'];
  if (url !== undefined && url !== '') return { source: await foreign(url) };
  const folder = programs();
  const missing = 'pg-boss and DBOS are left out: set DATABASE_URL, or install Postgres (Debian and Ubuntu: apt-get install postgresql)';
  if (folder === undefined) return { source: undefined, reason: `no Postgres was found, so ${missing}` };
  const user = serverUser();
  if (user === 'missing')
    return { source: undefined, reason: `Postgres does not run as root, and there is no user postgres, so ${missing}` };
  return { source: sourceOf(folder, user) };
}
