/**
 * `npm run proof -- --differential [N] [--seed N] [--histories N]`: N generated CSV files, JSON values and names against the
 * packages that others wrote for them, and random histories on the ledgers in memory, in SQLite and in Redis against each other.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { parseArgs } from 'node:util';
import { keepFigure } from '../../simulation/figures.ts';
import { compareEditedEvents, compareJson, compareNames } from './compare-values.ts';
import { compareFiles, type Compared } from './differential.ts';

const root = join(import.meta.dirname, '..', '..');
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(0);
const usualCount = '100000';
/** The arguments with the number of files as an option of its own. */
const withCount = (args: readonly string[]): string[] =>
  args.flatMap((arg, index) => (arg === '--differential' && !/^\d+$/.test(args[index + 1] ?? '') ? [arg, usualCount] : [arg]));

interface Share {
  readonly seed: number;
  readonly first: number;
  readonly count: number;
}

/** Files first: they take longest. */
const shareOut = ({ seed, count }: Omit<Share, 'first'>): readonly Share[] => {
  const threads = Math.max(1, Math.min(availableParallelism(), count));
  return Array.from({ length: threads }, (_, index) => {
    const [first, next] = [index, index + 1].map((part) => Math.round((part * count) / threads)) as [number, number];
    return { seed, first, count: next - first };
  });
};

const inThread = (share: Share): Promise<Compared> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: share });
    worker.once('message', resolve);
    worker.once('error', reject);
  });

/** @returns whether everything holds */
async function compareAllFiles(draws: Omit<Share, 'first'>): Promise<boolean> {
  const began = performance.now();
  const all = await Promise.all(shareOut(draws).map(inThread));
  const sum = (of: (one: Compared) => number): number => all.reduce((total, one) => total + of(one), 0);
  for (const { failure } of all)
    if (failure !== undefined) print(`file ${failure.number} is read otherwise: ${failure.why}\n  ${failure.text}`);
  print(`CSV: ${sum(({ read }) => read)} files read alike and ${sum(({ refused }) => refused)} refused, in ${seconds(began)} s`);
  return all.every(({ failure }) => failure === undefined);
}

function compareValues(what: string, work: () => void): boolean {
  const began = performance.now();
  try {
    work();
  } catch (cause) {
    print(`${what} DIFFER: ${cause instanceof Error ? cause.message : String(cause)}`);
    return false;
  }
  print(`${what}: equal, in ${seconds(began)} s`);
  return true;
}

interface Histories {
  readonly ledgers: string;
  readonly project: 'alone' | 'services';
  readonly file: string;
  readonly runs: number;
  readonly seed: number;
}

/** As a test, which starts the servers that it needs; only the number of its runs differs. */
async function compareLedgers({ ledgers, project, file, runs, seed }: Histories): Promise<boolean> {
  const began = performance.now();
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', '--project', project, '--testTimeout', '86400000', file], {
    cwd: root,
    env: { ...process.env, HISTORIES: String(runs), HISTORIES_SEED: String(seed), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const holds = code === 0 && /Tests\s+1 passed/.test(output);
  if (!holds) print(output.slice(-8_000));
  print(`${ledgers}: ${runs} histories, ${holds ? 'equal' : 'NOT equal'}, in ${seconds(began)} s`);
  return holds;
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    args: withCount(process.argv.slice(2)),
    options: {
      differential: { type: 'string', default: usualCount },
      seed: { type: 'string', default: '1' },
      /** On SQLite; a fifth as many on Redis, each of which waits for real time to pass. */
      histories: { type: 'string' },
    },
  });
  const [count, seed] = [Number(values.differential), Number(values.seed)];
  const runs = Number(values.histories ?? Math.max(20, Math.round(count / 50)));
  const began = performance.now();
  const held = [
    await compareAllFiles({ seed, count }),
    compareValues(`canonical JSON: ${2 * count} values`, () => compareJson({ seed, count })),
    compareValues(`canonical JSON: ${count} edited events`, () => void compareEditedEvents({ seed, count })),
    compareValues(`UUID version 5: ${3 * count} names`, () => compareNames({ seed, count })),
    await compareLedgers({
      ...{ ledgers: 'SQLite and memory', project: 'alone', runs, seed },
      file: 'test/src/ledger/sqlite/differential.int.test.ts',
    }),
    await compareLedgers({
      ...{ ledgers: 'Redis and memory', project: 'services', runs: Math.ceil(runs / 5), seed },
      file: 'test/src/ledger/redis/differential.services.test.ts',
    }),
  ];
  const failed = held.filter((one) => !one).length;
  const end = failed === 0 ? 'everything holds' : `${failed} in which something does not hold`;
  const sum = `${held.length} comparisons of ${count} files, values and names and ${runs} histories in ${seconds(began)} s: ${end}`;
  print(sum);
  keepFigure('differential', { holds: failed === 0, text: sum, size: count });
  return failed === 0;
}

if (isMainThread) process.exitCode = (await main()) ? 0 : 1;
else parentPort?.postMessage(await compareFiles(workerData as Share));
