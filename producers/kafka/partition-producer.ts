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

/** What waits for a partition and what is being sent. */
interface Queue {
  waiting: PendingRecord[];
  /** Parts of a batch that was too large as a whole, to be sent before what waits. */
  parts: PendingRecord[][];
  batchBytes: number;
  /** Being sent. */
  current: readonly PendingRecord[];
  /** A send that was given up and may still write. */
  abandoned: Sending | undefined;
  /** Since when nothing was written though something waits; the deadline counts from here. */
  since: number;
  stopped: boolean;
}

export function createPartitionProducer(options: PartitionProducerOptions): PartitionProducer {
  const { topic, clock } = options;
  const queue: Queue = { waiting: [], parts: [], batchBytes: maxBatchBytes, current: [], abandoned: undefined, since: 0, stopped: false };
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    // What is published in the same turn goes out together.
    await Promise.resolve();
    while (queue.parts.length + queue.waiting.length > 0) {
      queue.since = clock.now();
      if (!(await freeToSend(queue, options))) continue;
      queue.current = nextBatch(queue);
      if (queue.current.length > 0) await deliver(queue, options, queue.current);
      queue.current = [];
    }
    running = undefined;
  };
  return {
    push(item) {
      queue.waiting.push(item);
      running ??= run();
    },
    idle: () => running ?? Promise.resolve(),
    stop() {
      queue.stopped = true;
      rejectAll(queue, new PublishError('closed', topic, `Publishing to ${topic} was closed before this was sent.`));
    },
  };
}

const send = ({ client, topic, partition, clock }: PartitionProducerOptions, batch: readonly PendingRecord[]): Sending => ({
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

/** Together with all behind it: a later record must not be written while its caller publishes an earlier one again. */
function rejectAll(queue: Queue, error: PublishError): void {
  const all = [...queue.current, ...queue.parts.flat(), ...queue.waiting];
  queue.current = [];
  queue.parts = [];
  queue.waiting = [];
  for (const { reject } of all) reject(error);
}

const unproven = ({ topic, partition, deadlineMs }: PartitionProducerOptions, why: string, cause?: PublishError): PublishError =>
  new PublishError(
    'unproven',
    topic,
    `Kafka did not confirm within ${Math.round(deadlineMs / 1000)} s what was published to partition ${partition} of ${topic}: ${why}. Publish it again.`,
    { cause },
  );

function nextBatch(queue: Queue): PendingRecord[] {
  const part = queue.parts.shift();
  if (part !== undefined) return part;
  let bytes = batchOverheadBytes;
  let count = 0;
  for (const item of queue.waiting) {
    bytes += item.bytes;
    if (count === maxBatchRecords || (count > 0 && bytes > queue.batchBytes)) break;
    count += 1;
  }
  return queue.waiting.splice(0, count);
}

/** A batch may be too large where each of its records is not: halves are tried, down to the culprit. */
function split(queue: Queue, batch: readonly PendingRecord[], error: PublishError): void {
  const half = Math.ceil(batch.length / 2);
  queue.parts = [batch.slice(0, half), batch.slice(half), ...queue.parts];
  if (error.code !== 'too_large') return;
  const bytes = batch.reduce((sum, item) => sum + item.bytes, batchOverheadBytes);
  queue.batchBytes = Math.min(queue.batchBytes, Math.ceil(bytes / 2));
}

async function rejectOne({ client, topic }: PartitionProducerOptions, item: PendingRecord, error: PublishError): Promise<void> {
  if (error.code !== 'too_large') return item.reject(error);
  const bytes = item.bytes + batchOverheadBytes;
  const maxBytes = await client.maxMessageBytes();
  item.reject(new PublishError('too_large', topic, tooLarge(topic, bytes, maxBytes), { cause: error, maxBytes }));
}

/** What will not succeed on a later try either. */
async function refuse(
  queue: Queue,
  options: PartitionProducerOptions,
  batch: readonly PendingRecord[],
  error: PublishError,
): Promise<void> {
  const ofOneRecord = error.code === 'too_large' || error.code === 'refused';
  if (ofOneRecord && batch.length > 1) return split(queue, batch, error);
  await Promise.all(batch.map((item) => rejectOne(options, item, error)));
}

/** Ends when every record of the batch is resolved, rejected or in `parts`. */
async function deliver(queue: Queue, options: PartitionProducerOptions, batch: readonly PendingRecord[]): Promise<void> {
  const { clock, deadlineMs, onTrouble, onWritten } = options;
  const deadline = queue.since + deadlineMs;
  let last: PublishError | undefined;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const sending = send(options, batch);
    const sent = await endedBy(clock, deadline, sending.ended);
    if (sent === 'late') {
      queue.abandoned = sending;
      return rejectAll(queue, unproven(options, last === undefined ? 'no answer came' : whyOf(last), last));
    }
    if (sent.type === 'written') {
      onWritten();
      for (const [index, { resolve }] of batch.entries()) resolve({ offset: sent.baseOffset + BigInt(index) });
      return;
    }
    const { error } = sent;
    if (queue.stopped) return rejectAll(queue, error);
    if (!error.retriable) return refuse(queue, options, batch, error);
    onTrouble(error);
    last = error;
    if (clock.now() + pauseMs >= deadline) return rejectAll(queue, unproven(options, whyOf(error), error));
    await clock.sleep(pauseMs);
    if (queue.stopped) return;
  }
}

/** Whether the next send may start: one at a time also after a deadline. */
async function freeToSend(queue: Queue, options: PartitionProducerOptions): Promise<boolean> {
  const { clock, deadlineMs, client } = options;
  if (queue.abandoned === undefined) return true;
  const stuckAt = queue.abandoned.startedAt + stuckAfterMs;
  const ended = await endedBy(clock, Math.min(stuckAt, queue.since + deadlineMs), queue.abandoned.ended);
  if (ended === 'late' && clock.now() < stuckAt) {
    rejectAll(queue, unproven(options, 'an earlier send has not finished'));
    return false;
  }
  if (ended === 'late') client.renew();
  queue.abandoned = undefined;
  return true;
}

/** A reason of its own: an abort without one makes an error with a stack each time. */
const ended = new Error('the send has ended');

/** What the promise resolves with, or `late` when it has not resolved by then. */
async function endedBy<Value>(clock: Clock, at: number, promise: Promise<Value>): Promise<Value | 'late'> {
  const enough = new AbortController();
  const late = clock.sleep(Math.max(at - clock.now(), 0), enough.signal).then(
    () => 'late' as const,
    () => 'late' as const,
  );
  const first = await Promise.race([promise, late]);
  enough.abort(ended);
  return first;
}
