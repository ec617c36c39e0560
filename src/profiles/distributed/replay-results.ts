/** Publishes events of the results topic again: the same keys and values, as new messages. */
import type { ResultEvent } from '../../../batches/record/result-event.ts';
import { createTopicPublisher } from '../../../producers/kafka/publisher.ts';
import { systemClock } from '../../clock.ts';
import type { Config } from '../../config/config.ts';
import { createReplayStore, type StoredEvent } from '../../files/replay-store.ts';
import { kafkaOf } from '../../kafka/client.ts';
import { traceparentOf } from '../../../batches/record/result-members.ts';
import { parseResult, recordsOf, replayedHeader } from '../../kafka/results-reader.ts';
import { topicNames } from '../../kafka/topic-plan.ts';

interface ReplayParams {
  readonly from: 'beginning' | number;
  readonly matches: (event: ResultEvent) => boolean;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
  readonly onSkipped: (message: string) => void;
}

const groupSize = 500;
/** Events are published after they occurred, and clocks of machines differ. */
const clockDifferenceMs = 60_000;

/**
 * Reads what the topic has at the start, in bounded memory, then publishes. What was published when it fails is harmless: readers
 * take each event id once.
 *
 * @returns how many events the brokers acknowledged
 * @throws PublishError
 */
export async function replayTopic(config: Config, params: ReplayParams): Promise<number> {
  const { from, matches, signal, onWarning, onSkipped } = params;
  const store = createReplayStore();
  try {
    const start = from === 'beginning' ? from : Math.max(from - clockDifferenceMs, 0);
    for await (const { key, value, partition, offset } of recordsOf(config, { from: start, follow: false, signal, onWarning }, 'results')) {
      const event = value === null ? undefined : parseResult(value);
      if (event === undefined)
        onSkipped(`the message at ${partition}/${offset} of the results topic is not a result event that this version reads; skipped`);
      else if (matches(event)) store.add({ eventId: event.event_id, key, value: value as Buffer });
    }
    signal.throwIfAborted();
    return await publish(config, store.groups(groupSize), params);
  } finally {
    store.close();
  }
}

async function publish(config: Config, groups: Iterable<readonly StoredEvent[]>, { signal, onWarning }: ReplayParams): Promise<number> {
  const createKafka = kafkaOf(config, (level, message) => {
    if (level === 'warn' || level === 'error') onWarning(message);
  });
  const topic = topicNames(config.settings.KAFKA_TOPIC_PREFIX).results;
  const publisher = createTopicPublisher({ createKafka, clock: systemClock, onWarning });
  let published = 0;
  try {
    for (const group of groups) {
      signal.throwIfAborted();
      // In one turn, so that events of a record stay in their order.
      const partitions = await Promise.all(group.map(({ key, eventId }) => publisher.partitionFor(topic, key ?? eventId)));
      await Promise.all(
        group.map(({ key, value }, index) => {
          const traceparent = traceparentOf(value.toString());
          const headers = { [replayedHeader]: 'true', ...(traceparent === undefined ? {} : { traceparent }) };
          return publisher.publish({ topic, partition: partitions[index] as number, key, value, headers });
        }),
      );
      published += group.length;
    }
    return published;
  } finally {
    await publisher.close(5_000);
  }
}
