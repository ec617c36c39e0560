/**
 * One message of the instructions topic, to its first durable and published outcome. What is durable before what
 * stands in `batches/dispatch.ts`; only when this resolves may the message's offset be committed.
 */
import type { Occurrence } from '../batches/instruction.ts';
import type { SharedLedger } from '../batches/ports.ts';
import { placeOf, readMessage, type InstructionMessage, type OpenSealed } from '../consumers/instruction-topic.ts';
import { contentOf, payAdmitted, type PayDeps } from './pay-instruction.ts';
import type { Settings } from './config.ts';

export interface WorkerDeps<Message extends InstructionMessage> {
  readonly pay: Omit<PayDeps, 'ledger'> & { readonly ledger: SharedLedger };
  readonly maxAmount: Settings['MAX_AMOUNT'];
  readonly open: OpenSealed;
  /** Resolves when the letter is surely on its topic. */
  readonly putAside: (letter: { readonly record: Message; readonly reason: string; readonly message: string }) => Promise<void>;
  /** Told how long a message waited for its first outcome, in milliseconds. */
  readonly onOutcome: (waitedMs: number) => void;
}

/**
 * Goes on also when the message's partition is dealt to another instance meanwhile: whoever makes the intent first
 * sends, and the other one learns that. Rejects only when we are stopping before it was sent.
 */
export type Worker<Message> = (message: Message) => Promise<void>;

/** The batches whose events an instance has met; older ones are asked for again. */
const knownBatches = 10_000;

export function createInstructionWorker<Message extends InstructionMessage>(deps: WorkerDeps<Message>): Worker<Message> {
  const { pay, maxAmount, open } = deps;
  const { ledger, clock } = pay;
  const known = new Map<string, Promise<unknown>>();

  /** Events make their batches themselves; a file's batch was made by whoever published it. */
  const meetBatch = (batchId: string, { source }: Occurrence): Promise<unknown> => {
    const met = known.get(batchId);
    if (met !== undefined) return met;
    const file = 'file' in source ? source.file : source.topic;
    const pins = { encoding: 'utf-8', delimiter: '', bytes: 0, blockDigests: [], policy: null };
    const meeting = ledger.openBatch({ batchId, file, ...pins, at: clock.now() });
    known.set(batchId, meeting);
    const [oldest] = known.keys();
    if (known.size > knownBatches && oldest !== undefined) known.delete(oldest);
    return meeting;
  };

  return async (message) => {
    const reading = readMessage(message, { now: clock.now(), ...(maxAmount === undefined ? {} : { maxAmount }), open });
    if (reading.type === 'dead') {
      await deps.putAside({ record: message, reason: reading.reason, message: reading.message });
      await ledger.countDeadLetter(placeOf(message));
      return;
    }
    const { occurrence, batchId } = reading;
    await meetBatch(batchId, occurrence);
    const at = clock.now();
    const verdict = await ledger.admit({ occurrence, batchId, at, content: contentOf(pay.fingerprints, reading.reading) });
    if (verdict.type === 'admitted') {
      const record = await payAdmitted(pay, verdict.record, reading.reading);
      if (record.status === 'queued') throw new UnfinishedError();
    }
    pay.publisher.poke();
    await pay.publisher.published();
    deps.onOutcome(clock.now() - message.timestamp);
  };
}

/** The message was not finished because we are stopping. */
export class UnfinishedError extends Error {
  override readonly name = 'UnfinishedError';
  constructor() {
    super('stopped before the instruction was sent');
  }
}
