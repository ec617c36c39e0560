/** Where a benchmark runs: a temporary folder with keys and files, and command lines printed without its paths. */
import { generateKeyPairSync } from 'node:crypto';
import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, rmSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { makeFile, type Shape } from './make-file.ts';
import { median } from './numbers.ts';

export const root = join(import.meta.dirname, '..');

export interface Place {
  readonly folder: string;
  readonly privateKeyFile: string;
  /** A file of so many rows, made when it is first asked for. */
  file(rows: number, shape?: Shape): Promise<string>;
  /** A new folder. */
  fresh(name: string): Promise<string>;
  /** Command line words as a reader of the report can use them. */
  format(words: readonly string[]): string;
  remove(): Promise<void>;
}

export async function makePlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'disburse-bench-'));
  // Also when it is interrupted.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const privateKeyFile = join(folder, 'private.pem');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(privateKeyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const files = new Map<string, Promise<string>>();
  const makeOne = async (name: string, rows: number, shape: Shape): Promise<string> => {
    const path = join(folder, name);
    await makeFile(path, rows, undefined, shape);
    return path;
  };
  return {
    folder,
    privateKeyFile,
    file(rows, shape = 'plain') {
      const name = shape === 'plain' ? `payouts-${rows}.csv` : `payouts-${rows}-${shape}.csv`;
      const made = files.get(name) ?? makeOne(name, rows, shape);
      files.set(name, made);
      return made;
    },
    fresh: (name) => mkdtemp(join(folder, `${name}-`)),
    format: (words) =>
      words
        .map((word) => {
          if (word === process.execPath) return 'node';
          if (word.startsWith(folder)) return word.slice(folder.length + 1);
          return word.startsWith(root) ? relative(root, word) : word;
        })
        .join(' '),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

const fileSystems: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x01021994: 'tmpfs (in memory: syncs cost nothing here)',
  0x9123683e: 'btrfs',
  0x58465342: 'xfs',
  0x794c7630: 'overlayfs',
  0x2fc12fc1: 'zfs',
};

/** What a durable write costs here: without it the rates of durable writers cannot be compared. */
export function tellDisk(folder: string): string {
  const path = join(folder, 'sync-probe');
  const handle = openSync(path, 'w');
  const page = Buffer.alloc(4096, 1);
  const times = Array.from({ length: 200 }, () => {
    const startedAt = performance.now();
    writeSync(handle, page);
    fdatasyncSync(handle);
    return performance.now() - startedAt;
  });
  closeSync(handle);
  const type = statfsSync(folder).type;
  return `${fileSystems[type] ?? `file system 0x${type.toString(16)}`}, 4 KiB append and fdatasync ${median(times).toFixed(2)} ms (median of 200)`;
}

export interface Start {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** How the built command line is started: its first line names the flags and variables that it wants for Node. */
export function cliStart(cli: string): Start {
  const path = join(root, cli);
  if (!existsSync(path)) throw new Error(`${cli} is not there: npm run build`);
  const [first = ''] = readFileSync(path, 'utf8').split('\n', 1);
  const wanted = first.split(' ').slice(1);
  const flags = wanted.filter((word) => word.startsWith('--'));
  const variables = wanted.flatMap((word) => {
    const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(word) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  return { words: [process.execPath, ...flags, path], env: Object.fromEntries(variables) };
}
