/** The thread that owns the file of the ledger, started by `threaded-ledger.ts`. */
import { parentPort } from 'node:worker_threads';
import { setImmediate as turn } from 'node:timers/promises';
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';
import type { AdvanceResult } from '../../../batches/ports/ledger.ts';
import type { Verdict } from '../../../batches/record/record.ts';
import { machineMonotonicNow, systemClock } from '../../clock.ts';
import { readError } from './sqlite-error.ts';
import { errorMessage, type Answer, type FromThread, type OpenMessage, type StepMessage, type ToThread } from './thread-messages.ts';
import { readAdmission, readChange, verdictText } from './thread-texts.ts';
import type { Outcome } from './group-writer.ts';
import { openWriter, type LedgerWriter } from './writer.ts';

const port = parentPort;
if (port === null) throw new Error('this file is the thread of a ledger: it is not started by itself');
const say = (message: FromThread): void => port.postMessage(message);
let writer: LedgerWriter | undefined;

function open({ file, binding, ledgerKey, at }: OpenMessage): void {
  const shared = at === undefined ? undefined : new Float64Array(at);
  const sharedClock = shared === undefined ? undefined : { now: () => shared[0] ?? 0 };
  try {
    writer = openWriter(
      {
        binding,
        ledgerKey: Buffer.from(ledgerKey),
        keys: createKeyDerivation(binding.project),
        clock: sharedClock ?? systemClock,
        monotonic: sharedClock ?? { now: machineMonotonicNow },
        onWarning: (message) => say({ type: 'warning', message }),
      },
      file,
    );
    say({ type: 'opened', ahead: writer.time.aheadOfMonotonic() });
  } catch (error) {
    say({ type: 'refused', error: errorMessage(readError(file, error)) });
    port?.close();
  }
}

const workOf =
  (step: StepMessage, { steps }: LedgerWriter): (() => unknown) =>
  () => {
    if (step.type === 'advance') return steps.advance(readChange(step), step.event);
    if (step.type === 'admit') return steps.admit(readAdmission(step));
    return steps[step.name](step.argument as never);
  };

function answerOf(outcome: Outcome, { type }: StepMessage): Answer {
  if (!outcome.ok) return { error: errorMessage(outcome.error) };
  if (type === 'advance' && (outcome.value as AdvanceResult).ok) return true;
  if (type === 'admit') {
    const verdict = outcome.value as Verdict;
    if (verdict.type === 'admitted' || verdict.type === 'open') return verdictText(verdict.type, verdict.record);
  }
  return { value: outcome.value };
}

function writeGroup(steps: readonly StepMessage[], open: LedgerWriter): void {
  const outcomes = open.groups.write(steps.map((step) => workOf(step, open)));
  const answers = outcomes.map((outcome, index) => answerOf(outcome, steps[index] as StepMessage));
  say({ type: 'group', answers, ahead: open.time.aheadOfMonotonic() });
}

/** Other work has its turn between the steps of a long one. */
async function runAlone<T>(open: LedgerWriter, work: () => T): Promise<T> {
  await turn();
  const [outcome] = open.groups.write([work]);
  if (outcome?.ok !== true) throw outcome?.error;
  return outcome.value as T;
}

async function ask({ question, parameters }: Extract<ToThread, { type: 'ask' }>, open: LedgerWriter): Promise<Answer> {
  try {
    if (question === 'purgeDetails') return { value: await open.purgeDetails(parameters[0] as never, (work) => runAlone(open, work)) };
    const read = open.reads[question] as (...args: readonly unknown[]) => Promise<unknown>;
    const value = await read(...parameters);
    // A clone takes the whole buffer that a view is a part of.
    return { value: value instanceof Uint8Array ? new Uint8Array(value) : value };
  } catch (error) {
    return { error: errorMessage(error) };
  }
}

port.on('message', (message: ToThread) => {
  if (message.type === 'open') return open(message);
  if (writer === undefined) throw new Error('the ledger is not open');
  if (message.type === 'group') return writeGroup(message.steps, writer);
  if (message.type === 'ask') return void ask(message, writer).then((answer) => say({ type: 'answer', number: message.number, answer }));
  writer.close();
  say({ type: 'closed' });
  port.close();
});
