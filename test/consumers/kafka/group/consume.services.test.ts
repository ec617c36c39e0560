import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TopicRecord } from '../../../../consumers/kafka/topic-record.ts';
import { kafkaBrokers } from '../../../support/services.ts';
import { Broker, numberOf, pause, placeOf, until } from '../broker.ts';

let broker: Broker;
beforeAll(async () => {
  broker = new Broker(kafkaBrokers());
  await broker.connect();
});
afterAll(() => broker.close());

/** A handler whose records finish when they are asked to. */
function createHeld() {
  const waiting = new Map<string, () => void>();
  return {
    handle: (record: TopicRecord) => new Promise<void>((resolve) => waiting.set(placeOf(record), resolve)),
    has: (place: string) => waiting.has(place),
    count: () => waiting.size,
    finish(place: string) {
      waiting.get(place)?.();
      waiting.delete(place);
    },
    finishAll() {
      for (const place of [...waiting.keys()]) this.finish(place);
    },
  };
}

it('works through several partitions, never more at once than the window, and commits the ends', async () => {
  const began = Date.now();
  const topic = await broker.topic(4);
  await broker.publishNumbers(topic, 400, 4);
  const seen = new Set<number>();
  let atOnce = 0;
  let most = 0;
  const work = broker.work(topic, {
    window: 10,
    async handle(record) {
      most = Math.max(most, (atOnce += 1));
      await pause(2);
      seen.add(numberOf(record));
      atOnce -= 1;
    },
  });
  await until('all were handled', () => seen.size === 400);
  expect(most).toBe(10);
  await until('all are committed', async () => [...(await broker.committed(topic, topic)).values()].every((offset) => offset === 100));
  expect(work.assigned()).toEqual([0, 1, 2, 3]);
  expect([...work.lag().values()]).toEqual([0, 0, 0, 0]);
  // The broker knows of a commit before we hear that it does.
  await until('it knows that, too', () => work.positions().every(({ committed }) => committed === 100n));
  expect(work.positions()).toContainEqual({ partition: 0, begun: 100n, next: 100n, committed: 100n, end: 100n });
  expect(work.lastFetchAt()).toBeGreaterThanOrEqual(began);
  await work.stop();
  expect(work.assigned()).toEqual([]);
});

it('a consumer commits only offsets below which every record is finished', async () => {
  const topic = await broker.topic();
  await broker.publishNumbers(topic, 10);
  const held = createHeld();
  const work = broker.work(topic, held);
  await until('all are under way', () => held.count() === 10);
  for (const offset of [0, 1, 2, 4, 5, 6, 7, 8, 9]) held.finish(`0:${offset}`);
  await until('the first three are committed', async () => (await broker.committed(topic, topic)).get(0) === 3);
  await pause(700);
  expect((await broker.committed(topic, topic)).get(0)).toBe(3);
  expect(work.lag().get(0)).toBe(7);
  held.finish('0:3');
  await until('all are committed', async () => (await broker.committed(topic, topic)).get(0) === 10);
});

it('a consumer reads on while a record takes long, in its partition and in others', async () => {
  const topic = await broker.topic(2);
  await broker.publishNumbers(topic, 4, 2);
  const held = createHeld();
  const seen = new Set<string>();
  const work = broker.work(topic, {
    window: 8,
    handle(record) {
      seen.add(placeOf(record));
      return record.partition === 0 && record.offset === 0n ? held.handle(record) : Promise.resolve();
    },
  });
  await until('the first ones came', () => seen.size === 4);
  await broker.publishNumbers(topic, 40, 2, 4);
  await until('all others came', () => seen.size === 44);
  await until('the other partition is committed', async () => (await broker.committed(topic, topic)).get(1) === 22);
  expect((await broker.committed(topic, topic)).get(0) ?? -1).toBeLessThanOrEqual(0);
  expect(work.lag().get(0)).toBe(22);
  held.finishAll();
  await until('all are committed', async () => (await broker.committed(topic, topic)).get(0) === 22);
});

it('a consumer delivers headers, null values, keys and timestamps of a record', async () => {
  const topic = await broker.topic();
  await broker.publish(topic, [
    { value: null, key: 'tomb', headers: { one: 'first', two: ['a', 'b'], bytes: Buffer.from([0, 255]) }, timestamp: '1700000000123' },
    { value: Buffer.alloc(0), key: null },
  ]);
  const records: TopicRecord[] = [];
  broker.work(topic, { handle: async (record) => void records.push(record) });
  await until('both came', () => records.length === 2);
  expect(records[0]).toEqual({
    topic,
    partition: 0,
    offset: 0n,
    timestamp: 1_700_000_000_123,
    isBrokerTime: false,
    key: Buffer.from('tomb'),
    value: null,
    headers: { one: Buffer.from('first'), two: Buffer.from('b'), bytes: Buffer.from([0, 255]) },
  });
  expect(records[1]).toMatchObject({ offset: 1n, key: null, value: Buffer.alloc(0), headers: {} });
});

it('a consumer keeps its session while a handler takes longer than the session timeout', async () => {
  const topic = await broker.topic();
  await broker.publishNumbers(topic, 2);
  const started: number[] = [];
  const work = broker.work(topic, {
    window: 2,
    async handle(record) {
      started.push(numberOf(record));
      await pause(12_500);
    },
  });
  await until('both are committed', async () => (await broker.committed(topic, topic)).get(0) === 2);
  expect(started).toEqual([0, 1]);
  expect(work.assigned()).toEqual([0]);
});

it('finishes what is under way when it is stopped, begins nothing new, and commits', async () => {
  const topic = await broker.topic();
  await broker.publishNumbers(topic, 20);
  const held = createHeld();
  const work = broker.work(topic, { ...held, window: 5 });
  await until('the window is full', () => held.count() === 5);
  const stopped = work.stop();
  await pause(300);
  held.finishAll();
  await stopped;
  expect(held.count()).toBe(0);
  expect((await broker.committed(topic, topic)).get(0)).toBe(5);
});

it('lets go of what does not finish in time, uncommitted; another member reads it again', async () => {
  const topic = await broker.topic();
  await broker.publishNumbers(topic, 3);
  const work = broker.work(topic, {
    drainMs: 500,
    handle: (record, signal) =>
      numberOf(record) !== 1
        ? Promise.resolve()
        : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  });
  await until('the first is committed', async () => (await broker.committed(topic, topic)).get(0) === 1);
  await work.stop();
  expect((await broker.committed(topic, topic)).get(0)).toBe(1);
  const again: number[] = [];
  broker.work(topic, { handle: async (record) => void again.push(numberOf(record)) });
  await until('the rest came again', () => again.length === 2);
  expect(again).toEqual([1, 2]);
});

it('ends when a handler rejects, with its error, and commits nothing behind that record', async () => {
  const topic = await broker.topic();
  await broker.publishNumbers(topic, 6);
  const broken = new Error('the ledger is gone');
  const work = broker.work(topic, {
    async handle(record) {
      if (numberOf(record) === 2) throw broken;
    },
  });
  await expect(work.running).rejects.toBe(broken);
  expect((await broker.committed(topic, topic)).get(0)).toBe(2);
});

it('a consumer continues after the aborted records and markers of transactions', async () => {
  const topic = await broker.topic();
  const producer = broker.createKafka().producer({ transactionalId: topic, idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (const [value, isKept] of [
    ['kept 1', true],
    ['dropped', false],
    ['kept 2', true],
  ] as const) {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value }] });
    await (isKept ? transaction.commit() : transaction.abort());
  }
  await producer.disconnect();
  const values: string[] = [];
  const work = broker.work(topic, { handle: async ({ value }) => void values.push(String(value)) });
  await until('both came', () => values.length === 2);
  await until('nothing waits', () => work.lag().get(0) === 0);
  expect(values).toEqual(['kept 1', 'kept 2']);
});

it('a consumer of a missing topic fails with the command that creates it', async () => {
  const topic = `${broker.prefix}-missing`;
  const work = broker.work(topic, { handle: async () => undefined });
  await expect(work.running).rejects.toThrow(`Kafka has no topic ${topic}: create it with \`disburse topics\``);
});

it('does not start again when records were deleted before they were read', async () => {
  const topic = await broker.topic();
  await broker.publishNumbers(topic, 10);
  const handled: number[] = [];
  const handle = async (record: TopicRecord): Promise<void> => void handled.push(numberOf(record));
  const first = broker.work(topic, { handle });
  await until('ten are committed', async () => (await broker.committed(topic, topic)).get(0) === 10);
  await first.stop();
  await broker.publishNumbers(topic, 10, 1, 10);
  await broker.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '15' }] });

  const why = /offset of group .* in .*, partition 0, .*Find out which.*--reset-offsets/;
  await expect(broker.work(topic, { handle }).running).rejects.toThrow(why);
  // The client may have committed by now that there is no position; that must not pass for a new group.
  await expect(broker.work(topic, { handle }).running).rejects.toThrow(why);
  expect(handled).toHaveLength(10);
});

it('a consumer whose offset is after the end of the partition ends and does not start again', async () => {
  const topic = await broker.topic();
  await broker.publishNumbers(topic, 10);
  const handled: number[] = [];
  const handle = async (record: TopicRecord): Promise<void> => void handled.push(numberOf(record));
  const first = broker.work(topic, { handle });
  await until('ten are committed', async () => (await broker.committed(topic, topic)).get(0) === 10);
  await first.stop();
  await broker.admin.setOffsets({ groupId: topic, topic, partitions: [{ partition: 0, offset: '500' }] });
  await expect(broker.work(topic, { handle }).running).rejects.toMatchObject({ code: 'lost_position' });
  expect(handled).toHaveLength(10);
});

it('a consumer refuses a drain time longer than the rebalance timeout, and an empty window', () => {
  expect(() => broker.work('never', { handle: async () => undefined, drainMs: 30_000 })).toThrow(RangeError);
  expect(() => broker.work('never', { handle: async () => undefined, window: 0 })).toThrow(RangeError);
});
