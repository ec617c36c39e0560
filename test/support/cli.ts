/** Runs the command line as a child in a process group of its own: bundled from its sources in a run of tests, else from them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const sources = join(import.meta.dirname, '..', '..', 'src', 'cli.ts');
/** The variable with the folder of the bundle, which `bundled-cli.setup.ts` makes. */
export const bundleFolder = 'DISBURSE_TEST_BUNDLE';
const folder = process.env[bundleFolder];
const cli = folder === undefined ? sources : join(folder, 'cli.js');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly stderr: () => string;
  /** Ends the whole process group. */
  kill(signal: NodeJS.Signals): void;
}

export type Env = Readonly<Record<string, string | undefined>>;

/** Nothing of the developer's own environment may reach the command but what finds programs and places. */
const inherited = (): Env => ({
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  TMPDIR: process.env['TMPDIR'],
  NO_COLOR: '1',
  // The cache that cli.ts turns on for what it imports, from the beginning: without it each start compiles cli.ts.
  NODE_COMPILE_CACHE: join(folder ?? tmpdir(), 'node-compile-cache'),
});

export function start(args: readonly string[], env: Env = {}, cwd: string = tmpdir()): Running {
  const child = spawn(process.execPath, ['--max-semi-space-size=8', '--heap-growing-percent=40', cli, ...args], {
    env: { ...inherited(), ...env } as NodeJS.ProcessEnv,
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr })));
  return {
    child,
    ended,
    stderr: () => stderr,
    kill(signal) {
      try {
        if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal);
      } catch (cause) {
        // It ended by itself in between.
        if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
      }
    },
  };
}

export const disburse = (args: readonly string[], env: Env = {}, cwd?: string): Promise<Ended> => start(args, env, cwd).ended;

/** A folder that is gone after `work`. */
export async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'disburse-test-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface Sandbox {
  readonly url: string;
  readonly payments: () => Promise<readonly Payment[]>;
  readonly stop: () => Promise<void>;
}

/** A line of the witness list. */
export interface Payment {
  readonly session_id: string;
  readonly record_id: string;
  readonly kind: string;
  readonly idempotency_key: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: string;
  readonly entry_status: string;
}

/** Starts the sandbox as its users do, and waits for the URL on its first line. */
export async function startSandbox(args: readonly string[] = [], port = '0'): Promise<Sandbox> {
  const running = start(['sandbox', '--port', port, ...args]);
  const lines = createInterface({ input: running.child.stdout as NodeJS.ReadableStream });
  const url = await Promise.race([
    new Promise<string>((resolve) => lines.once('line', resolve)),
    running.ended.then((end) => Promise.reject(new Error(`the sandbox ended with ${end.code}: ${end.stderr}`))),
  ]);
  return {
    url,
    payments: async () => {
      const text = await (await fetch(`${url}/_sandbox/payments`)).text();
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Payment);
    },
    stop: async () => {
      running.kill('SIGTERM');
      await running.ended;
    },
  };
}
