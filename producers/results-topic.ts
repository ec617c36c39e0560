/**
 * Results of the distributed profile: values on a topic, keyed by record id so that all events of a record lie in one
 * partition in the order they were told. While Kafka is away they wait here and in the ledger, however long it takes.
 */
import type { Clock } from '../batches/ports/clock.ts';
import type { OutboxEntry, ResultSink } from '../batches/ports/result-sink.ts';
import { resultMembers, traceparentOf } from '../batches/record/result-members.ts';
import { PublishError } from './kafka/publish-error.ts';
import type { TopicPublisher } from './kafka/publisher.ts';

const pauseMs = 1_000;

/** @property onWarning told once for each outage */
export interface ResultsTopicOptions {
  readonly publisher: Pick<TopicPublisher, 'publish' | 'partitionFor'>;
  readonly topic: string;
  readonly clock: Clock;
  readonly onWarning: (message: string) => void;
  /** For messages; results by default. */
  readonly what?: 'results' | 'alerts';
}

interface Keyed {
  readonly key: string | null;
  /** What decides the partition. */
  readonly text: string;
  readonly value: string;
  /** The trace of the instruction, for the reader of the result. */
  readonly traceparent: string | undefined;
}

function keyed({ eventId, json }: OutboxEntry): Keyed {
  const { record_id: recordId } = resultMembers(json);
  const key = typeof recordId === 'string' && recordId !== '' ? recordId : null;
  return { key, text: key ?? eventId, value: json, traceparent: traceparentOf(json) };
}

/**
 * An event may stand twice on the topic, after a send that was not proven or a process that died: under the same
 * event id, by which readers take it once. There is no mark to keep. `close` gives up what still waits; the ledger
 * has it.
 *
 * `publish` rejects only with a PublishError that is permanent, or after `close`.
 */
export function openResultsTopic({ publisher, topic, clock, onWarning, what = 'results' }: ResultsTopicOptions): ResultSink {
  const closing = new AbortController();
  const closed = (waiting: number): Error =>
    new PublishError('closed', topic, `Publishing to ${topic} is closed; ${waiting} ${what} wait for the next start.`);

  /** One proof or one error for each. */
  const tryOnce = (results: readonly Keyed[]): Promise<PromiseSettledResult<unknown>[]> =>
    Promise.all(results.map(({ text }) => publisher.partitionFor(topic, text))).then(
      (partitions) =>
        Promise.allSettled(
          results.map(({ key, value, traceparent }, index) =>
            publisher.publish({
              ...{ topic, partition: partitions[index] as number, key, value },
              ...(traceparent === undefined ? {} : { headers: { traceparent } }),
            }),
          ),
        ),
      (reason: unknown) => results.map(() => ({ status: 'rejected', reason })),
    );

  const deliver = async (entries: readonly OutboxEntry[]): Promise<{ mark: null }> => {
    let waiting = entries.map(keyed);
    for (let warned = false; waiting.length > 0;) {
      if (closing.signal.aborted) throw closed(waiting.length);
      const outcomes = await tryOnce(waiting);
      const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
      const permanent = failures.find((failure) => !(failure instanceof PublishError && failure.retriable));
      if (permanent !== undefined) throw permanent as Error;
      waiting = waiting.filter((_, index) => outcomes[index]?.status === 'rejected');
      const failure = failures[0] as PublishError | undefined;
      if (failure === undefined || closing.signal.aborted) continue;
      if (!warned)
        onWarning(`${failure.message} ${waiting.length} ${what} wait and are retried until Kafka accepts them; nothing is lost.`);
      warned = true;
      await clock.sleep(pauseMs, closing.signal).catch(() => undefined);
    }
    return { mark: null };
  };

  const closedEarly = Promise.withResolvers<never>();
  // Without anybody waiting it is no error.
  closedEarly.promise.catch(() => undefined);
  /** Groups go out one after the other, in the order of the calls. */
  let last: Promise<unknown> = Promise.resolve();

  return {
    publish(entries) {
      if (closing.signal.aborted) return Promise.reject(closed(entries.length));
      const next = last.then(() => deliver(entries));
      last = next.catch(() => undefined);
      return Promise.race([next, closedEarly.promise]);
    },
    async close() {
      if (closing.signal.aborted) return;
      closing.abort(new Error('closed'));
      closedEarly.reject(
        new PublishError('closed', topic, `Publishing to ${topic} is closed; what was not published waits in the ledger.`),
      );
    },
  };
}
