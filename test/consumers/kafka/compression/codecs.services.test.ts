import { CompressionTypes } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TopicRecord } from '../../../../consumers/kafka/topic-record.ts';
import { kafkaBrokers } from '../../../support/services.ts';
import { Broker, until } from '../broker.ts';

let broker: Broker;
beforeAll(async () => {
  broker = new Broker(kafkaBrokers());
  await broker.connect();
});
afterAll(() => broker.close());

/** Text that packs well and not too well, so that blocks refer far back. */
const text = (seed: number, length: number): string => {
  let state = seed + 1;
  let words = '';
  while (words.length < length) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    words += `${['pay', 'to', 'iban', 'DE89', 'amount'][state % 5]}${state % 1_000} `;
  }
  return words.slice(0, length);
};

// The broker packs by itself what comes unpacked, as Java clients do.
it.each(['gzip', 'snappy', 'lz4', 'zstd'])('a consumer reads batches compressed with %s, large and small', async (codec) => {
  const topic = await broker.topic(1, { 'compression.type': codec });
  const values = [...Array.from({ length: 500 }, (_, index) => text(index, 20 + index)), text(1, 300_000), text(2, 400_000)];
  await broker.publish(
    topic,
    values.slice(0, 500).map((value) => ({ value })),
  );
  await broker.publish(
    topic,
    values.slice(500).map((value) => ({ value })),
  );
  const found: TopicRecord[] = [];
  broker.work(topic, { handle: async (record) => void found.push(record) });
  await until('all came', () => found.length === values.length);
  expect(found.filter(({ poison }) => poison !== undefined)).toEqual([]);
  expect(found.map(({ value }) => value?.toString()).toSorted()).toEqual(values.toSorted());
});

it('delivers a batch that decompresses to too much as damaged records, and continues after it', async () => {
  const topic = await broker.topic();
  const producer = broker.createKafka().producer({ createPartitioner: () => () => 0 });
  await producer.connect();
  const bomb = Buffer.alloc(33 * 1024 ** 2, 'x');
  await producer.send({ topic, messages: [{ value: 'before' }] });
  await producer.send({ topic, messages: [{ value: bomb }, { value: bomb }], compression: CompressionTypes.GZIP });
  await producer.send({ topic, messages: [{ value: 'behind' }] });
  await producer.disconnect();

  const found: TopicRecord[] = [];
  broker.work(topic, { handle: async (record) => void found.push(record), window: 1 });
  await until('all came', () => found.length === 4);
  const shown = found.map(({ offset, value, poison }) => [offset, poison?.reason ?? value?.toString()]);
  expect(shown).toEqual([
    [0n, 'before'],
    [1n, 'unreadable_batch'],
    [2n, 'unreadable_batch'],
    [3n, 'behind'],
  ]);
  expect(found[1]?.poison?.message).toMatch(/^The batch of 2 records at offsets 1 to 2, compressed with gzip, cannot be decompressed: /);
  // The whole batch, so that nothing is lost; the second need not repeat it.
  expect(found[1]?.value?.readBigInt64BE(0)).toBe(1n);
  expect(found[2]?.value).toBeNull();
  await until('all are committed', async () => (await broker.committed(topic, topic)).get(0) === 4);
});
