/** Result events from the results topic, in the order of each partition. */
import { resultSchema, type ResultEvent } from '../../batches/record/result-event.ts';
import { readTopic } from '../../consumers/kafka/read-topic.ts';
import type { Config } from '../config/config.ts';
import { kafkaOf } from './client.ts';
import { topicNames } from './topic-plan.ts';

interface TopicReading {
  readonly follow: boolean;
  readonly from: 'beginning' | 'now' | number;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
}

/** A message that is not a result event is reported and skipped. */
export async function* resultsFromTopic(config: Config, reading: TopicReading): AsyncGenerator<ResultEvent, void, undefined> {
  const { from, follow, signal, onWarning } = reading;
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
    if (event === undefined) onWarning(`the message at ${partition}/${offset} of the results topic is not a result event; skipped`);
    else yield event;
  }
}

/** Undefined for any other message: other programs may write to the topic too. */
export function parseResult(value: Buffer): ResultEvent | undefined {
  try {
    return resultSchema.safeParse(JSON.parse(value.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
