/** Judges blocks of a large file on a second thread: reading a file is bound by the processor, and a machine has more than one core. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { RowReadingOptions } from '../../batches/csv-row/amount.ts';
import type { BlockReport } from '../../batches/preflight/check-block.ts';
import type { PlainText } from '../../consumers/csv/plain-rows.ts';

/** What the thread is started with. */
export interface CheckThreadData {
  readonly header: readonly string[];
  readonly delimiter: string;
  readonly reading: RowReadingOptions;
}

export interface CheckThread {
  /** Undefined when it has enough to do. Resolves with undefined for a block that the thread cannot judge. */
  readonly check: (block: PlainText) => Promise<BlockReport | undefined> | undefined;
  close(): Promise<void>;
}

/** Below it, starting the thread costs as much as it saves. */
const minBytes = 8 * 1024 * 1024;
/** Blocks under way: the thread always has a next one, and this one is not without work while the thread catches up. */
const maxUnderWay = 4;
/** What a block leaves behind is garbage at once; with a larger young generation only memory grows. */
const maxYoungGenerationSizeMb = 8;

/** @param fileBytes null for a pipe, whose size is not known */
export const isWorthThread = (fileBytes: number | null): boolean =>
  fileBytes !== null && fileBytes >= minBytes && availableParallelism() > 1;

interface Asked {
  readonly resolve: (report: BlockReport | undefined) => void;
  readonly reject: (cause: Error) => void;
}

export function startCheckThread(workerData: CheckThreadData): CheckThread {
  const worker = new Worker(new URL(import.meta.url.endsWith('.ts') ? './check-worker.ts' : './check-worker.js', import.meta.url), {
    workerData,
    resourceLimits: { maxYoungGenerationSizeMb },
  });
  const underWay: Asked[] = [];
  let failure: Error | undefined;
  const fail = (cause: Error): void => {
    failure ??= cause;
    for (const { reject } of underWay.splice(0)) reject(failure);
  };
  // Answers come in the order of the questions.
  worker.on('message', (report: BlockReport | null) => underWay.shift()?.resolve(report ?? undefined));
  worker.on('error', (cause) => fail(cause instanceof Error ? cause : new Error(String(cause))));
  worker.on('exit', (code) => fail(new Error(`the thread that checks rows ended (exit code ${code})`)));
  return {
    check({ text, line }) {
      if (failure !== undefined) return Promise.reject(failure);
      if (underWay.length >= maxUnderWay) return undefined;
      return new Promise((resolve, reject) => {
        underWay.push({ resolve, reject });
        worker.postMessage({ text, line } satisfies PlainText);
      });
    },
    async close() {
      await worker.terminate();
    },
  };
}
