/** Result events from the results topic, and alerts from theirs, in the order of each partition. */
import type { AlertEvent } from '../../batches/record/alert-event.ts';
import { readResultEvent, type ResultEvent } from '../../batches/record/result-event.ts';
import { readTopic, type TopicRecord } from '../../consumers/kafka/read-topic.ts';
import { parseAlert } from '../../producers/results-reader.ts';
import type { Config } from '../config/config.ts';
import { kafkaOf } from './client.ts';
import { topicNames } from './topic-plan.ts';

/** A header of results that were published again: what they say of the ledger is not the newest. */
export const replayedHeader = 'replayed';

interface TopicReading {
  readonly follow: boolean;
  readonly from: 'beginning' | 'now' | number;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
  /** Called for a message that is no such event, or of a version that is not known; default: `onWarning`. */
  readonly onSkipped?: (message: string) => void;
  /** Called once with `follow`, when what the topic had at the start is read. */
  readonly onCaughtUp?: () => void;
}

/** A message that is not a result event is reported and skipped. */
export const resultsFromTopic = (config: Config, reading: TopicReading): AsyncGenerator<ResultEvent, void, undefined> =>
  eventsFromTopic(config, reading, { topic: 'results', what: 'a result event', parse: parseResult });

/** A message that is not an alert is reported and skipped. */
export const alertsFromTopic = (config: Config, reading: TopicReading): AsyncGenerator<AlertEvent, void, undefined> =>
  eventsFromTopic(config, reading, { topic: 'alerts', what: 'an alert', parse: (value) => parseAlert(value.toString('utf8')) });

interface EventTopic<Event> {
  readonly topic: 'results' | 'alerts';
  /** What its messages are, for people. */
  readonly what: string;
  readonly parse: (value: Buffer) => Event | undefined;
}

async function* eventsFromTopic<Event>(
  config: Config,
  reading: TopicReading,
  { topic, what, parse }: EventTopic<Event>,
): AsyncGenerator<Event, void, undefined> {
  const { onWarning, onSkipped = onWarning } = reading;
  for await (const { value, partition, offset } of recordsOf(config, reading, topic)) {
    const event = value === null ? undefined : parse(value);
    if (event !== undefined) yield event;
    else onSkipped(`the message at ${partition}/${offset} of the ${topic} topic is not ${what} that this version reads; skipped`);
  }
}

/** Broker and machine may differ by that much; records that are read twice are skipped by their offsets. */
const clockDifferenceMs = 60_000;

/** The messages of one of our topics as they are. */
export async function* recordsOf(
  config: Config,
  reading: TopicReading,
  name: 'results' | 'alerts',
): AsyncGenerator<TopicRecord, void, undefined> {
  const { from, follow, signal, onWarning, onCaughtUp } = reading;
  const createKafka = kafkaOf(config, (level, message) => {
    if (level === 'warn' || level === 'error') onWarning(message);
  });
  const topic = topicNames(config.settings.KAFKA_TOPIC_PREFIX)[name];
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
