import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { PublishError } from '../../../producers/kafka/publish-error.ts';
import { createTopicPublisher, type TopicPublisher } from '../../../producers/kafka/publisher.ts';
import { systemClock } from '../../../src/clock.ts';
import { createKafkaFactory } from '../../../src/kafka.ts';
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

/** The foreign client, made from librdkafka: `apt-get install kcat`. */
const kcat = async (...args: string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)('kcat', ['-b', kafkaBrokers(), ...args], { timeout: 30_000, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
};
const kcatRead = async (topic: string): Promise<unknown[]> => {
  const lines = await kcat('-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-J');
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
};
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
    const found = await kcatRead(topic);
    expect(found).toMatchObject([
      { partition: 2, offset: 0, key: 'inv-1', payload: '{"ž":1}', headers: ['reason', 'invalid_json', 'source_file', 'může.csv'] },
      { partition: 2, offset: 1, key: null, payload: 'bare' },
      { partition: 2, offset: 2, key: 'k', payload: null },
    ]);
    const { ts } = found[0] as { ts: number };
    expect(ts).toBeGreaterThanOrEqual(before);
    expect(ts).toBeLessThanOrEqual(Date.now());
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

  it('chooses the partition that librdkafka chooses as Java does', async () => {
    const topic = await topics.make(`${prefix}.partitions`, 7);
    const keys = Array.from({ length: 60 }, (_, n) => `inv-${'x'.repeat(n % 5)}${n}`);
    const file = join(await mkdtemp(join(tmpdir(), 'disburse-keys-')), 'keys');
    await writeFile(file, keys.map((key) => `${key}|value\n`).join(''));
    await kcat('-P', '-t', topic, '-K', '|', '-X', 'topic.partitioner=murmur2_random', '-l', file);
    await rm(dirname(file), { recursive: true });
    const found = await topics.read(topic);
    expect(found).toHaveLength(keys.length);
    const publisher = publisherAt(kafkaBrokers());
    for (const { key, partition } of found) expect(await publisher.partitionFor(topic, key as Buffer)).toBe(partition);
  });

  it('an unknown topic is told with what to do', async () => {
    const publisher = publisherAt(kafkaBrokers());
    const error = await failure(publisher.publish({ topic: `${prefix}.none`, partition: 0, key: null, value: 'x' }));
    expect(error).toMatchObject({ code: 'unknown_topic', retriable: false });
    expect(error.message).toContain(`${prefix}.none`);
    expect(error.message).toContain('disburse topics');
    expect(await failure(publisher.partitionFor(`${prefix}.none`, 'key'))).toMatchObject({ code: 'unknown_topic' });
  });

  it('a partition that does not exist is told', async () => {
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

  it('a port where nobody listens: rejected as retriable at the deadline', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const since = performance.now();
    const error = await failure(publisherAt(`127.0.0.1:${port}`, 2_000).publish({ topic: 't', partition: 0, key: null, value: 'x' }));
    expect(error).toMatchObject({ code: 'unproven', retriable: true });
    expect(performance.now() - since).toBeLessThan(5_000);
  });
});
