/**
 * The full form: `npm run proof -- --fuzz [--inputs N] [--seed N] [--target NAME] [--first N]`. Prints progress, and the figures
 * at the end; an input that fails is shrunk and printed with the command that repeats it.
 */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { join } from 'node:path';
import { keepFigure } from '../../simulation/figures.ts';
import { compareFiles } from './differential.ts';
import { targets } from './targets.ts';
import type { Job, Outcome } from './worker.script.ts';

const { values } = parseArgs({
  options: {
    fuzz: { type: 'boolean' },
    inputs: { type: 'string', default: '1000000' },
    files: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    target: { type: 'string' },
  },
});
const seed = Number(values.seed);
const first = Number(values.first);
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(0);

const lookEveryMs = 10_000;
/** So many looks without another input: it hangs. */
const mostIdleLooks = 6;
const maxHeapMb = 512;

type Ended = Outcome | { readonly failure: { readonly number: number; readonly why: string; readonly least?: string } };

/** Ends when the thread does, or when it reads the same input for a minute. */
function runTarget(name: string, count: number): Promise<Ended> {
  const progress = new SharedArrayBuffer(8);
  const now = new BigInt64Array(progress);
  const workerData: Job = { name, seed, first, count, progress };
  const resourceLimits = { maxOldGenerationSizeMb: maxHeapMb };
  const worker = new Worker(join(import.meta.dirname, 'worker.script.ts'), { workerData, resourceLimits });
  return new Promise((resolve) => {
    let before = -1n;
    let idle = 0;
    const number = (): number => Number(Atomics.load(now, 0));
    const end = (ended: Ended): void => {
      clearInterval(look);
      void worker.terminate().then(() => resolve(ended));
    };
    const look = setInterval(() => {
      const current = Atomics.load(now, 0);
      idle = current === before ? idle + 1 : 0;
      before = current;
      print(`  ${name}: ${Number(current) - first} of ${count}`);
      if (idle >= mostIdleLooks) end({ failure: { number: number(), why: 'it is read for a minute already' } });
    }, lookEveryMs);
    worker.once('message', (outcome: Outcome) => end(outcome));
    // Too much memory comes here too.
    worker.once('error', (cause) => end({ failure: { number: number(), why: String(cause) } }));
  });
}

const names = Object.keys(targets).filter((name) => values.target === undefined || name === values.target);
if (names.length === 0) throw new Error(`--target: expected one of ${Object.keys(targets).join(', ')}`);
const shares = new Map(
  names.map((name) => {
    const target = targets[name]?.();
    void target?.close();
    return [name, target?.share ?? 0];
  }),
);
const whole = [...shares.values()].reduce((sum, share) => sum + share, 0);
const start = performance.now();
let done = 0;
let failed = 0;
for (const [name, share] of shares) {
  const count = Math.ceil((Number(values.inputs) * share) / whole);
  const began = performance.now();
  const { failure } = await runTarget(name, count);
  done += failure === undefined ? count : failure.number - first + 1;
  if (failure === undefined) {
    print(`${name}: ${count} inputs in ${seconds(began)} s, everything holds`);
    continue;
  }
  failed += 1;
  print(`${name}: input ${failure.number} fails: ${failure.why}`);
  if (failure.least !== undefined) print(`  shrunk: ${failure.least}`);
  print(`  again: npm run proof -- --fuzz --target ${name} --seed ${seed} --first ${failure.number} --inputs 1 --files 0`);
}

const files = values.target === undefined || values.target === 'csv' ? Number(values.files) : 0;
const compared = await compareFiles({ seed, first: 0, count: files, onProgress: (count) => print(`  files: ${count} of ${files}`) });
if (compared.failure !== undefined) {
  failed += 1;
  print(`file ${compared.failure.number} is read otherwise: ${compared.failure.why}\n  ${compared.failure.text}`);
}
const sum = `${done} inputs and ${compared.read + compared.refused} files (${compared.read} read alike, ${compared.refused} refused) in ${seconds(start)} s: ${failed === 0 ? 'everything holds' : `${failed} in which something does not hold`}`;
print(sum);
keepFigure('fuzz', { holds: failed === 0, text: sum, size: done });
process.exitCode = failed === 0 ? 0 : 1;
