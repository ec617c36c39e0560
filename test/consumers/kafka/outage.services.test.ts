import { afterAll, beforeAll, expect, it } from 'vitest';
import { readTopic } from '../../../consumers/kafka/read-topic.ts';
import { startKafka, type KafkaCluster } from '../../support/local-servers.ts';
import { Broker, numberOf, pause, until } from './broker.ts';

let kafka: KafkaCluster;
let broker: Broker;
beforeAll(async () => {
  kafka = await startKafka();
  broker = new Broker(kafka.brokers);
  await broker.connect();
});
afterAll(() => kafka.stop());

it('a consumer continues after an outage longer than its session, and reports it once', async () => {
  const topic = await broker.topic(2);
  await broker.publishNumbers(topic, 10, 2);
  const seen = new Set<number>();
  const work = broker.work(topic, { handle: async (record) => void seen.add(numberOf(record)) });
  const read: number[] = [];
  const reading = (async () => {
    for await (const record of readTopic({
      createKafka: broker.createKafka,
      topic,
      from: 'beginning',
      until: 'never',
      signal: new AbortController().signal,
      groupPrefix: broker.prefix,
    })) {
      read.push(numberOf(record));
      if (read.length === 20) return;
    }
  })();
  await until('ten were handled', () => seen.size === 10 && read.length === 10);
  const node = kafka.nodes[0];
  await node?.stop('SIGKILL');
  await pause(12_000);
  await until('it is reported', () => broker.warnings.length > 0);
  expect(broker.warnings).toHaveLength(1);
  expect(broker.warnings[0]).toMatch(/^Kafka at 127\.0\.0\.1:\d+ could not be reached for \d+ s to read .* Retrying/);
  await until('nothing is assigned any more', () => work.assigned().length === 0);
  await node?.start();
  await broker.leads(topic, 2);
  await broker.publishNumbers(topic, 10, 2, 10);
  await until('the rest was handled', () => seen.size === 20, 90_000);
  await until('all are committed', async () => [...(await broker.committed(topic, topic)).values()].every((offset) => offset === 10));
  await reading;
  expect(read.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(broker.warnings).toHaveLength(2);
  expect(broker.warnings[1]).toMatch(/^Kafka answers again/);
  await work.stop();
});

it('a consumer stops in time while no broker answers', async () => {
  const topic = await broker.topic();
  await broker.publishNumbers(topic, 3);
  const seen: number[] = [];
  const work = broker.work(topic, { handle: async (record) => void seen.push(numberOf(record)) });
  await until('they came', () => seen.length === 3);
  await kafka.nodes[0]?.stop('SIGKILL');
  const startedAt = performance.now();
  await work.stop();
  expect(performance.now() - startedAt).toBeLessThan(25_000);
});

it('a consumer reports it when no broker answers from the start', async () => {
  const work = broker.work('nowhere', { handle: async () => undefined });
  await expect(work.running).rejects.toThrow(
    /^Kafka at 127\.0\.0\.1:\d+ could not be reached for \d+ s to read nowhere: .*Check KAFKA_BROKERS/,
  );
});
