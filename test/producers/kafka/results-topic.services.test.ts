import { afterAll, describe, expect, it } from 'vitest';
import { createTopicPublisher } from '../../../producers/kafka/publisher.ts';
import { openResultsTopic } from '../../../producers/results-topic.ts';
import { systemClock } from '../../../src/clock.ts';
import { outboxEntry, resultSinkSuite } from '../../contracts/result-sink.suite.ts';
import { kafkaBrokers, uniquePrefix } from '../../support/services.ts';
import { realTopics } from './real-topics.ts';

const prefix = uniquePrefix();
const topics = realTopics(kafkaBrokers());
afterAll(() => topics.close());

const onWarning = (message: string): void => {
  throw new Error(`an unexpected warning: ${message}`);
};
const publisherOf = () => createTopicPublisher({ createKafka: topics.createKafka, clock: systemClock, onWarning });
const eventsOf = async (topic: string): Promise<{ readonly event_id: string }[]> =>
  (await topics.read(topic)).map(({ value }) => JSON.parse(String(value)) as { event_id: string });

let worlds = 0;
resultSinkSuite('results topic', async () => {
  const topic = await topics.make(`${prefix}.contract-${(worlds += 1)}`, 1);
  const publisher = publisherOf();
  return {
    open: async () => openResultsTopic({ publisher, topic, clock: systemClock, onWarning }),
    // A topic may hold an event twice; its readers take it once.
    read: async () => [...new Map((await eventsOf(topic)).map((event) => [event.event_id, event])).values()],
    close: () => publisher.close(5_000),
  };
});

describe('results on a real topic', () => {
  it('each event is there once, keyed by its record, and those of one record in order', async () => {
    const topic = await topics.make(`${prefix}.results`, 6);
    const publisher = publisherOf();
    const sink = openResultsTopic({ publisher, topic, clock: systemClock, onWarning });
    const entries = Array.from({ length: 3_000 }, (_, n) => outboxEntry(n, n % 10 === 0 ? {} : { record_id: `inv-${n % 37}` }));
    for (let at = 0; at < entries.length; at += 512) await sink.publish(entries.slice(at, at + 512));
    await sink.close();
    await publisher.close(5_000);
    const records = await topics.read(topic);
    expect(records.map(({ value }) => String(value)).toSorted()).toEqual(entries.map(({ json }) => json).toSorted());
    const lastOf = new Map<string, number>();
    const partitionsOf = new Map<string, Set<number>>();
    for (const { key, value, partition } of records) {
      const event = JSON.parse(String(value)) as { record_id?: string; number: number };
      expect(key?.toString()).toBe(event.record_id);
      if (event.record_id === undefined) continue;
      expect(event.number).toBeGreaterThan(lastOf.get(event.record_id) ?? -1);
      lastOf.set(event.record_id, event.number);
      partitionsOf.set(event.record_id, (partitionsOf.get(event.record_id) ?? new Set()).add(partition));
    }
    expect([...partitionsOf.values()].every(({ size }) => size === 1)).toBe(true);
    expect(new Set(records.map(({ partition }) => partition)).size).toBe(6);
  });
});
