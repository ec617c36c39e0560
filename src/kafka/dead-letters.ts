/** Dead letters as the topic has them; their headers: docs/results.md. */
import { readTopic, type TopicRecord } from '../../consumers/kafka/read-topic.ts';
import type { CreateKafka } from './client.ts';

/**
 * @property place partition and offset on the topic of dead letters, such as `0/12`
 * @property failedAt ISO 8601
 * @property truncated the message was too large and is not whole
 */
export interface DeadLetter {
  readonly place: string;
  readonly reason: string;
  readonly message: string;
  readonly source: { readonly topic: string; readonly partition: string; readonly offset: string };
  readonly failedAt: string;
  readonly truncated: boolean;
  readonly record: TopicRecord;
}

/** All of them, in the order of each partition. */
export async function* readDeadLetters(createKafka: CreateKafka, topic: string): AsyncGenerator<DeadLetter, void, undefined> {
  const signal = new AbortController().signal;
  for await (const record of readTopic({ createKafka, topic, from: 'beginning', until: 'end', signal, groupPrefix: 'disburse-letters' })) {
    const header = (name: string): string => record.headers[name]?.toString('utf8') ?? '';
    yield {
      place: `${record.partition}/${record.offset}`,
      reason: header('reason'),
      message: header('message'),
      source: { topic: header('source_topic'), partition: header('source_partition'), offset: header('source_offset') },
      failedAt: header('failed_at'),
      truncated: record.headers['truncated'] !== undefined,
      record,
    };
  }
}
