/**
 * One message of the instructions topic, to its first durable and published outcome. What is durable before what
 * stands in `batches/pipeline/dispatch.ts`; only when this resolves may the message's offset be committed.
 */
import pLimit from 'p-limit';
import { isSameOccurrence, type Occurrence } from '../instruction/instruction.ts';
import type { SharedLedger } from '../ports/ledger.ts';
import { admitOne } from '../ports/single.ts';
import type { LedgerRecord } from '../record/record.ts';
import { occurrenceOfMessage, readMessage, type InstructionMessage, type OpenSealed } from '../event/read-message.ts';
import { toAdmission, dispatchAdmitted, type PipelineDeps } from './process-instruction.ts';
import type { Settings } from '../../src/config/config.ts';

export interface MessageProcessorDeps<Message extends InstructionMessage> {
  readonly pay: Omit<PipelineDeps, 'ledger'> & { readonly ledger: SharedLedger };
  readonly maxAmount: Settings['MAX_AMOUNT'];
  readonly open: OpenSealed;
  /** Resolves when the letter is surely on its topic. */
  readonly sendToDeadLetter: (letter: { readonly record: Message; readonly reason: string; readonly message: string }) => Promise<void>;
  /** Told how long a message waited for its first outcome, in milliseconds. */
  readonly onOutcome: (waitedMs: number) => void;
}

/**
 * Goes on also when the message's partition is dealt to another instance meanwhile: whoever makes the intent first
 * sends, and the other one learns that. Rejects only when we are stopping before it was sent.
 */
export type MessageProcessor<Message> = (message: Message) => Promise<void>;

const lookAgainMs = 500;
/** A whole window comes at once when partitions were dealt: the intents of what is to be sent must not wait behind it. */
const admissionsAtOnce = 64;
/** The batches whose events an instance has met; older ones are asked for again. */
const knownBatches = 10_000;

export function createMessageProcessor<Message extends InstructionMessage>(deps: MessageProcessorDeps<Message>): MessageProcessor<Message> {
  const { pay, maxAmount, open } = deps;
  const { ledger, clock } = pay;
  const known = new Map<string, Promise<unknown>>();
  const admission = pLimit(admissionsAtOnce);

  /** Events make their batches themselves; a file's batch was made by whoever published it. */
  const ensureBatch = (batchId: string, { source }: Occurrence): Promise<unknown> => {
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

  const putAside = async (record: Message, reason: string, text: string): Promise<void> => {
    await deps.sendToDeadLetter({ record, reason, message: text });
    await ledger.countDeadLetter(occurrenceOfMessage(record));
  };

  /**
   * While another instance sends it, for a message that two of them have: should its send prove unsent, nobody else would
   * come back to it. When that instance has died, the lease's end makes it `unknown`.
   */
  const whenNotUnderWay = async (record: LedgerRecord): Promise<LedgerRecord> => {
    let current = record;
    while (current.status === 'submitting') {
      await clock.sleep(lookAgainMs, pay.signal).catch(() => undefined);
      if (pay.signal.aborted) throw new UnfinishedError();
      current = (await ledger.record(record.recordId)) ?? current;
    }
    return current;
  };

  return async (message) => {
    const reading = readMessage(message, { now: clock.now(), ...(maxAmount === undefined ? {} : { maxAmount }), open });
    if (reading.type === 'dead') {
      await putAside(message, reading.reason, reading.message);
      return;
    }
    const { occurrence, batchId } = reading;
    await ensureBatch(batchId, occurrence);
    const at = clock.now();
    const content = toAdmission(pay.fingerprints, reading.reading);
    const verdict = await admission(() => admitOne(ledger, { occurrence, batchId, at, content }));
    if (verdict.type === 'totals_full') {
      await putAside(message, 'totals_full', `The totals of batch ${batchId} have no room for it: they end at 2^63-1. It is not paid.`);
      return;
    }
    if (verdict.type !== 'settled') {
      let record = await whenNotUnderWay(verdict.record);
      // Ours may have been refused elsewhere meanwhile, and its id be another instruction's by now.
      while (record.status === 'queued' && isSameOccurrence(record.occurrence, occurrence)) {
        if (reading.reading.ok && pay.fingerprints.fingerprint(reading.reading.draft) !== record.fingerprint) {
          await putAside(message, 'place_taken', 'Another instruction came from the file and line that its headers name. It is not paid.');
          return;
        }
        record = await dispatchAdmitted(pay, record, reading.reading);
        if (record.status === 'queued' && isSameOccurrence(record.occurrence, occurrence)) throw new UnfinishedError();
        // Another instance, which had the message too, may have been quicker.
        record = await whenNotUnderWay(record);
      }
    }
    pay.publisher.notify();
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
