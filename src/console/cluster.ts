/** What pages ask of Kafka: its topics, and how many instances there are. A page never waits long for it, and asks seldom. */
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { kafkaOf } from '../kafka/client.ts';
import type { Logger } from '../logger.ts';
import { defaultPartitions, instancesOf, topicReports, type TopicsState } from '../views/topics.ts';

export type Found<Value> = { readonly type: 'found'; readonly value: Value } | { readonly type: 'failed'; readonly why: string };

export interface Cluster {
  topics(): Promise<Found<TopicsState>>;
  instances(): Promise<Found<number>>;
}

const keptMs = 10_000;
const waitMs = 3_000;

/** Null in the stand-alone profile. */
export function watchCluster(config: Config, logger: Logger): Cluster | null {
  if (config.servers === null) return null;
  const createKafka = kafkaOf(config, (level, message) => logger[level](message));
  const instances = keep(() => instancesOf(createKafka, config));
  const topics = keep(async () => {
    const reports = await topicReports(createKafka, config, { clock: systemClock, partitions: defaultPartitions, create: false });
    return { reports, instances: await instancesOf(createKafka, config) };
  });
  return { topics, instances };
}

interface Timing {
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** Asks once at a time, keeps an answer for 10 s, and answers within 3 s of the asking in any case. */
export function keep<Value>(ask: () => Promise<Value>, { now, sleep }: Timing = systemClock): () => Promise<Found<Value>> {
  let kept: { readonly answer: Promise<Found<Value>>; readonly lateAt: number; endsAt: number } | undefined;
  const start = () => {
    const answer = ask().then(
      (value): Found<Value> => ({ type: 'found', value }),
      (cause: unknown): Found<Value> => ({ type: 'failed', why: cause instanceof Error ? cause.message : String(cause) }),
    );
    const asked = { answer, lateAt: now() + waitMs, endsAt: Infinity };
    kept = asked;
    void answer.then(() => {
      asked.endsAt = now() + keptMs;
    });
    return asked;
  };
  return async () => {
    const { answer, lateAt } = kept !== undefined && now() < kept.endsAt ? kept : start();
    const done = new AbortController();
    const late = sleep(Math.max(0, lateAt - now()), done.signal).then(
      (): Found<Value> => ({ type: 'failed', why: `Kafka did not answer within ${waitMs / 1_000} s.` }),
      (): Found<Value> => ({ type: 'failed', why: '' }),
    );
    try {
      return await Promise.race([answer, late]);
    } finally {
      done.abort();
    }
  };
}
