/** A gateway, keys, a data folder and files: what a user has before the first command. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resultSchema, type ResultEvent } from '../../batches/record/result-event.ts';
import { summarySchema, type Summary } from '../../batches/record/summary.ts';
import type { Status } from '../../batches/record/status.ts';
import { createSandbox, parseFaults, type Sandbox, type SandboxOptions } from '../../sandbox/server.ts';
import { inTemporaryFolder, start, type Ended, type Env, type Running } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';

const pair = (): { privateKey: string; publicKey: string } =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
/** One pair for all tests of a file: making one takes longer than most tests. */
export const ourPair = pair();
export const otherPair = pair();

export const project = 'e2e-shop';

interface Ran extends Ended {
  /** The last line of stdout as a summary, held to its schema. */
  readonly summary: Summary;
}

export interface World {
  readonly folder: string;
  readonly dataDir: string;
  readonly env: Record<string, string>;
  readonly sandbox: Sandbox;
  /** Closes the gateway and opens one on the same port; nothing is remembered. */
  replaceSandbox(options: Partial<SandboxOptions>): Promise<void>;
  write(name: string, content: string | Uint8Array): string;
  command(args: readonly string[], env?: Env): Promise<Ended>;
  begin(args: readonly string[], env?: Env): Running;
  /** `run FILE --json …` */
  run(path: string, args?: readonly string[], env?: Env): Promise<Ran>;
  /** As `run`, for what ends by no wait in time: interrupted when what is to be judged has come about, however long that took. */
  runUntil(what: string, holds: () => boolean, path: string, args?: readonly string[], env?: Env): Promise<Ran>;
  events(): ResultEvent[];
}

export interface WorldOptions extends Omit<Partial<SandboxOptions>, 'faults'> {
  readonly faults?: string;
}

export const inWorld = (options: WorldOptions, work: (world: World) => Promise<void>): Promise<void> =>
  inTemporaryFolder(async (folder) => {
    // No other process takes it while the gateway is away.
    const port = await freePort();
    const sandboxOptions = (more: Partial<SandboxOptions>): SandboxOptions => ({
      port,
      publicKeyPem: ourPair.publicKey,
      settleMs: 20,
      ...more,
    });
    const { faults, ...rest } = options;
    let sandbox = await createSandbox(sandboxOptions({ ...rest, faults: faults === undefined ? undefined : parseFaults(faults) }));
    const write = (name: string, content: string | Uint8Array): string => {
      const path = join(folder, name);
      writeFileSync(path, content, { mode: 0o600 });
      return path;
    };
    const dataDir = join(folder, 'data');
    const env = {
      GATEWAY_URL: sandbox.url,
      GATEWAY_PROJECT: project,
      GATEWAY_PRIVATE_KEY_FILE: write('private.pem', ourPair.privateKey),
      // The sandbox keeps every key.
      GATEWAY_KEY_LIFETIME: '12h',
      DATA_DIR: dataDir,
      DISPATCH_RATE: 'unlimited',
      FOLLOW_INTERVAL_MS: '50',
    };
    const begin: World['begin'] = (args, more = {}) => start(args, { ...env, ...more }, folder);
    const world: World = {
      folder,
      dataDir,
      env,
      get sandbox() {
        return sandbox;
      },
      async replaceSandbox(more) {
        await sandbox.close();
        sandbox = await createSandbox(sandboxOptions(more));
      },
      write,
      begin,
      command: (args, more) => begin(args, more).ended,
      run: async (path, args = [], more = {}) => summarised(await begin(['run', path, '--json', ...args], more).ended),
      async runUntil(what, holds, path, args = [], more = {}) {
        const running = begin(['run', path, '--json', ...args], more);
        await until(what, holds).finally(() => running.kill('SIGINT'));
        return summarised(await running.ended);
      },
      events: () => wholeLinesOf(join(dataDir, 'results.jsonl')).map((line) => resultSchema.parse(JSON.parse(line))),
    };
    try {
      await work(world);
    } finally {
      await sandbox.close();
    }
  });

function summarised(ended: Ended): Ran {
  const last = ended.stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{')) throw new Error(`no summary; exit ${ended.code}, stderr: ${ended.stderr}`);
  return { ...ended, summary: summarySchema.parse(JSON.parse(last)) };
}

export const linesOf = (path: string): string[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];

/** Without one that a process is writing just now. */
const wholeLinesOf = (path: string): string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []);

/** The counts of the statuses that occur. */
export const countsOf = (summary: Summary): Partial<Record<Status, number>> =>
  Object.fromEntries(
    Object.entries(summary.statuses)
      .filter(([, total]) => total.count > 0)
      .map(([status, total]) => [status, total.count]),
  );

export const sha256Of = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Without the lines that show how far a file is read: they come when the machine makes that take longer than a second. */
export const withoutReading = (stderr: string): string => stderr.replaceAll(/^.+: [\d,]+ rows(?:, | in ).*\n/gm, '');

/** Waits for a condition, never for a time; within most of what a test may take. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 50_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(20);
  }
}
