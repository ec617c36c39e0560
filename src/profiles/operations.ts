/** How operators' requests are carried out, in whichever process holds the ledger. */
import { operate } from '../../batches/operations/operate.ts';
import type { OperationDeps } from '../../batches/operations/operation-deps.ts';
import { operationRequest, type OperationAnswer, type OperationRequest } from '../../batches/operations/request.ts';
import { messageOf } from '../../batches/pipeline/notice.ts';
import type { Worker } from '../../batches/pipeline/worker.ts';
import type { Metrics } from '../service/metrics.ts';
import { createSeal } from '../ledger/seal.ts';

/** Requests of other processes, as they are kept until they are answered; both are JSON. */
export interface CommandQueue {
  pending(): Promise<readonly { readonly number: number; readonly request: string }[]>;
  answer(number: number, answer: string): Promise<void>;
}

export type Operate = (request: OperationRequest) => Promise<OperationAnswer>;

/** Opens bodies that commands hand over sealed, in base64. */
export function sealedBodies(ledgerKey: Buffer): OperationDeps['openSealed'] {
  const seal = createSeal(ledgerKey);
  return (sealed, context) => seal.open(Buffer.from(sealed, 'base64'), context);
}

/**
 * One at a time: two persons who ask at once get one outcome, and both get an answer.
 *
 * @param metrics counts what is carried out, where it is counted
 */
export function createOperator(deps: OperationDeps, metrics?: Pick<Metrics, 'command'>): Operate {
  let last: Promise<unknown> = Promise.resolve();
  return (request) => {
    const answer = last.then(() => counted(request, operate(deps, request), metrics));
    last = answer.catch(() => undefined);
    return answer;
  };
}

async function counted(
  { type }: OperationRequest,
  carriedOut: Promise<OperationAnswer>,
  metrics: Pick<Metrics, 'command'> | undefined,
): Promise<OperationAnswer> {
  try {
    const answer = await carriedOut;
    metrics?.command(type, answer.outcome);
    return answer;
  } catch (cause) {
    metrics?.command(type, 'failed');
    throw cause;
  }
}

const everyMs = 200;
const soonMs = 5;

/** Answers what other processes ask of the one that holds the ledger. A request that a crash left is carried out again: each is idempotent. */
export function createCommandWorker({ queue, operator }: { readonly queue: CommandQueue; readonly operator: Operate }): Worker {
  return {
    name: 'commands',
    async tick() {
      // Who asks once may ask again at once, as the rows of a report do.
      return (await answerPending(queue, operator)) > 0 ? soonMs : everyMs;
    },
  };
}

/** @returns how many it answered */
export async function answerPending(queue: CommandQueue, operator: Operate): Promise<number> {
  const pending = await queue.pending();
  for (const { number, request } of pending) await queue.answer(number, JSON.stringify(await answerTo(request, operator)));
  return pending.length;
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A newer program may ask for something that this one does not know. */
async function answerTo(request: string, operator: Operate): Promise<OperationAnswer> {
  const read = operationRequest.safeParse(parsed(request));
  if (!read.success) {
    const text = 'The process that pays does not know this command: it runs another version of disburse. Stop it, and try again.';
    return { outcome: 'refused', text, data: {} };
  }
  try {
    return await operator(read.data);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause) throw cause;
    return { outcome: 'refused', text: `The command failed, and nothing is changed: ${messageOf(cause)}`, data: {} };
  }
}

/** Where every instance finds in the ledger what is due. */
export const sharedOperator = (
  deps: Omit<OperationDeps, 'openSealed' | 'onChange' | 'onResumed' | 'onReopened'>,
  ledgerKey: Buffer,
  metrics?: Pick<Metrics, 'command'>,
): Operate =>
  createOperator(
    {
      ...deps,
      openSealed: sealedBodies(ledgerKey),
      onChange: () => undefined,
      onResumed: () => undefined,
      onReopened: () => undefined,
    },
    metrics,
  );
