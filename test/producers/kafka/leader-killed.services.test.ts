/** Three real brokers, and the leader of a results partition dies while results are published. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTopicPublisher } from '../../../producers/kafka/publisher.ts';
import { openResultsTopic } from '../../../producers/results-topic.ts';
import { systemClock } from '../../../src/clock.ts';
import { planTopics, topicNames } from '../../../src/kafka/topic-plan.ts';
import { ensureTopics } from '../../../src/kafka/topics.ts';
import { outboxEntry } from '../../contracts/result-sink.suite.ts';
import { startKafka, type KafkaCluster } from '../../support/local-servers.ts';
import { realTopics, type RealTopics } from './real-topics.ts';

let cluster: KafkaCluster;
let topics: RealTopics;
beforeAll(async () => {
  cluster = await startKafka({ brokers: 3 });
  topics = realTopics(cluster.brokers);
});
afterAll(async () => {
  await topics.close();
  await cluster.stop();
});

it('2,000 results while a leader is killed: none is missing, and each partition has them in order', async () => {
  const { createKafka } = topics;
  const plans = planTopics({ prefix: 'payouts', partitions: 3, retentionMs: 86_400_000 });
  const reports = await ensureTopics(createKafka, plans, { clock: systemClock });
  expect(reports.map(({ state, problems }) => [state, problems])).toEqual(plans.map(() => ['created', []]));
  const topic = topicNames('payouts').results;
  const publisher = createTopicPublisher({ createKafka, clock: systemClock, onWarning: () => undefined });
  const sink = openResultsTopic({ publisher, topic, clock: systemClock, onWarning: () => undefined });
  const entries = Array.from({ length: 2_000 }, (_, n) => outboxEntry(n, { record_id: `inv-${n % 50}` }));
  const groups = Array.from({ length: 40 }, (_, n) => entries.slice(50 * n, 50 * n + 50));

  const admin = topics.createKafka().admin();
  await admin.connect();
  const { topics: found } = await admin.fetchTopicMetadata({ topics: [topic] });
  await admin.disconnect();
  const leader = found[0]?.partitions[0]?.leader as number;
  const node = cluster.nodes[leader - 1];

  let killed: Promise<void> | undefined;
  for (const [n, group] of groups.entries()) {
    const published = sink.publish(group);
    if (n === 15) killed = node?.stop('SIGKILL');
    await published;
  }
  await killed;
  await node?.start();
  await sink.close();
  await publisher.close(5_000);

  const records = await topics.read(topic);
  const read = records.map(({ partition, value }) => ({
    partition,
    ...(JSON.parse(String(value)) as { number: number; record_id: string }),
  }));
  expect([...new Set(read.map(({ number }) => number))].toSorted((a, b) => a - b)).toEqual(entries.map((_, n) => n));
  // An event may be there twice; taken once, those of a partition are in the order of their publishing.
  const lastOf = new Map<number, number>();
  const seen = new Set<number>();
  for (const { partition, number } of read) {
    if (seen.has(number)) continue;
    seen.add(number);
    expect(number).toBeGreaterThan(lastOf.get(partition) ?? -1);
    lastOf.set(partition, number);
  }
});
