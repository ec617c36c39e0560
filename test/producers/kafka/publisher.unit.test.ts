import { describe, expect, it } from 'vitest';
import type { RecordMetadata } from 'kafkajs';
import { PublishError } from '../../../producers/kafka/publish-error.ts';
import { createTopicPublisher, type PublisherOptions } from '../../../producers/kafka/publisher.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';
import { createFakeKafka, protocolError, written, type FakeKafka } from './fake-kafka.ts';

const topic = 'payouts.results';

function publisherOn(kafka: FakeKafka, more: Partial<PublisherOptions> = {}) {
  const warnings: string[] = [];
  const clock = createVirtualClock();
  const publisher = createTopicPublisher({
    createKafka: kafka.createKafka,
    clock,
    onWarning: (message) => warnings.push(message),
    ...more,
  });
  const publish = (value: string, partition = 0) => publisher.publish({ topic, partition, key: null, value });
  return { publisher, publish, warnings, clock };
}

/** A broker that appends, after `answer` had its say about the send. */
function appending(answer: (number: number) => RecordMetadata[] | Error | undefined = () => undefined) {
  const log = new Map<number, string[]>();
  const kafka = createFakeKafka({
    async answer({ partition, values }, number) {
      const other = answer(number);
      if (other instanceof Error) throw other;
      const lines = log.get(partition) ?? [];
      log.set(partition, lines);
      const at = lines.length;
      lines.push(...values);
      return other ?? written(topic, partition, at);
    },
  });
  return { kafka, log: (partition = 0) => log.get(partition) ?? [] };
}

const failure = async (promise: Promise<unknown>): Promise<PublishError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error instanceof PublishError) return error;
  throw new Error('no PublishError', { cause: error });
};

/** Moves time until the promise has settled. */
async function during<Value>(clock: VirtualClock, promise: Promise<Value>): Promise<Value> {
  let settled = false;
  const seen = promise.finally(() => (settled = true));
  seen.catch(() => undefined);
  for (let turns = 0; !settled && turns < 10_000; turns += 1) await clock.pass(100);
  return seen;
}

describe('the publisher', () => {
  it('is durable on all replicas, to one partition, and answers each offset', async () => {
    const { kafka } = appending();
    const { publisher, clock } = publisherOn(kafka);
    const headers = { reason: 'why' };
    const timestamp = String(clock.now());
    const offsets = await Promise.all(['a', 'b'].map((value) => publisher.publish({ topic, partition: 3, key: 'k', value, headers })));
    expect(offsets).toEqual([{ offset: 0n }, { offset: 1n }]);
    expect(kafka.sends).toHaveLength(1);
    expect(kafka.sends[0]?.record).toMatchObject({ topic, acks: -1, timeout: 15_000 });
    const message = { key: 'k', partition: 3, headers, timestamp };
    expect(kafka.sends[0]?.record.messages).toMatchObject([
      { ...message, value: 'a' },
      { ...message, value: 'b' },
    ]);
  });

  it('has one send in flight per partition, and sends records that arrive meanwhile in the next batch, in order', async () => {
    const gates: PromiseWithResolvers<void>[] = [];
    let offset = 0;
    const kafka = createFakeKafka({
      async answer({ partition, values }) {
        const gate = Promise.withResolvers<void>();
        gates.push(gate);
        await gate.promise;
        offset += values.length;
        return written(topic, partition, offset - values.length);
      },
    });
    const { publish, clock } = publisherOn(kafka);
    const first = publish('0');
    await clock.pass(0);
    const others = Array.from({ length: 1_200 }, (_, n) => publish(String(n + 1)));
    await clock.pass(0);
    expect(kafka.sends.map(({ values }) => values.length)).toEqual([1]);
    for (let open = 0; open < 4; open += 1) {
      gates[open]?.resolve();
      await clock.pass(0);
    }
    const offsets = await Promise.all([first, ...others]);
    expect(kafka.sends.map(({ values }) => values.length)).toEqual([1, 500, 500, 200]);
    expect(kafka.sends.flatMap(({ values }) => values)).toEqual(Array.from({ length: 1_201 }, (_, n) => String(n)));
    expect(offsets.map((each) => each.offset)).toEqual(Array.from({ length: 1_201 }, (_, n) => BigInt(n)));
    expect(kafka.mostAtOnce()).toBe(1);
  });

  it('splits a batch at 900,000 bytes', async () => {
    const { kafka } = appending();
    const { publish } = publisherOn(kafka);
    await Promise.all(Array.from({ length: 10 }, () => publish('x'.repeat(200_000))));
    expect(kafka.sends.map(({ values }) => values.length)).toEqual([4, 4, 2]);
  });

  it('sends to one partition while another one waits', async () => {
    const kafka = createFakeKafka({
      answer: ({ partition }) => (partition === 0 ? new Promise(() => undefined) : Promise.resolve(written(topic, partition, 7))),
    });
    const { publish } = publisherOn(kafka);
    publish('held').catch(() => undefined);
    expect(await publish('free', 1)).toEqual({ offset: 7n });
  });
});

describe('an answer that proves nothing', () => {
  const other: Readonly<Record<string, RecordMetadata[]>> = {
    'no entry': [],
    'two entries': [...written(topic, 0, 0), ...written(topic, 0, 0)],
    'another topic': written('payouts.instructions', 0, 0),
    'another partition': written(topic, 1, 0),
    'an error code': [{ ...(written(topic, 0, 0)[0] as RecordMetadata), errorCode: 7 }],
    'no offset': [{ topicName: topic, partition: 0, errorCode: 0 }],
    'an offset of -1': written(topic, 0, -1),
  };
  it.each(Object.entries(other))('%s: the same batch is sent again', async (_name, answer) => {
    const { kafka } = appending((number) => (number === 0 ? answer : undefined));
    const { publish, clock, warnings } = publisherOn(kafka);
    const both = Promise.all([publish('a'), publish('b')]);
    await clock.pass(0);
    const behind = publish('c');
    expect(await during(clock, both)).toEqual([{ offset: 2n }, { offset: 3n }]);
    expect(await during(clock, behind)).toEqual({ offset: 4n });
    expect(kafka.sends.map(({ values }) => values.join(''))).toEqual(['ab', 'ab', 'c']);
    expect(warnings).toEqual([expect.stringContaining(topic)]);
  });

  it('a partition that does not exist is permanent', async () => {
    const kafka = createFakeKafka({ answer: () => Promise.resolve([]), partitions: () => 3 });
    const { publish } = publisherOn(kafka);
    expect(await failure(publish('a', 3))).toMatchObject({ code: 'unknown_partition', retriable: false });
  });
});

describe('an outage of Kafka', () => {
  it('shorter than the deadline loses and reorders nothing, and is reported once', async () => {
    const { kafka, log } = appending((number) => (number < 6 ? protocolError('NOT_LEADER_FOR_PARTITION') : undefined));
    const { publish, clock, warnings } = publisherOn(kafka);
    const all = Promise.all(['a', 'b', 'c'].map((value) => publish(value)));
    await clock.pass(300);
    const later = publish('d');
    await during(clock, Promise.all([all, later]));
    expect(log()).toEqual(['a', 'b', 'c', 'd']);
    expect(warnings).toHaveLength(1);
  });

  it('reconnects after a lost connection', async () => {
    let connects = 0;
    const kafka = createFakeKafka({
      connect: async () => {
        connects += 1;
        if (connects < 3) throw Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { name: 'KafkaJSConnectionError' });
      },
      answer: () => Promise.resolve(written(topic, 0, 5)),
    });
    const { publish, clock } = publisherOn(kafka);
    expect(await during(clock, publish('a'))).toEqual({ offset: 5n });
    expect(connects).toBe(3);
  });

  it('longer than the deadline: rejected as retriable, with all behind it, and then it can be published again', async () => {
    let down = true;
    const { kafka, log } = appending(() => (down ? protocolError('NOT_ENOUGH_REPLICAS') : undefined));
    const { publish, clock } = publisherOn(kafka, { deadlineMs: 60_000 });
    const since = clock.now();
    const first = failure(publish('a'));
    await clock.pass(30_000);
    const second = failure(publish('b'));
    const errors = await during(clock, Promise.all([first, second]));
    expect(clock.now() - since).toBeLessThanOrEqual(60_200);
    for (const error of errors) expect(error).toMatchObject({ code: 'unproven', retriable: true, topic });
    expect(errors[0]?.message).toMatch(/within 60 s.*NOT_ENOUGH_REPLICAS/);
    down = false;
    await during(clock, Promise.all([publish('a'), publish('b')]));
    expect(log()).toEqual(['a', 'b']);
  });

  it('a send that never ends: rejected at the deadline, no second one beside it, and given up in the end', async () => {
    const kafka = createFakeKafka({
      answer: (_send, number) => (number === 0 ? new Promise(() => undefined) : Promise.resolve(written(topic, 0, 1))),
    });
    const { publish, clock } = publisherOn(kafka, { deadlineMs: 60_000 });
    expect(await during(clock, failure(publish('a')))).toMatchObject({ code: 'unproven' });
    expect(await during(clock, failure(publish('a')))).toMatchObject({ code: 'unproven' });
    expect(kafka.mostAtOnce()).toBe(1);
    expect(kafka.sends).toHaveLength(1);
    await clock.pass(130_000);
    expect(await during(clock, publish('a'))).toEqual({ offset: 1n });
    expect(kafka.disconnected()).toBe(1);
  });

  it('a late answer to a send that was given up lets the next begin', async () => {
    const late = Promise.withResolvers<RecordMetadata[]>();
    const kafka = createFakeKafka({ answer: (_send, number) => (number === 0 ? late.promise : Promise.resolve(written(topic, 0, 1))) });
    const { publish, clock } = publisherOn(kafka, { deadlineMs: 1_000 });
    await during(clock, failure(publish('a')));
    const again = publish('a');
    await clock.pass(500);
    expect(kafka.sends).toHaveLength(1);
    late.resolve(written(topic, 0, 0));
    expect(await during(clock, again)).toEqual({ offset: 1n });
  });
});

describe('records that Kafka refuses', () => {
  const limited = (limit: number) => {
    const log: string[] = [];
    const kafka = createFakeKafka({
      maxMessageBytes: String(limit),
      async answer({ partition, values }) {
        if (values.join('').length > limit) throw protocolError('MESSAGE_TOO_LARGE');
        log.push(...values);
        return written(topic, partition, log.length - values.length);
      },
    });
    return { kafka, log };
  };

  it('a record that is too large is found in its batch, and the others are written in order', async () => {
    const { kafka, log } = limited(5_000);
    const { publish } = publisherOn(kafka);
    const values = Array.from({ length: 9 }, (_, n) => `${n}`.padEnd(n === 5 ? 6_000 : 10, '.'));
    const outcomes = await Promise.allSettled(values.map((value) => publish(value)));
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(values.map((_, n) => n !== 5));
    expect(log.map((value) => value[0])).toEqual(['0', '1', '2', '3', '4', '6', '7', '8']);
    const error = (outcomes[5] as PromiseRejectedResult).reason as PublishError;
    expect(error).toMatchObject({ code: 'too_large', retriable: false, maxBytes: 5_000 });
    expect(error.message).toMatch(/payouts\.results.*61\d\d bytes.*max\.message\.bytes \(5000 now\).*kafka-configs\.sh/);
  });

  it('a batch that is too large as a whole is written in parts, and later ones are smaller from the start', async () => {
    const { kafka, log } = limited(5_000);
    const { publish } = publisherOn(kafka);
    const values = Array.from({ length: 60 }, (_, n) => `${n}`.padEnd(200, '.'));
    await Promise.all(values.map((value) => publish(value)));
    expect(log).toEqual(values);
    const before = kafka.sends.length;
    await Promise.all(values.map((value) => publish(value)));
    expect(log.slice(60)).toEqual(values);
    const sizes = kafka.sends.slice(before).map(({ values: batch }) => batch.join('').length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(5_000);
  });

  it('when Kafka fails between the parts of a split batch, the records after it are rejected too', async () => {
    let number = 0;
    const kafka = createFakeKafka({
      async answer({ partition, values }) {
        number += 1;
        if (values.length > 1) throw protocolError('MESSAGE_TOO_LARGE');
        if (number > 2) throw protocolError('REQUEST_TIMED_OUT');
        return written(topic, partition, 0);
      },
    });
    const { publish, clock } = publisherOn(kafka, { deadlineMs: 5_000 });
    const outcomes = await during(clock, Promise.allSettled(['a', 'b'].map((value) => publish(value))));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it.each([
    ['TOPIC_AUTHORIZATION_FAILED', 'not_authorised', /payouts\.results: grant it Write/],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'unknown_topic', /no topic payouts\.results.*disburse topics/],
    ['INVALID_RECORD', 'refused', /refuses this record on payouts\.results/],
  ] as const)('%s is reported as %s at once', async (type, code, message) => {
    // As kafkajs wraps it after its own attempts.
    const wrapped = Object.assign(new Error('given up'), { name: 'KafkaJSNumberOfRetriesExceeded', cause: protocolError(type) });
    const kafka = createFakeKafka({ answer: () => Promise.reject(wrapped) });
    const { publish, warnings } = publisherOn(kafka);
    const errors = await Promise.all([failure(publish('a')), failure(publish('b'))]);
    for (const error of errors) {
      expect(error).toMatchObject({ code, retriable: false, topic });
      expect(error.message).toMatch(message);
    }
    expect(warnings).toEqual([]);
  });
});

describe('the room of the publisher', () => {
  it('makes callers wait while it is used up, and is free again after the acknowledgement', async () => {
    const gate = Promise.withResolvers<void>();
    const kafka = createFakeKafka({
      async answer({ partition }) {
        await gate.promise;
        return written(topic, partition, 0);
      },
    });
    const { publisher, publish, clock } = publisherOn(kafka, { maxRecords: 3 });
    let published = 0;
    const stream = async (): Promise<void> => {
      const sent: Promise<unknown>[] = [];
      for (; published < 10; published += 1) {
        await publisher.room();
        sent.push(publish(String(published)));
      }
      await Promise.all(sent);
    };
    const streamed = stream();
    await clock.pass(10);
    expect(published).toBe(3);
    gate.resolve();
    await streamed;
    expect(published).toBe(10);
  });

  it('is limited in bytes too', async () => {
    const kafka = createFakeKafka({ answer: () => new Promise(() => undefined) });
    const { publisher, publish, clock } = publisherOn(kafka, { maxBytes: 1_000 });
    publish('x'.repeat(2_000)).catch(() => undefined);
    let passed = false;
    void publisher.room().then(() => (passed = true));
    await clock.pass(10);
    expect(passed).toBe(false);
    await during(clock, publisher.close(0));
    await clock.pass(0);
    expect(passed).toBe(true);
  });
});

describe('partitionFor', () => {
  it('fetches metadata once and again after five minutes, and uses the old metadata while Kafka is unavailable', async () => {
    let count = 4;
    let asked = 0;
    let down = false;
    const kafka = createFakeKafka({
      answer: () => Promise.reject(new Error('not asked')),
      connect: () => (down ? Promise.reject(new Error('away')) : Promise.resolve()),
      partitions: () => {
        asked += 1;
        return count;
      },
    });
    const { publisher, clock } = publisherOn(kafka);
    const partitions = await Promise.all(['21', Buffer.from('21'), 'abc'].map((key) => publisher.partitionFor(topic, key)));
    expect(partitions).toEqual([0, 0, 3]);
    expect(asked).toBe(1);
    count = 100;
    await clock.pass(301_000);
    expect(await publisher.partitionFor(topic, 'abc')).toBe(479470107 % 100);
    down = true;
    await clock.pass(301_000);
    expect(await publisher.partitionFor(topic, 'abc')).toBe(7);
  });

  it('rejects as retriable without any metadata', async () => {
    const kafka = createFakeKafka({ answer: () => Promise.resolve([]), connect: () => Promise.reject(new Error('away')) });
    expect(await failure(publisherOn(kafka).publisher.partitionFor(topic, 'a'))).toMatchObject({ code: 'unproven' });
  });
});

describe('a publish to a topic without metadata', () => {
  const knownAfter = (asks: number) => {
    let asked = 0;
    return createFakeKafka({
      answer: () => Promise.resolve([]),
      partitions: () => {
        asked += 1;
        if (asked <= asks) throw protocolError('UNKNOWN_TOPIC_OR_PARTITION');
        return 4;
      },
    });
  };

  it('is retried and succeeds when the metadata arrives before the deadline', async () => {
    const { publisher, clock } = publisherOn(knownAfter(3));
    expect(await during(clock, publisher.partitionFor(topic, 'abc'))).toBe(3);
  });

  it('is rejected as unknown_topic after the deadline', async () => {
    const { publisher, clock } = publisherOn(knownAfter(1_000));
    expect(await during(clock, failure(publisher.partitionFor(topic, 'abc')))).toMatchObject({ code: 'unknown_topic' });
  });
});

describe('closing the publisher', () => {
  it('sends the waiting records, then accepts no more', async () => {
    const { kafka, log } = appending();
    const { publisher, publish, clock } = publisherOn(kafka);
    const sent = publish('a');
    await during(clock, publisher.close(5_000));
    await sent;
    await publisher.close(5_000);
    expect(log()).toEqual(['a']);
    expect(kafka.disconnected()).toBe(1);
    expect(await failure(publish('b'))).toMatchObject({ code: 'closed', retriable: true });
    expect(await failure(publisher.partitionFor(topic, 'b'))).toMatchObject({ code: 'closed' });
  });

  it('rejects records that are not acknowledged in time, in flight or waiting, and sends no more', async () => {
    const kafka = createFakeKafka({ answer: () => new Promise(() => undefined) });
    const { publisher, publish, clock } = publisherOn(kafka);
    const first = failure(publish('a'));
    await clock.pass(0);
    const second = failure(publish('b'));
    const since = clock.now();
    await during(clock, publisher.close(5_000));
    expect(clock.now() - since).toBeLessThan(8_000);
    expect(await first).toMatchObject({ code: 'closed' });
    expect(await second).toMatchObject({ code: 'closed' });
    expect(kafka.sends).toHaveLength(1);
  });
});
