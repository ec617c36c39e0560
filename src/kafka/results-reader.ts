/** Result events from the results topic, in the order of each partition. */
import { readResultEvent, type ResultEvent } from '../../batches/record/result-event.ts';
import { readTopic, type TopicRecord } from '../../consumers/kafka/read-topic.ts';
import type { Config } from '../config/config.ts';
import { kafkaOf } from './client.ts';
import { topicNames } from './topic-plan.ts';

interface TopicReading {
  readonly follow: boolean;
  readonly from: 'beginning' | 'now' | number;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
  /** Called for a message that is not a result event, or of a version that is not known; default: `onWarning`. */
  readonly onSkipped?: (message: string) => void;
  /** Called once with `follow`, when what the topic had at the start is read. */
  readonly onCaughtUp?: () => void;
}

/** A message that is not a result event is reported and skipped. */
export async function* resultsFromTopic(config: Config, reading: TopicReading): AsyncGenerator<ResultEvent, void, undefined> {
  const { onWarning, onSkipped = onWarning } = reading;
  for await (const { value, partition, offset } of recordsOf(config, reading)) {
    const event = value === null ? undefined : parseResult(value);
    if (event !== undefined) yield event;
    else onSkipped(`the message at ${partition}/${offset} of the results topic is not a result event that this version reads; skipped`);
  }
}

/** Broker and machine may differ by that much; records that are read twice are skipped by their offsets. */
const clockDifferenceMs = 60_000;

async function* recordsOf(config: Config, reading: TopicReading): AsyncGenerator<TopicRecord, void, undefined> {
  const { from, follow, signal, onWarning, onCaughtUp } = reading;
  const createKafka = kafkaOf(config, (level, message) => {
    if (level === 'warn' || level === 'error') onWarning(message);
  });
  const topic = topicNames(config.settings.KAFKA_TOPIC_PREFIX).results;
  const common = { createKafka, topic, signal, groupPrefix: `${config.settings.KAFKA_GROUP}-tail` };
  const start = typeof from === 'number' ? { time: from } : from;
  if (from === 'now') onCaughtUp?.();
  if (!follow || onCaughtUp === undefined || from === 'now') {
    yield* readTopic({ ...common, from: start, until: follow ? 'never' : 'end' });
    return;
  }
  // First what is there, then what comes: the second reading starts a little before the end of the first.
  const startedAt = Date.now();
  const read = new Map<number, bigint>();
  for await (const record of readTopic({ ...common, from: start, until: 'end' })) {
    read.set(record.partition, record.offset);
    yield record;
  }
  onCaughtUp();
  for await (const record of readTopic({
    ...common,
    from: { time: Math.max(startedAt - clockDifferenceMs, typeof from === 'number' ? from : 0) },
    until: 'never',
  })) {
    if (record.offset > (read.get(record.partition) ?? -1n)) yield record;
  }
}

/** Undefined for any other message: other programs may write to the topic too. */
export const parseResult = (value: Buffer): ResultEvent | undefined => readResultEvent(value.toString('utf8'));
