/** One target, in a thread of its own: its memory is bounded, and a reader that hangs is seen from outside. */
import { parentPort, workerData } from 'node:worker_threads';
import { fuzz, shrink } from './target.ts';
import { targets } from './targets.ts';

export interface Job {
  readonly name: string;
  readonly seed: number;
  readonly first: number;
  readonly count: number;
  /** The number of the input that is read now. */
  readonly progress: SharedArrayBuffer;
}

export interface Outcome {
  /** Undefined: everything holds. */
  readonly failure?: { readonly number: number; readonly why: string; readonly least: string };
}

const { name, seed, first, count, progress } = workerData as Job;
const now = new BigInt64Array(progress);
const target = targets[name]?.();
if (target === undefined) throw new Error(`there is no target ${name}`);
const failure = await fuzz(target, { seed, first, count, onInput: (number) => void Atomics.store(now, 0, BigInt(number)) });
const outcome: Outcome =
  failure === undefined
    ? {}
    : {
        failure: {
          number: failure.number,
          why: failure.cause instanceof Error ? (failure.cause.stack ?? failure.cause.message) : String(failure.cause),
          least: JSON.stringify((await shrink(target, failure)).toString('latin1')),
        },
      };
await target.close();
parentPort?.postMessage(outcome);
