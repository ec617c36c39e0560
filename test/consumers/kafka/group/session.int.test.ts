/** What the consumer of kafkajs does of its own between two batches, and what we make of it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { consume, type Consumption } from '../../../../consumers/kafka/group/consume.ts';
import { monotonicClock } from '../../../../src/clock.ts';
import { patience } from '../../../support/patience.ts';
import { StubCluster } from '../stub-cluster.ts';

let cluster: StubCluster;
let work: Consumption | undefined;
/** In this order, each as `<partition>:<offset>`. */
let started: string[];
let finished: string[];
/** Those that are called `slow` end when it resolves. */
let slow: PromiseWithResolvers<void>;

beforeEach(() => {
  cluster = new StubCluster();
  [started, finished] = [[], []];
  slow = Promise.withResolvers<void>();
});
afterEach(async () => {
  slow.resolve();
  await work?.stop();
});

const start = (): void => {
  work = consume({
    createKafka: cluster.createKafka,
    groupId: 'payers',
    topic: cluster.topic,
    window: 1_024,
    drainMs: 2_000,
    clock: monotonicClock,
    onWarning: (message) => expect.unreachable(message),
    handle: async ({ partition, offset, value }) => {
      started.push(`${partition}:${offset}`);
      if (value?.toString() === 'slow') await slow.promise;
      finished.push(`${partition}:${offset}`);
    },
  });
};
const places = (partition: number, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `${partition}:${from + index}`);
const soon = <T>(look: () => T) => expect.poll(look, patience);

describe('a rebalance', () => {
  beforeEach(async () => {
    cluster.committed.set(0, 0).set(1, 0);
    cluster.publish(1, ...Array.from({ length: 10 }, () => 'slow'));
    start();
    await soon(() => started).toEqual(places(1, 0, 10));
  });

  it('during a fetch from another broker causes no commit beyond an unfinished record', async () => {
    // From behind the ten that are in flight; answered only in the next generation.
    const straddling = cluster.hold(2);
    await straddling.reached;
    cluster.refuseFetch(1, 'NOT_LEADER_FOR_PARTITION');
    await soon(() => cluster.fetchedIn.get(1)).toBe(2);
    cluster.publish(1, 'quick');
    straddling.release();
    await soon(() => started).toContain('1:10');

    // All partitions go into one commit: had the quick one been taken for the first of its partition, it would be in.
    cluster.publish(0, 'quick');
    await soon(() => cluster.committed.get(0)).toBe(1);
    expect(finished).toEqual(['1:10', '0:0']);
    expect(cluster.committed.get(1)).toBe(0);

    slow.resolve();
    await soon(() => cluster.committed.get(1)).toBe(11);
    expect(started.toSorted()).toEqual([...places(0, 0, 1), ...places(1, 0, 11)].toSorted());
    // Once more and no further, as it was without a fetch under way.
    expect(cluster.generation).toBe(3);
  });

  it('between two batches lets records in flight finish, loses nothing, and all is committed in the end', async () => {
    cluster.dealAnew();
    await soon(() => cluster.fetchedIn.get(2)).toBe(2);
    cluster.publish(1, 'quick');
    await soon(() => finished).toEqual(['1:10']);
    cluster.publish(0, 'quick');
    await soon(() => cluster.committed.get(0)).toBe(1);
    expect(cluster.committed.get(1)).toBe(0);

    slow.resolve();
    await soon(() => cluster.committed.get(1)).toBe(11);
    expect(started.toSorted()).toEqual([...places(0, 0, 1), ...places(1, 0, 11)].toSorted());
  });
});

it('stopped while it joins for the first time, it leaves the group when it is in', async () => {
  const joining = cluster.hold('join');
  start();
  await joining.reached;
  const stopped = work?.stop();
  joining.release();
  await stopped;
  expect([cluster.generation, cluster.left]).toEqual([1, 1]);
});

describe('a mark of a transaction that is passed before the offsets are known', () => {
  it.each([
    { name: 'all there is', before: 0, position: undefined },
    { name: 'all there is behind the position', before: 1, position: 1 },
  ])('leaves nothing unread when it is $name', async ({ before, position }) => {
    if (position !== undefined) cluster.committed.set(1, position);
    cluster.publish(1, ...Array.from({ length: before }, () => 'quick'));
    cluster.publishMark(1);
    const offsets = cluster.hold('offsets');
    start();
    const end = BigInt(before + 1);
    await offsets.reached;
    await soon(() => work?.positions()[1]?.begun).toBe(end);
    offsets.release();
    // Both are learnt at once.
    await soon(() => work?.positions()[0]?.next).toBe(0n);
    expect(work?.positions()[1]).toMatchObject({ begun: end, end });
    expect(started).toEqual([]);

    cluster.publish(1, 'quick');
    await soon(() => cluster.committed.get(1)).toBe(before + 2);
    expect(started).toEqual([`1:${before + 1}`]);
    expect(work?.lag().get(1)).toBe(0);
  });
});
