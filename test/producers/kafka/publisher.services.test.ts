import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { PublishError } from '../../../producers/kafka/publish-error.ts';
import { createTopicPublisher, type TopicPublisher } from '../../../producers/kafka/publisher.ts';
import { systemClock } from '../../../src/clock.ts';
import { createKafkaFactory } from '../../../src/kafka/client.ts';
import { freePort } from '../../support/free-port.ts';
import { kafkaBrokers, uniquePrefix } from '../../support/services.ts';
import { realTopics } from './real-topics.ts';

const prefix = uniquePrefix();
const topics = realTopics(kafkaBrokers());
const warnings: string[] = [];
const publishers: TopicPublisher[] = [];

const publisherAt = (brokers: string, deadlineMs?: number): TopicPublisher => {
  const createKafka = createKafkaFactory({ brokers: brokers.split(','), clientId: prefix, logger: () => undefined });
  const onWarning = (message: string): number => warnings.push(message);
  const publisher = createTopicPublisher({
    createKafka,
    clock: systemClock,
    onWarning,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  });
  publishers.push(publisher);
  return publisher;
};
afterEach(async () => {
  for (const publisher of publishers.splice(0)) await publisher.close(1_000);
  warnings.length = 0;
});
afterAll(() => topics.close());

const failure = async (promise: Promise<unknown>): Promise<PublishError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error instanceof PublishError) return error;
  throw new Error('no PublishError', { cause: error });
};

describe('publishing to a real broker', () => {
  it('another client finds key, value, headers, time, partition and offset as they were given', async () => {
    const topic = await topics.make(`${prefix}.read`, 3);
    const publisher = publisherAt(kafkaBrokers());
    const before = Date.now();
    const headers = { reason: 'invalid_json', source_file: Buffer.from('může.csv') };
    expect(await publisher.publish({ topic, partition: 2, key: 'inv-1', value: '{"ž":1}', headers })).toEqual({ offset: 0n });
    expect(await publisher.publish({ topic, partition: 2, key: null, value: Buffer.from('bare') })).toEqual({ offset: 1n });
    expect(await publisher.publish({ topic, partition: 2, key: Buffer.from('k'), value: null })).toEqual({ offset: 2n });
    const found = await topics.read(topic);
    const text = (bytes: Buffer | null) => bytes?.toString('utf8') ?? null;
    expect(found.map(({ partition, offset, key, value }) => [partition, offset, text(key), text(value)])).toEqual([
      [2, 0n, 'inv-1', '{"ž":1}'],
      [2, 1n, null, 'bare'],
      [2, 2n, 'k', null],
    ]);
    expect(Object.fromEntries(Object.entries(found[0]?.headers ?? {}).map(([name, value]) => [name, String(value)]))).toEqual({
      reason: 'invalid_json',
      source_file: 'může.csv',
    });
    const at = Number(found[0]?.timestamp);
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now());
  });

  it('20,000 records of one turn lie there once each, in order, at the offsets that were told', async () => {
    const topic = await topics.make(`${prefix}.order`, 2);
    const publisher = publisherAt(kafkaBrokers());
    const told = await Promise.all(
      Array.from({ length: 20_000 }, (_, n) => publisher.publish({ topic, partition: n % 2, key: null, value: String(n) })),
    );
    const found = await topics.read(topic);
    expect(found.map(({ value }) => Number(value))).toEqual(
      Array.from({ length: 20_000 }, (_, at) => (at < 10_000 ? 2 * at : 2 * (at - 10_000) + 1)),
    );
    for (const { value, offset } of found) expect(told[Number(value)]?.offset).toBe(offset);
    expect(warnings).toEqual([]);
  });

  it('chooses the partition that other clients choose as Java does', async () => {
    const topic = await topics.make(`${prefix}.partitions`, 7);
    const keys = Array.from({ length: 60 }, (_, n) => `inv-${'x'.repeat(n % 5)}${n}`);
    const kafka = new Kafka({ brokers: kafkaBrokers().split(','), logLevel: logLevel.NOTHING });
    const other = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await other.connect();
    await other.send({ topic, messages: keys.map((key) => ({ key, value: 'value' })) });
    await other.disconnect();
    const found = await topics.read(topic);
    // A topic that was just made may make the client repeat itself.
    expect(new Set(found.map(({ key }) => String(key)))).toEqual(new Set(keys));
    const publisher = publisherAt(kafkaBrokers());
    for (const { key, partition } of found) expect(await publisher.partitionFor(topic, key as Buffer)).toBe(partition);
  });

  it('an unknown topic is reported with what to do', async () => {
    const publisher = publisherAt(kafkaBrokers());
    const error = await failure(publisher.publish({ topic: `${prefix}.none`, partition: 0, key: null, value: 'x' }));
    expect(error).toMatchObject({ code: 'unknown_topic', retriable: false });
    expect(error.message).toContain(`${prefix}.none`);
    expect(error.message).toContain('disburse topics');
    expect(await failure(publisher.partitionFor(`${prefix}.none`, 'key'))).toMatchObject({ code: 'unknown_topic' });
  });

  it('a partition that does not exist is reported', async () => {
    const topic = await topics.make(`${prefix}.one`, 1);
    const error = await failure(publisherAt(kafkaBrokers()).publish({ topic, partition: 1, key: null, value: 'x' }));
    expect(error).toMatchObject({ code: 'unknown_partition' });
  });

  it('a record that is too large is found among others, and they are written', async () => {
    const topic = await topics.make(`${prefix}.large`, 1, { 'max.message.bytes': '20000' });
    const publisher = publisherAt(kafkaBrokers());
    const values = Array.from({ length: 30 }, (_, n) => `${n}`.padEnd(n === 17 ? 25_000 : 1_000, '.'));
    const outcomes = await Promise.allSettled(values.map((value) => publisher.publish({ topic, partition: 0, key: null, value })));
    expect(outcomes.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))).toEqual([17]);
    const error = (outcomes[17] as PromiseRejectedResult).reason as PublishError;
    expect(error).toMatchObject({ code: 'too_large', maxBytes: 20_000 });
    const found = await topics.read(topic);
    expect(found.map(({ value }) => Number.parseInt(String(value)))).toEqual(values.flatMap((_, n) => (n === 17 ? [] : [n])));
  });

  it('a port where no broker listens: rejected as retriable at the deadline', async () => {
    const port = await freePort();
    const since = performance.now();
    const error = await failure(publisherAt(`127.0.0.1:${port}`, 2_000).publish({ topic: 't', partition: 0, key: null, value: 'x' }));
    expect(error).toMatchObject({ code: 'unproven', retriable: true });
    // Far below the minute that it would be tried otherwise.
    expect(performance.now() - since).toBeLessThan(20_000);
  });
});
