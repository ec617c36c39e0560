/** Result events from the results topic, in the order of each partition. */
import { readResultEvent, type ResultEvent } from '../../batches/record/result-event.ts';
import { readTopic } from '../../consumers/kafka/read-topic.ts';
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
}

/** A message that is not a result event is reported and skipped. */
export async function* resultsFromTopic(config: Config, reading: TopicReading): AsyncGenerator<ResultEvent, void, undefined> {
  const { from, follow, signal, onWarning, onSkipped = onWarning } = reading;
  const createKafka = kafkaOf(config, (level, message) => {
    if (level === 'warn' || level === 'error') onWarning(message);
  });
  const records = readTopic({
    createKafka,
    topic: topicNames(config.settings.KAFKA_TOPIC_PREFIX).results,
    from: typeof from === 'number' ? { time: from } : from,
    until: follow ? 'never' : 'end',
    signal,
    groupPrefix: `${config.settings.KAFKA_GROUP}-tail`,
  });
  for await (const { value, partition, offset } of records) {
    const event = value === null ? undefined : parseResult(value);
    if (event === undefined)
      onSkipped(`the message at ${partition}/${offset} of the results topic is not a result event that this version reads; skipped`);
    else yield event;
  }
}

/** Undefined for any other message: other programs may write to the topic too. */
export const parseResult = (value: Buffer): ResultEvent | undefined => readResultEvent(value.toString('utf8'));
