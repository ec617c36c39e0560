/**
 * One message of the instructions topic, to its first durable and published outcome: what is durable before what is
 * in `batches/pipeline/dispatch.ts`. The message's offset may be committed only when this resolves.
 */
import pLimit from 'p-limit';
import {
  occurrenceOfMessage,
  readMessage,
  traceparentOfMessage,
  type InstructionMessage,
  type MessageReading,
  type OpenSealed,
} from '../event/read-message.ts';
import { isSameOccurrence } from '../instruction/instruction.ts';
import type { ReadingOptions } from '../instruction/reading-options.ts';
import type { Clock } from '../ports/clock.ts';
import type { SharedLedger } from '../ports/ledger.ts';
import { admitOne } from '../ports/single.ts';
import { noTracing, type Span } from '../ports/tracer.ts';
import type { Fingerprints } from '../record/fingerprint.ts';
import { isSameFingerprint } from '../record/packed.ts';
import { isParked, waitsForLook } from '../record/parking.ts';
import type { Admission, LedgerRecord, Verdict } from '../record/record.ts';
import { createAdmitAndSend, type AdmitAndSendDeps, type SentVerdict } from './admit-and-send.ts';
import type { DispatchDeps } from './dispatch.ts';
import { createBatchOpener, type BatchOpening } from './ensure-batch.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import { dispatchAdmitted, toAdmission } from './process-instruction.ts';
import { readingEnd } from './spans.ts';

/** A message that cannot be answered under a record id, with why. */
export interface DeadLetterOf<Message> {
  readonly record: Message;
  readonly reason: string;
  readonly message: string;
}

export type MessageProcessorDeps<Message extends InstructionMessage> = AdmitAndSendDeps & {
  readonly ledger: BatchOpening & Pick<SharedLedger, 'admit' | 'record' | 'countDeadLetter'>;
  readonly fingerprints: Fingerprints;
  readonly publisher: Pick<OutboxRelay, 'notify' | 'published'>;
  readonly maxAmount: ReadingOptions['maxAmount'];
  readonly open: OpenSealed;
  /** Resolves when the dead letter is durably on its topic. */
  readonly sendToDeadLetter: (letter: DeadLetterOf<Message>) => Promise<void>;
  /** Receives how long a message waited for its first outcome, in milliseconds. */
  readonly onOutcome: (waitedMs: number) => void;
};

/**
 * Goes on when the message's partition is assigned to another instance meanwhile: the instance that writes the intent
 * first sends, and the other one sees that. Rejects with `UnfinishedError` when stopping before it was sent.
 */
export type MessageProcessor<Message> = (message: Message) => Promise<void>;

const lookAgainMs = 500;
/** A whole window of messages arrives at once after a rebalance: intents must not queue behind its admissions. */
const admissionsAtOnce = 64;

type Instruction = Extract<MessageReading, { type: 'instruction' }>;

export function createMessageProcessor<Message extends InstructionMessage>(deps: MessageProcessorDeps<Message>): MessageProcessor<Message> {
  const { ledger, clock, maxAmount, open } = deps;
  const ensureBatch = createBatchOpener(ledger);
  const admission = pLimit(admissionsAtOnce);
  const admitAndSend = createAdmitAndSend(deps);

  const deadLetter = async (record: Message, reason: string, message: string): Promise<void> => {
    await deps.sendToDeadLetter({ record, reason, message });
    await ledger.countDeadLetter(occurrenceOfMessage(record));
  };
  const admit = async ({ occurrence, batchId }: Instruction, content: Admission['content']): Promise<Verdict | SentVerdict> => {
    await ensureBatch({ batchId, occurrence, at: clock.now() });
    return admitAndSend({ occurrence, batchId, at: clock.now(), content }, () =>
      admission(() => admitOne(ledger, { occurrence, batchId, at: clock.now(), content })),
    );
  };

  const validate = (message: Message, root: Span): MessageReading => {
    const span = deps.tracer.start('validate', { parent: root.traceparent });
    const read = readMessage(message, { now: clock.now(), ...(maxAmount === undefined ? {} : { maxAmount }), open });
    span.end(readingEnd(read));
    return read;
  };

  const work = async (message: Message, root: Span): Promise<void> => {
    const read = inTrace(validate(message, root), root);
    if (read.type === 'dead') return deadLetter(message, read.reason, read.message);
    const content = toAdmission(deps.fingerprints, read.reading);
    const fingerprint = content.type === 'valid' ? content.fingerprint : undefined;
    const verdict = await admit(read, content);
    if (verdict.type === 'totals_full') {
      const text = `The totals of batch ${read.batchId} cannot include it: they would exceed 2^63-1. It is not paid.`;
      return deadLetter(message, 'totals_full', text);
    }
    const isTaken =
      verdict.type === 'place_taken' ||
      (verdict.type !== 'settled' && (await sendWhileQueued(deps, { read, fingerprint, verdict })) === 'place_taken');
    if (isTaken)
      return deadLetter(
        message,
        'place_taken',
        'Another record id came from the same file and line, or partition and offset. It is not paid.',
      );
    deps.publisher.notify();
    await deps.publisher.published();
    deps.onOutcome(clock.now() - message.timestamp);
  };

  return async (message) => {
    const { topic, partition, offset } = message;
    const root = deps.tracer.isOn
      ? deps.tracer.start('instruction', {
          parent: traceparentOfMessage(message),
          attributes: {
            'messaging.destination.name': topic,
            'messaging.destination.partition.id': String(partition),
            'messaging.kafka.offset': Number(offset),
          },
        })
      : noTracing.start('instruction');
    try {
      await work(message, root);
      root.end();
    } catch (cause) {
      root.fail(cause instanceof UnfinishedError ? 'unfinished' : 'failed');
      throw cause;
    }
  };
}

/** What follows, also in other processes, belongs to the span of this message. */
function inTrace(read: MessageReading, { traceparent }: Span): MessageReading {
  if (read.type === 'dead' || traceparent === undefined) return read;
  const { occurrence } = read;
  return { ...read, occurrence: { ...occurrence, source: { ...occurrence.source, traceparent } } };
}

type QueueDeps = DispatchDeps & {
  readonly ledger: Pick<SharedLedger, 'record'>;
  readonly clock: Clock;
};

/**
 * Sends the instruction until its record is queued no more.
 *
 * @param fingerprint of what was read; undefined for what is refused
 */
async function sendWhileQueued(
  deps: QueueDeps,
  {
    read,
    fingerprint,
    verdict,
  }: {
    readonly read: Instruction;
    readonly fingerprint: string | undefined;
    readonly verdict: Extract<Verdict | SentVerdict, { record: LedgerRecord }>;
  },
): Promise<'done' | 'place_taken'> {
  const { occurrence, reading } = read;
  // It may have been rejected by another instance, and its record id be another instruction's by now.
  const isOurs = (record: LedgerRecord): boolean => record.status === 'queued' && isSameOccurrence(record.occurrence, occurrence);
  // Parked with its body: nothing behind it waits.
  const isLeft = (record: LedgerRecord): boolean => isOurs(record) && isParked(record) && !record.hasCardNumber;
  let record = await whenNotSubmitting(deps, verdict.record);
  if (verdict.type === 'sent' && isLeft(record)) return 'done';
  while (isOurs(record)) {
    if (fingerprint !== undefined && !isSameFingerprint(record.fingerprint, fingerprint)) return 'place_taken';
    if (record.attempt > 1) return 'done';
    record = await dispatchAdmitted(deps, record, reading);
    if (isLeft(record)) return 'done';
    if (isOurs(record) && isParked(record) && !waitsForLook(record)) {
      // A body with a card number is never kept: the message itself waits.
      await deps.clock.sleep(lookAgainMs, deps.signal).catch(() => undefined);
      if (deps.signal.aborted) throw new UnfinishedError();
      record = (await deps.ledger.record(record.recordId)) ?? record;
      continue;
    }
    if (isOurs(record)) throw new UnfinishedError();
    // Another instance that has the message too may have been quicker.
    record = await whenNotSubmitting(deps, record);
  }
  return 'done';
}

/**
 * Waits while another instance sends the record: if its send proves unsent, no other instance would come back to it.
 * When that instance has died, the end of the lease makes the record `unknown`.
 */
async function whenNotSubmitting(deps: Pick<QueueDeps, 'clock' | 'ledger' | 'signal'>, record: LedgerRecord): Promise<LedgerRecord> {
  let current = record;
  while (current.status === 'submitting') {
    await deps.clock.sleep(lookAgainMs, deps.signal).catch(() => undefined);
    if (deps.signal.aborted) throw new UnfinishedError();
    current = (await deps.ledger.record(record.recordId)) ?? current;
  }
  return current;
}

/** The message was not finished because the instance is stopping. */
export class UnfinishedError extends Error {
  override readonly name = 'UnfinishedError';
  constructor() {
    super('stopped before the instruction was sent');
  }
}
