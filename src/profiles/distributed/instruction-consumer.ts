/** Consumes the instructions topic: each message to its first durable and published outcome, the rest to the dead letters. */
import { createMessageProcessor, type MessageProcessorDeps } from '../../../batches/pipeline/process-message.ts';
import type { Worker } from '../../../batches/pipeline/worker.ts';
import { consume, type Consumption } from '../../../consumers/kafka/group/consume.ts';
import type { TopicRecord } from '../../../consumers/kafka/topic-record.ts';
import { createDeadLetters, type DeadLetter, type DeadLetters } from '../../../producers/dead-letters.ts';
import { PublishError } from '../../../producers/kafka/publish-error.ts';
import { monotonicClock, systemClock } from '../../clock.ts';
import { openLetterSeal } from '../../kafka/dead-letter-seal.ts';
import { createTopicSeal } from '../../ledger/seal.ts';
import type { ProfileParams } from '../profile.ts';
import type { Connected } from './connect.ts';

/**
 * Messages in flight: enough to go on sending while the group rebalances, which takes ten seconds and more when a member
 * died.
 */
const window = 1_024;
/**
 * How long a rebalance waits for what is under way. Short, because the whole group waits with us: what takes longer goes
 * on meanwhile, and the instance that reads it again waits for its outcome.
 */
const drainMs = 2_000;
const redeliverMs = 1_000;

export interface InstructionConsumer extends Worker {
  isMember(): boolean;
  /** Records behind the end, by partition. */
  lag(): ReadonlyMap<number, number>;
  /** Milliseconds since Kafka last answered a fetch. */
  fetchAgeMs(): number;
  /** Records between admission and outcome. */
  inFlight(): number;
}

export interface InstructionConsumerParams {
  readonly params: ProfileParams;
  readonly connected: Connected;
  readonly deps: Omit<MessageProcessorDeps<TopicRecord>, 'maxAmount' | 'open' | 'sendToDeadLetter' | 'onOutcome'>;
}

export function createInstructionConsumer(consumer: InstructionConsumerParams): InstructionConsumer {
  const { params, connected, deps } = consumer;
  const { config, stopping, logger, metrics } = params;
  const { settings } = config;
  const work = createMessageProcessor<TopicRecord>({
    ...deps,
    maxAmount: settings.MAX_AMOUNT,
    open: createTopicSeal(connected.ledgerKey).open,
    sendToDeadLetter: deadLetterSink(consumer),
    onOutcome: (waitedMs) => metrics?.eventToResult(waitedMs),
  });
  let inFlight = 0;
  let reading: Consumption | undefined;
  let failure: { readonly cause: unknown } | undefined;
  const start = (wake: () => void): void => {
    reading = consume({
      createKafka: connected.createKafka,
      groupId: settings.KAFKA_GROUP,
      topic: connected.topics.instructions,
      handle: async (record) => {
        inFlight += 1;
        try {
          await work(record);
        } finally {
          inFlight -= 1;
        }
      },
      window,
      clock: monotonicClock,
      onWarning: (message) => logger.warn(message),
      drainMs,
    });
    reading.running.catch((cause: unknown) => {
      failure = { cause };
      wake();
    });
    // At once, so that what gives up waiting is known to be unfinished rather than failed.
    stopping.signal.addEventListener('abort', () => void leave(), { once: true });
  };
  // How it ended was reported when it ended.
  const leave = (): Promise<void> => reading?.stop().catch(() => undefined) ?? Promise.resolve();
  return {
    name: 'instruction consumer',
    started: start,
    async tick() {
      if (failure !== undefined) throw failure.cause;
      return Number.POSITIVE_INFINITY;
    },
    drain: leave,
    isMember: () => reading?.isMember() === true,
    lag: () => reading?.lag() ?? new Map<number, number>(),
    fetchAgeMs: () => monotonicClock.now() - (reading?.lastFetchAt() ?? monotonicClock.now()),
    inFlight: () => inFlight,
  };
}

function deadLetterSink({
  params: { logger, stopping },
  connected,
}: InstructionConsumerParams): (letter: DeadLetter & { readonly record: TopicRecord }) => Promise<void> {
  const seal = openLetterSeal(connected.ledgerKey);
  const letters = createDeadLetters({
    publisher: connected.topicPublisher,
    topic: connected.topics.deadLetters,
    seal: seal.close,
    clock: systemClock,
  });
  return (letter) => {
    const { record, reason } = letter;
    const { topic, partition, offset, value, poison } = record;
    logger.warn({ reason, topic, partition, offset: String(offset) }, 'message sent to the dead letters');
    // A batch that cannot be decompressed may hold card numbers that no reader can find: all of it is sealed.
    const kept = poison === undefined || value === null ? value : Buffer.from(`sealed:v1:${seal.close(value)}`);
    return putUntilTaken(letters, { ...letter, record: { ...record, value: kept } }, stopping.signal);
  };
}

/** While Kafka does not take it, the message stays where it is, and its partition waits. */
async function putUntilTaken(letters: DeadLetters, letter: DeadLetter, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await letters.put(letter);
      return;
    } catch (cause) {
      if (!(cause instanceof PublishError && cause.retriable) || signal.aborted) throw cause;
    }
    await systemClock.sleep(redeliverMs, signal);
  }
}
