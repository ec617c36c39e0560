/** Searches every run of the model of a record with Spin. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { modelMutations, type ModelMutation } from './mutations.ts';
import { findSpin } from './spin.ts';

import { modelMoves } from './moves.ts';

export { modelMutations } from './mutations.ts';

const run = promisify(execFile);
const modelFile = join(import.meta.dirname, 'record.pml');
const limitMs = 600_000;

export interface ModelSearch {
  /** Faults in one run, at most. */
  readonly faults: number;
  readonly mutation?: ModelMutation;
  /** Looks for a run without an end, instead of the moves of statuses. */
  readonly forCycles?: boolean;
}

export interface ModelResult {
  /** What does not hold; null when the whole model was searched and all of it holds. */
  readonly violation: string | null;
  readonly states: number;
  /** Every move from status to status that was met, as `from to`. */
  readonly moves: ReadonlySet<string>;
}

/** @throws Error when the model was not searched to its end */
export async function checkModel({ faults, mutation, forCycles = false }: ModelSearch): Promise<ModelResult> {
  const spin = await findSpin();
  const folder = await mkdtemp(join(tmpdir(), 'disburse-model-'));
  const options = { cwd: folder, timeout: limitMs, maxBuffer: 64 * 1024 * 1024 };
  try {
    await writeFile(join(folder, 'record.pml'), mutate(await readFile(modelFile, 'utf8'), mutation));
    await run(spin, [`-DFAULTS=${faults}`, '-a', 'record.pml'], options);
    const search = forCycles ? ['-DNP'] : ['-DSAFETY', '-DPRINTF'];
    await run('cc', ['-O2', '-w', '-DMEMLIM=6000', ...search, '-o', 'pan', 'pan.c'], options);
    const { stdout } = await run(join(folder, 'pan'), ['-E', '-n', '-m400000', '-w24', ...(forCycles ? ['-l'] : [])], options);
    return readOutput(stdout);
  } catch (cause) {
    const { stdout = '', message } = cause as Error & { stdout?: string };
    throw new Error(`the model was not searched to its end: ${message}\n${stdout.slice(-2_000)}`, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function mutate(model: string, mutation: ModelMutation | undefined): string {
  if (mutation === undefined) return model;
  const parts = model.split(mutation.text);
  if (parts.length !== 2) throw new Error(`the text of "${mutation.name}" is ${parts.length - 1} times in the model: ${mutation.text}`);
  return parts.join(mutation.replacement);
}

function readOutput(text: string): ModelResult {
  const errors = /errors: (\d+)/.exec(text)?.[1];
  const states = /(\d+) states, stored/.exec(text)?.[1];
  if (errors === undefined || states === undefined || /max search depth too small|out of memory|Memory/.test(withoutStatistics(text)))
    throw new Error(`the answer of Spin cannot be read, or the search was cut short:\n${text.slice(-2_000)}`);
  return {
    violation: errors === '0' ? null : (/^pan:\d+: (.*?)(?: \(at depth|$)/m.exec(text)?.[1] ?? 'Spin reports an error without a text'),
    states: Number(states),
    moves: new Set([...text.matchAll(/^move (\w+) (\w+)$/gm)].map(([, from, to]) => `${from} ${to}`)),
  };
}

const withoutStatistics = (text: string): string => text.replace(/^Depth=.*$/gm, '').replace(/^Stats on memory usage.*$/gm, '');

/** The whole model and all of its mutations. Returns whether everything holds, and every mutation is caught. */
export async function proveModel(print: (line: string) => void): Promise<boolean> {
  const whole = await checkModel({ faults: 3 });
  print(`model: ${whole.states} states with up to 3 faults: ${whole.violation ?? 'everything holds'}`);
  const endless = await checkModel({ faults: 2, forCycles: true });
  print(`model: ${endless.states} states with up to 2 faults: ${endless.violation ?? 'every run ends, and its record with it'}`);
  let caught = 0;
  for (const mutation of modelMutations) {
    const { violation, states } = await checkModel({ faults: 2, mutation });
    if (violation !== null) caught += 1;
    print(`${violation === null ? 'NOT CAUGHT' : 'caught'} after ${states} states: ${mutation.name}`);
  }
  print(`${caught} of ${modelMutations.length} mutations of the model caught`);
  const moves = [...whole.moves].sort();
  const isSame = moves.join() === [...modelMoves].sort().join();
  print(`model: its moves are ${isSame ? '' : 'NOT '}those that the test compares with the code: ${moves.join(', ')}`);
  return isSame && whole.violation === null && endless.violation === null && caught === modelMutations.length;
}
