/**
 * The records of one topic-partition on their way: one send at a time, and what arrives meanwhile goes with the next.
 * What was not proven is sent again, the same batch, before anything behind it; so the partition's order is kept,
 * and a record may be there twice but never not at all.
 */
import type { Clock } from '../../batches/ports/clock.ts';
import { PublishError, publishError, tooLarge, whyOf } from './publish-error.ts';
import { batchOverheadBytes } from './record.ts';
import type { SentRecord, TopicClient } from './topic-client.ts';

const maxBatchRecords = 500;
const maxBatchBytes = 900_000;
const firstPauseMs = 200;
const longestPauseMs = 2_000;
/** Longer than a send may take with all that is tried inside it; then its connection is given up. */
const stuckAfterMs = 300_000;

export interface PendingRecord {
  readonly record: SentRecord;
  readonly bytes: number;
  readonly resolve: (written: { readonly offset: bigint }) => void;
  readonly reject: (error: PublishError) => void;
}

export interface PartitionProducer {
  push(item: PendingRecord): void;
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>;
  /** Rejects all that waits; nothing is sent after the send under way. */
  stop(): void;
}

export interface PartitionProducerOptions {
  readonly client: TopicClient;
  readonly topic: string;
  readonly partition: number;
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** A send failed and is tried again. */
  readonly onTrouble: (error: PublishError) => void;
  readonly onWritten: () => void;
}

type Sent = { readonly type: 'written'; readonly baseOffset: bigint } | { readonly type: 'failed'; readonly error: PublishError };

interface Sending {
  readonly startedAt: number;
  /** Never rejects. */
  readonly ended: Promise<Sent>;
}

export function createPartitionProducer({
  client,
  topic,
  partition,
  clock,
  deadlineMs,
  onTrouble,
  onWritten,
}: PartitionProducerOptions): PartitionProducer {
  let queue: PendingRecord[] = [];
  /** Parts of a batch that was too large as a whole, to be sent before the queue. */
  let parts: PendingRecord[][] = [];
  let batchBytes = maxBatchBytes;
  /** Being sent. */
  let current: readonly PendingRecord[] = [];
  /** A send that nobody waits for any more and that may still write. */
  let abandoned: Sending | undefined;
  /** Since when nothing was written though something waits; the deadline counts from here. */
  let since = 0;
  let running: Promise<void> | undefined;
  let stopped = false;

  const send = (batch: readonly PendingRecord[]): Sending => ({
    startedAt: clock.now(),
    ended: client
      .send(
        partition,
        batch.map(({ record }) => record),
      )
      .then(
        (baseOffset): Sent => ({ type: 'written', baseOffset }),
        (cause: unknown): Sent => ({ type: 'failed', error: publishError(topic, cause) }),
      ),
  });
  /** Together with all behind it: a later record must not be written while its caller comes again with an earlier one. */
  const rejectAll = (error: PublishError): void => {
    const all = [...current, ...parts.flat(), ...queue];
    current = [];
    parts = [];
    queue = [];
    for (const { reject } of all) reject(error);
  };
  const unproven = (why: string, cause?: PublishError): PublishError =>
    new PublishError(
      'unproven',
      topic,
      `Kafka has not surely taken what was published to partition ${partition} of ${topic} within ${Math.round(deadlineMs / 1000)} s: ${why}. Publish it again.`,
      { cause },
    );
  const nextBatch = (): PendingRecord[] => {
    const part = parts.shift();
    if (part !== undefined) return part;
    let bytes = batchOverheadBytes;
    let count = 0;
    for (const item of queue) {
      bytes += item.bytes;
      if (count === maxBatchRecords || (count > 0 && bytes > batchBytes)) break;
      count += 1;
    }
    return queue.splice(0, count);
  };

  /** A batch may be too large where each of its records is not: halves are tried, down to the culprit. */
  const split = (batch: readonly PendingRecord[], error: PublishError): void => {
    const half = Math.ceil(batch.length / 2);
    parts = [batch.slice(0, half), batch.slice(half), ...parts];
    if (error.code === 'too_large') {
      const bytes = batch.reduce((sum, item) => sum + item.bytes, batchOverheadBytes);
      batchBytes = Math.min(batchBytes, Math.ceil(bytes / 2));
    }
  };
  const rejectOne = async (item: PendingRecord, error: PublishError): Promise<void> => {
    if (error.code !== 'too_large') return item.reject(error);
    const bytes = item.bytes + batchOverheadBytes;
    const maxBytes = await client.maxMessageBytes();
    item.reject(new PublishError('too_large', topic, tooLarge(topic, bytes, maxBytes), { cause: error, maxBytes }));
  };

  /** Ends when every record of the batch is resolved, rejected or in `parts`. */
  const deliver = async (batch: readonly PendingRecord[]): Promise<void> => {
    const deadline = since + deadlineMs;
    let last: PublishError | undefined;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      const sending = send(batch);
      const sent = await endedBy(clock, deadline, sending.ended);
      if (sent === 'late') {
        abandoned = sending;
        return rejectAll(unproven(last === undefined ? 'no answer came' : whyOf(last), last));
      }
      if (sent.type === 'written') {
        onWritten();
        for (const [index, { resolve }] of batch.entries()) resolve({ offset: sent.baseOffset + BigInt(index) });
        return;
      }
      const { error } = sent;
      if (stopped) return rejectAll(error);
      if (!error.retriable) {
        const ofOneRecord = error.code === 'too_large' || error.code === 'refused';
        if (ofOneRecord && batch.length > 1) return split(batch, error);
        await Promise.all(batch.map((item) => rejectOne(item, error)));
        return;
      }
      onTrouble(error);
      last = error;
      if (clock.now() + pauseMs >= deadline) return rejectAll(unproven(whyOf(error), error));
      await clock.sleep(pauseMs);
      if (stopped) return;
    }
  };

  /** Whether the next send may begin: one at a time also after a deadline. */
  const freeToSend = async (): Promise<boolean> => {
    if (abandoned === undefined) return true;
    const stuckAt = abandoned.startedAt + stuckAfterMs;
    const ended = await endedBy(clock, Math.min(stuckAt, since + deadlineMs), abandoned.ended);
    if (ended === 'late' && clock.now() < stuckAt) {
      rejectAll(unproven('an earlier send has not ended'));
      return false;
    }
    if (ended === 'late') client.renew();
    abandoned = undefined;
    return true;
  };
  const run = async (): Promise<void> => {
    // What is published in the same turn goes out together.
    await Promise.resolve();
    while (parts.length + queue.length > 0) {
      since = clock.now();
      if (!(await freeToSend())) continue;
      current = nextBatch();
      if (current.length > 0) await deliver(current);
      current = [];
    }
    running = undefined;
  };

  return {
    push(item) {
      queue.push(item);
      running ??= run();
    },
    idle: () => running ?? Promise.resolve(),
    stop() {
      stopped = true;
      rejectAll(new PublishError('closed', topic, `Publishing to ${topic} was closed before this was sent.`));
    },
  };
}

/** What the promise gives, or `late` when it has not given it by then. */
async function endedBy<Value>(clock: Clock, at: number, promise: Promise<Value>): Promise<Value | 'late'> {
  const enough = new AbortController();
  const late = clock.sleep(Math.max(at - clock.now(), 0), enough.signal).then(
    () => 'late' as const,
    () => 'late' as const,
  );
  const first = await Promise.race([promise, late]);
  enough.abort();
  return first;
}
