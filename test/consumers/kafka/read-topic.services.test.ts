import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MissingTopicError } from '../../../consumers/kafka/errors.ts';
import { readTopic, type ReadTopicParams } from '../../../consumers/kafka/read-topic.ts';
import type { TopicRecord } from '../../../consumers/kafka/topic-record.ts';
import { kafkaBrokers } from '../../support/services.ts';
import { Broker, numberOf, pause, until } from './broker.ts';

let broker: Broker;
beforeAll(async () => {
  broker = new Broker(kafkaBrokers());
  await broker.connect();
});
afterAll(() => broker.close());

const read = (topic: string, params: Partial<ReadTopicParams> = {}) =>
  readTopic({
    createKafka: broker.createKafka,
    topic,
    from: 'beginning',
    until: 'end',
    signal: new AbortController().signal,
    groupPrefix: broker.prefix,
    ...params,
  });
const all = async (records: ReturnType<typeof read>): Promise<TopicRecord[]> => {
  const found: TopicRecord[] = [];
  for await (const record of records) found.push(record);
  return found;
};
const numbers = async (records: ReturnType<typeof read>): Promise<number[]> => (await all(records)).map(numberOf);
const upTo = (count: number, first = 0): number[] => Array.from({ length: count }, (_, index) => first + index);
const sorted = (given: readonly number[]): number[] => given.toSorted((one, other) => one - other);

it('reads from the beginning to the end, each partition in order, and leaves no group behind', async () => {
  const topic = await broker.topic(4);
  // The fourth partition stays empty.
  await broker.publishNumbers(topic, 3_000, 3);
  const found = await all(read(topic));
  expect(sorted(found.map(numberOf))).toEqual(upTo(3_000));
  for (const partition of [0, 1, 2]) {
    const offsets = found.filter((record) => record.partition === partition).map(({ offset }) => Number(offset));
    expect(offsets).toEqual(upTo(1_000));
  }
  const { groups } = await broker.admin.listGroups();
  expect(groups.filter(({ groupId }) => groupId.startsWith(broker.prefix))).toEqual([]);
});

it('reading an empty topic ends at once', async () => {
  const topic = await broker.topic(3);
  expect(await numbers(read(topic))).toEqual([]);
  expect(await numbers(read(topic, { from: 'now' }))).toEqual([]);
  expect(await numbers(read(topic, { from: { lastOf: 5 } }))).toEqual([]);
  expect(await numbers(read(topic, { from: { time: 0 } }))).toEqual([]);
});

it('reading the last N of each partition starts N before its end', async () => {
  const topic = await broker.topic(2);
  await broker.publishNumbers(topic, 20, 2);
  expect(sorted(await numbers(read(topic, { from: { lastOf: 2 } })))).toEqual([16, 17, 18, 19]);
  expect(sorted(await numbers(read(topic, { from: { lastOf: 50 } })))).toEqual(upTo(20));
});

it('reading from a time starts at the first record of that time', async () => {
  const topic = await broker.topic(2);
  const at = (second: number): string => String(1_700_000_000_000 + second * 1_000);
  await broker.publish(
    topic,
    upTo(10).map((second) => ({ value: String(second), partition: second % 2, timestamp: at(second) })),
  );
  expect(sorted(await numbers(read(topic, { from: { time: 1_700_000_000_000 + 6_500 } })))).toEqual([7, 8, 9]);
  expect(await numbers(read(topic, { from: { time: 1_800_000_000_000 } }))).toEqual([]);
});

it('ends where the topic ended when the reading began, though more keeps coming', async () => {
  const topic = await broker.topic();
  await broker.publishNumbers(topic, 5);
  const found: number[] = [];
  for await (const record of read(topic)) {
    found.push(numberOf(record));
    if (found.length === 1) await broker.publishNumbers(topic, 5, 1, 5);
  }
  expect(found).toEqual(upTo(5));
});

it('reading with follow delivers new records until it is stopped', async () => {
  const topic = await broker.topic(2);
  await broker.publishNumbers(topic, 4, 2);
  const stop = new AbortController();
  const found: number[] = [];
  const following = (async () => {
    for await (const record of read(topic, { from: 'now', until: 'never', signal: stop.signal })) found.push(numberOf(record));
  })();
  // Where "now" was is not told; so something is published until it comes.
  let next = 4;
  await until('something came', async () => {
    await broker.publishNumbers(topic, 1, 1, next++);
    await pause(100);
    return found.length > 0;
  });
  await broker.publishNumbers(topic, 2, 2, 1_000);
  await until('all came', () => found.includes(1_000) && found.includes(1_001));
  stop.abort();
  await following;
  expect(found.every((number) => number >= 4)).toBe(true);
});

it('is not complete when it is stopped before the end, and says so', async () => {
  const topic = await broker.topic();
  await broker.publishNumbers(topic, 10);
  const stop = new AbortController();
  const found: number[] = [];
  const reading = (async () => {
    for await (const record of read(topic, { signal: stop.signal })) {
      found.push(numberOf(record));
      if (found.length === 3) stop.abort(new Error('enough'));
    }
  })();
  await expect(reading).rejects.toThrow('enough');
  expect(found).toEqual(upTo(3));
});

it('goes over gaps: marks of transactions at the end, and aborted records', async () => {
  const topic = await broker.topic();
  const producer = broker.createKafka().producer({ transactionalId: topic, idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (const value of ['0', '1', 'aborted']) {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value }] });
    await (value === 'aborted' ? transaction.abort() : transaction.commit());
  }
  await producer.disconnect();
  expect(await numbers(read(topic))).toEqual([0, 1]);
});

it('reading continues over gaps of deleted records', async () => {
  const topic = await broker.topic();
  await broker.publishNumbers(topic, 10);
  await broker.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '7' }] });
  expect(await numbers(read(topic))).toEqual([7, 8, 9]);
  expect(await numbers(read(topic, { from: { lastOf: 100 } }))).toEqual([7, 8, 9]);
});

/** Bytes of buffers that somebody still holds. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().arrayBuffers;
}

it('a topic reader holds a limited number of records, however slow its caller is', async () => {
  const topic = await broker.topic(1, { 'max.message.bytes': '2000000' });
  const value = Buffer.alloc(500_000, 'x');
  for (let index = 0; index < 60; index++) await broker.publish(topic, [{ value }]);
  let count = 0;
  let most = 0;
  const before = heldBytes();
  for await (const record of read(topic)) {
    expect(record.value?.length).toBe(value.length);
    count += 1;
    if (count % 10 === 0) {
      await pause(150);
      most = Math.max(most, heldBytes() - before);
    }
  }
  expect(count).toBe(60);
  expect(most).toBeLessThan(20_000_000);
});

it('stays a member while its records are taken slower than the session', async () => {
  const topic = await broker.topic();
  await broker.publishNumbers(topic, 3);
  const found: number[] = [];
  for await (const record of read(topic)) {
    found.push(numberOf(record));
    if (found.length === 1) await pause(12_000);
  }
  expect(found).toEqual(upTo(3));
});

it('reading a missing topic fails with its name', async () => {
  const topic = `${broker.prefix}-none`;
  const reading = numbers(read(topic));
  await expect(reading).rejects.toBeInstanceOf(MissingTopicError);
  await expect(reading).rejects.toMatchObject({ topic, message: expect.stringContaining('`disburse topics`') });
});
