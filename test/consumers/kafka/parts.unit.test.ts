import { describe, expect, it } from 'vitest';
import { Assignment } from '../../../batches/pipeline/offsets/assignment.ts';
import { createPartitionProgress } from '../../../batches/pipeline/offsets/partition-progress.ts';
import { createCommitter } from '../../../batches/pipeline/offsets/committer.ts';
import { MissingTopicError, readError, type Reading } from '../../../consumers/kafka/errors.ts';
import { createRendezvous } from '../../../consumers/kafka/rendezvous.ts';
import { createSemaphore } from '../../../consumers/kafka/group/semaphore.ts';
import { createRecordProcessor } from '../../../consumers/kafka/group/record-processor.ts';
import { createStallDetector } from '../../../batches/pipeline/offsets/stall-detector.ts';
import type { TopicRecord } from '../../../consumers/kafka/topic-record.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const record = (offset: number, partition = 0): TopicRecord => ({
  topic: 't',
  isBrokerTime: false,
  partition,
  offset: BigInt(offset),
  timestamp: 0,
  key: null,
  value: null,
  headers: {},
});

it('the offset of a partition advances to the first record that is not finished, over all batches', () => {
  const progress = createPartitionProgress(10);
  const [first, second, third, fourth] = [5n, 6n, 9n, 10n].map((next) => progress.begin(next));
  expect(second?.()).toBeUndefined();
  expect(first?.()).toBe(6n);
  expect(fourth?.()).toBeUndefined();
  expect(third?.()).toBe(10n);
});

it('a record that takes long lets only so many others pass it', async () => {
  const progress = createPartitionProgress(3);
  const stop = new AbortController();
  const [first, second] = [1n, 2n, 3n].map((next) => progress.begin(next));
  second?.();
  let has: boolean | undefined;
  const waiting = progress.room(stop.signal).then((room) => (has = room));
  await Promise.resolve();
  expect(has).toBeUndefined();
  first?.();
  expect(await waiting).toBe(true);
  expect(await progress.room(stop.signal)).toBe(true);

  for (const next of [4n, 5n]) progress.begin(next);
  const given = progress.room(stop.signal);
  stop.abort();
  expect(await given).toBe(false);
});

describe('the window', () => {
  it('lets in as many as it has places, first come first served', async () => {
    const window = createSemaphore(2);
    const { signal } = new AbortController();
    const order: string[] = [];
    const enter = (name: string) => window.acquire(signal).then(() => order.push(name));
    await Promise.all([enter('a'), enter('b')]);
    const later = [enter('c'), enter('d')];
    await turn();
    expect(order).toEqual(['a', 'b']);
    window.release();
    window.release();
    await Promise.all(later);
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  it('releases the place of a waiter that was aborted', async () => {
    const window = createSemaphore(1);
    const gone = new AbortController();
    const { signal } = new AbortController();
    expect(await window.acquire(signal)).toBe(true);
    const first = window.acquire(gone.signal);
    const second = window.acquire(signal);
    gone.abort();
    expect(await first).toBe(false);
    window.release();
    expect(await second).toBe(true);
    window.release();
    expect(await window.acquire(signal)).toBe(true);
    expect(await window.acquire(gone.signal)).toBe(false);
  });
});

describe('the committer', () => {
  function createCommitting() {
    const clock = createVirtualClock();
    const over = new AbortController();
    const requests: (readonly (readonly [number, bigint])[])[] = [];
    const told: [number, bigint][] = [];
    let failures = 0;
    const commit = async (positions: ReadonlyMap<number, bigint>): Promise<void> => {
      requests.push([...positions]);
      if (failures-- > 0) throw new Error('no answer');
    };
    const committer = createCommitter({ clock, over: over.signal, onCommitted: (...position) => told.push(position) });
    return { clock, over, requests, told, commit, committer, fail: (times: number) => (failures = times) };
  }

  it('gathers what is finished, and commits at most every 250 ms', async () => {
    const { clock, requests, commit, committer, told } = createCommitting();
    for (let next = 1n; next <= 5n; next++) committer.note(0, next, commit);
    committer.note(1, 7n, commit);
    await clock.pass(249);
    expect(requests).toEqual([]);
    await clock.pass(1);
    expect(requests).toEqual([
      [
        [0, 5n],
        [1, 7n],
      ],
    ]);
    expect(told).toEqual([
      [0, 5n],
      [1, 7n],
    ]);
    await clock.pass(5_000);
    expect(requests).toHaveLength(1);
  });

  it('never commits an offset below the last one', async () => {
    const { requests, commit, committer } = createCommitting();
    committer.note(0, 5n, commit);
    await committer.flush();
    committer.note(0, 3n, commit);
    await committer.flush();
    expect(requests).toEqual([[[0, 5n]]]);
  });

  it('retries a commit that failed', async () => {
    const { clock, requests, commit, committer, fail, told } = createCommitting();
    fail(2);
    committer.note(0, 5n, commit);
    await committer.flush();
    expect(told).toEqual([]);
    await clock.pass(250);
    await clock.pass(250);
    expect(requests).toHaveLength(3);
    expect(told).toEqual([[0, 5n]]);
  });

  it('commits nothing after the end of its generation', async () => {
    const { clock, over, requests, commit, committer } = createCommitting();
    committer.note(0, 5n, commit);
    over.abort();
    await committer.flush();
    committer.note(0, 6n, commit);
    await clock.pass(1_000);
    expect(requests).toEqual([]);
  });
});

describe('work on records', () => {
  it('does not begin a record twice that is read again while it is under way', async () => {
    const started: bigint[] = [];
    let finish: () => void = () => undefined;
    const work = createRecordProcessor({
      window: 1,
      handle: ({ offset }) => {
        started.push(offset);
        return new Promise((resolve) => (finish = resolve));
      },
      isStopping: () => false,
      onFailure: (cause) => expect.unreachable(String(cause)),
    });
    const before = new Assignment([0]);
    const first = await work.begin(record(7), before);
    before.end();
    const again = await work.begin(record(7), new Assignment([0]));
    finish();
    expect([await first?.done, await again?.done]).toEqual([true, true]);
    expect(started).toEqual([7n]);
  });

  it('starts a record again after it was released', async () => {
    let started = 0;
    const work = createRecordProcessor({
      window: 1,
      handle: (_record, signal) => {
        started += 1;
        return started === 2
          ? Promise.resolve()
          : new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped before it was sent'))));
      },
      isStopping: () => false,
      onFailure: (cause) => expect.unreachable(String(cause)),
    });
    const before = new Assignment([0]);
    const first = await work.begin(record(7), before);
    const again = await work.begin(record(7), new Assignment([0]));
    before.end();
    expect([await first?.done, await again?.done]).toEqual([false, true]);
    expect(started).toBe(2);
  });

  it('reports a failure, unless the record was released or the consumer is stopping', async () => {
    const failures: unknown[] = [];
    let isStopping = false;
    const broken = new Error('broken');
    const work = createRecordProcessor({
      window: 1,
      handle: () => Promise.reject(broken),
      isStopping: () => isStopping,
      onFailure: (cause) => failures.push(cause),
    });
    const mine = new Assignment([0]);
    expect(await (await work.begin(record(1), mine))?.done).toBe(false);
    expect(failures).toEqual([broken]);
    isStopping = true;
    expect(await (await work.begin(record(2), mine))?.done).toBe(false);
    expect(failures).toHaveLength(1);
    mine.close();
    expect(await work.begin(record(3), mine)).toBeUndefined();
  });
});

describe('the watch for stalls', () => {
  const minute = 60_000;
  function createWatching() {
    let now = 0;
    const watch = createStallDetector(() => now);
    watch.joined([0, 1]);
    return { watch, pass: (ms: number) => void (now += ms) };
  }

  it('finds a partition that brings nothing while no batch is worked on', () => {
    const { watch, pass } = createWatching();
    pass(minute - 1);
    expect(watch.isStalled(0)).toBe(false);
    pass(1);
    expect(watch.isStalled(0)).toBe(true);
    watch.moved(0);
    expect([watch.isStalled(0), watch.isStalled(1), watch.isStalled(9)]).toEqual([false, true, false]);
  });

  it('reports a partition that no broker delivers while others deliver theirs', () => {
    const { watch, pass } = createWatching();
    for (let round = 0; round < 4; round++) {
      watch.batchBegan(1);
      pass(minute / 2);
      watch.batchEnded(1);
      watch.fetched('a');
      if (round === 0) watch.fetched('b');
    }
    expect(watch.isStalled(0)).toBe(false);
    watch.fetched('b');
    watch.fetched('b');
    expect(watch.isStalled(0)).toBe(true);
    expect(watch.isStalled(1)).toBe(false);
  });

  it('does not take waiting for a long batch for a stall', () => {
    const { watch, pass } = createWatching();
    watch.batchBegan(1);
    pass(10 * minute);
    watch.fetched('a');
    expect([watch.isStalled(0), watch.isStalled(1)]).toEqual([false, false]);
    watch.batchEnded(1);
    expect([watch.isStalled(0), watch.isStalled(1)]).toEqual([false, false]);
  });
});

describe('handing over', () => {
  it('keeps the giver waiting until the taker asks for the next', async () => {
    const between = createRendezvous<number>();
    const taker = between.receive();
    const taken: number[] = [];
    const given = between.send(1).then((isTaken) => taken.push(isTaken ? 1 : 0));
    expect(await taker.next()).toEqual({ done: false, value: 1 });
    await turn();
    expect(taken).toEqual([]);
    const next = taker.next();
    await given;
    expect(taken).toEqual([1]);
    expect(between.isWaiting()).toBe(true);
    between.end();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await between.send(2)).toBe(false);
  });

  it('reports to senders that there is no receiver', async () => {
    const between = createRendezvous<number>();
    const [first, second] = [between.send(1), between.send(2)];
    const taker = between.receive();
    await taker.next();
    await taker.return();
    expect(await first).toBe(false);
    between.fail(new Error('broken'));
    expect(await second).toBe(false);
    await expect(between.receive().next()).rejects.toThrow('broken');
  });
});

describe('an error of the Kafka client', () => {
  const reading: Reading = { topic: 'payouts.instructions', groupId: 'disburse', brokers: ['one:9092', 'two:9092'], triedForMs: 12_300 };
  const error = (name: string, message: string, more: object = {}): Error => Object.assign(new Error(message), { name, ...more });
  const wrapped = (cause: Error): Error => Object.assign(new Error(cause.message, { cause }), { name: 'KafkaJSNumberOfRetriesExceeded' });

  it.each([
    [
      'unreachable',
      wrapped(error('KafkaJSConnectionError', 'connect ECONNREFUSED one:9092', { broker: 'one:9092', retriable: true })),
      'Kafka at one:9092, two:9092 could not be reached for 12 s to read payouts.instructions: connect ECONNREFUSED one:9092. Check KAFKA_BROKERS, the network, and that the brokers are running.',
    ],
    [
      'not_authenticated',
      error('KafkaJSSASLAuthenticationError', 'SASL PLAIN authentication failed', { retriable: false }),
      'Kafka at one:9092, two:9092 refused the login (SASL PLAIN authentication failed): check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.',
    ],
    [
      'not_authorised',
      error('KafkaJSProtocolError', 'Not authorized', { type: 'GROUP_AUTHORIZATION_FAILED', retriable: false }),
      'Kafka does not let this user read as group disburse: grant it Read on the group, or choose another group with KAFKA_GROUP.',
    ],
    [
      'not_authorised',
      error('KafkaJSProtocolError', 'Not authorized', { type: 'TOPIC_AUTHORIZATION_FAILED', retriable: false }),
      'Kafka does not let this user read payouts.instructions: grant it Read and Describe on the topic.',
    ],
    [
      'missing_topic',
      wrapped(error('KafkaJSProtocolError', 'unknown', { type: 'UNKNOWN_TOPIC_OR_PARTITION', retriable: true })),
      'Kafka has no topic payouts.instructions: create it with `disburse topics`, or correct KAFKA_TOPIC_PREFIX.',
    ],
    ['failed', new TypeError('x is undefined'), 'Reading payouts.instructions as group disburse ended: x is undefined.'],
  ])('%s is described in one sentence', (code, cause, message) => {
    expect(readError(cause, reading)).toMatchObject({ code, message, cause, topic: 'payouts.instructions' });
  });

  it('returns an error of disburse unchanged', () => {
    const missing = new MissingTopicError('payouts.results');
    expect(readError(missing, reading)).toBe(missing);
  });

  it('names the broker of the error where none is configured', () => {
    const cause = error('KafkaJSConnectionError', 'refused', { broker: 'three:9092' });
    expect(readError(cause, { ...reading, brokers: undefined }).message).toContain('Kafka at three:9092 could not');
  });
});
