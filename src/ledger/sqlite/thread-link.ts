/**
 * The owner's side of the ledger's thread: what it is asked, and what it answers.
 *
 * One group is under way at a time, and what is asked meanwhile is the next one. So a call that is alone is written at once,
 * and groups grow with the load.
 */
import { Worker } from 'node:worker_threads';
import { LedgerClosedError, LedgerOverloadedError, LedgerWriteError, type LedgerError } from '../errors.ts';
import { waitingLimit } from './group-commit.ts';
import {
  readErrorMessage,
  type Answer,
  type FromThread,
  type OpenMessage,
  type Question,
  type StepMessage,
  type ToThread,
} from './thread-messages.ts';
import { readVerdict } from './thread-texts.ts';

export interface ThreadLink {
  /** Resolves when the group of the step is durable. Steps are answered in the order in which they were asked. */
  step(message: StepMessage): Promise<unknown>;
  ask(question: Question, parameters: readonly unknown[]): Promise<unknown>;
  /** What makes the ledger's time of monotonic time. */
  ahead(): number;
  /** Writes what waits; resolves when the thread has ended. Idempotent. */
  close(): Promise<void>;
}

export interface ThreadParams {
  readonly open: Omit<OpenMessage, 'type'>;
  readonly onWarning?: ((message: string) => void) | undefined;
  /** The thread has ended before it was closed. */
  readonly onEnd?: ((error: LedgerError) => void) | undefined;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface WaitingStep extends Waiting {
  readonly message: StepMessage;
}

/** Larger groups gain nothing more. */
const groupLimit = 512;

const threadFile = new URL(`./ledger-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

function settle({ resolve, reject }: Waiting, answer: Answer): void {
  if (answer === true) resolve({ ok: true });
  else if (typeof answer === 'string') resolve(readVerdict(answer));
  else if ('error' in answer) reject(readErrorMessage(answer.error));
  else resolve(answer.value);
}

const endedBy = (reason: string): LedgerWriteError =>
  new LedgerWriteError(
    `the thread that writes the ledger has ended (${reason}). Acknowledged writes are kept, and whether the last ones were written is found at the next start: run again.`,
  );

/** Steps that wait for a group, and those of the groups under way. */
function createSteps(post: (message: ToThread) => void) {
  let queue: WaitingStep[] = [];
  const underWay: (readonly WaitingStep[])[] = [];
  let isScheduled = false;
  let count = 0;

  const postGroup = (group: readonly WaitingStep[]): void => {
    underWay.push(group);
    post({ type: 'group', steps: group.map(({ message }) => message) });
  };
  const postNext = (): void => {
    isScheduled = false;
    if (queue.length === 0 || underWay.length > 0) return;
    const group = queue.length <= groupLimit ? queue : queue.slice(0, groupLimit);
    queue = queue.length <= groupLimit ? [] : queue.slice(groupLimit);
    postGroup(group);
  };
  // Calls of one turn of the event loop, and those that the answers to a group lead to, are one group.
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(postNext);
  };

  return {
    get count() {
      return count;
    },
    add(step: WaitingStep): void {
      queue.push(step);
      count += 1;
      if (underWay.length === 0) schedule();
    },
    answer(answers: readonly Answer[]): void {
      const group = underWay.shift() ?? [];
      count -= group.length;
      for (const [index, step] of group.entries()) settle(step, answers[index] as Answer);
      if (queue.length > 0) schedule();
    },
    postAll(): void {
      if (queue.length > 0) postGroup(queue);
      queue = [];
    },
    reject(error: LedgerError): void {
      for (const { reject } of [...underWay.flat(), ...queue]) reject(error);
      underWay.length = 0;
      queue = [];
      count = 0;
    },
  };
}

/** A thread, and what is known of it. */
interface Thread {
  readonly worker: Worker;
  readonly steps: ReturnType<typeof createSteps>;
  readonly asked: Map<number, Waiting>;
  readonly opening: PromiseWithResolvers<undefined>;
  readonly exit: PromiseWithResolvers<undefined>;
  ahead: number;
  isOpen: boolean;
  isClosing: boolean;
  /** Why nothing more is taken. */
  ended: LedgerError | undefined;
}

function createThread(): Thread {
  const worker = new Worker(threadFile, { name: 'ledger' });
  return {
    worker,
    steps: createSteps((message) => worker.postMessage(message)),
    asked: new Map(),
    opening: Promise.withResolvers(),
    exit: Promise.withResolvers(),
    ahead: 0,
    isOpen: false,
    isClosing: false,
    ended: undefined,
  };
}

function hear(thread: Thread, message: FromThread, { onWarning }: ThreadParams): void {
  const { worker, steps, asked, opening } = thread;
  if ('ahead' in message) thread.ahead = message.ahead;
  if (message.type === 'opened') {
    thread.isOpen = true;
    opening.resolve(undefined);
  } else if (message.type === 'refused') opening.reject(readErrorMessage(message.error));
  else if (message.type === 'group') steps.answer(message.answers);
  else if (message.type === 'warning') onWarning?.(message.message);
  else if (message.type === 'closed') thread.ended ??= new LedgerClosedError();
  else {
    const waiting = asked.get(message.number);
    asked.delete(message.number);
    if (waiting !== undefined) settle(waiting, message.answer);
  }
  // A thread with nothing to do does not keep the process.
  if (!thread.isClosing && steps.count === 0 && asked.size === 0) worker.unref();
}

/** Rejects what waits: it is neither written nor not written. */
function end(thread: Thread, reason: string, { onEnd }: ThreadParams): void {
  if (thread.ended !== undefined) return;
  const { steps, asked, opening, isOpen } = thread;
  const error = endedBy(reason);
  thread.ended = error;
  opening.reject(error);
  steps.reject(error);
  for (const { reject } of asked.values()) reject(error);
  asked.clear();
  if (isOpen) onEnd?.(error);
}

/** @throws LedgerError why the file is not opened */
export async function startThread(params: ThreadParams): Promise<ThreadLink> {
  const thread = createThread();
  const { worker, opening, exit } = thread;
  worker.on('message', (message: FromThread) => hear(thread, message, params));
  worker.on('messageerror', (error) => {
    end(thread, error.message, params);
    void worker.terminate();
  });
  worker.on('error', (error) => end(thread, error instanceof Error ? error.message : String(error), params));
  worker.on('exit', (code) => {
    end(thread, `exit code ${code}`, params);
    exit.resolve(undefined);
  });
  worker.postMessage({ type: 'open', ...params.open } satisfies ToThread);
  try {
    await opening.promise;
  } catch (error) {
    await exit.promise;
    throw error;
  }
  return createLink(thread);
}

function createLink(thread: Thread): ThreadLink {
  const { worker, steps, asked, exit } = thread;
  let lastNumber = 0;
  const refusal = (): LedgerError | undefined => {
    if (thread.ended !== undefined) return thread.ended;
    if (thread.isClosing) return new LedgerClosedError();
    const waiting = steps.count + asked.size;
    return waiting >= waitingLimit ? new LedgerOverloadedError(waiting) : undefined;
  };
  const take = (add: (waiting: Waiting) => void): Promise<unknown> => {
    const error = refusal();
    if (error !== undefined) return Promise.reject(error);
    if (steps.count === 0 && asked.size === 0) worker.ref();
    return new Promise((resolve, reject) => {
      add({ resolve, reject });
    });
  };
  return {
    step: (message) => take(({ resolve, reject }) => steps.add({ message, resolve, reject })),
    ask: (question, parameters) =>
      take((waiting) => {
        lastNumber += 1;
        asked.set(lastNumber, waiting);
        worker.postMessage({ type: 'ask', number: lastNumber, question, parameters } satisfies ToThread);
      }),
    ahead: () => thread.ahead,
    async close() {
      if (!thread.isClosing) {
        thread.isClosing = true;
        worker.ref();
        steps.postAll();
        worker.postMessage({ type: 'close' } satisfies ToThread);
      }
      await exit.promise;
    },
  };
}
