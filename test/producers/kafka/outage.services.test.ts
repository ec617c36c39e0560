/** A whole Kafka goes away while results are published, for longer than the publisher tries, and comes back. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTopicPublisher } from '../../../producers/kafka/publisher.ts';
import { openResultsTopic } from '../../../producers/results-topic.ts';
import { systemClock } from '../../../src/clock.ts';
import { outboxEntry } from '../../contracts/result-sink.suite.ts';
import { startKafka, type KafkaCluster } from '../../support/local-servers.ts';
import { realTopics, type RealTopics } from './real-topics.ts';

const outageMs = 20_000;

let cluster: KafkaCluster;
let topics: RealTopics;
beforeAll(async () => {
  cluster = await startKafka();
  topics = realTopics(cluster.brokers);
});
afterAll(async () => {
  await topics.close();
  await cluster.stop();
});

it.each(['killed', 'frozen'] as const)('%s for 20 s: nothing is lost, and it is reported once', async (how) => {
  const topic = await topics.make(`results-${how}`, 2);
  const warnings: string[] = [];
  const publisher = createTopicPublisher({
    createKafka: topics.createKafka,
    clock: systemClock,
    onWarning: () => undefined,
    deadlineMs: outageMs / 2,
  });
  const sink = openResultsTopic({ publisher, topic, clock: systemClock, onWarning: (message) => warnings.push(message) });
  const entries = Array.from({ length: 300 }, (_, n) => outboxEntry(n, { record_id: `inv-${n}` }));
  await sink.publish(entries.slice(0, 100));
  const [node] = cluster.nodes;
  if (how === 'killed') await node?.stop('SIGKILL');
  else node?.pause();
  const during = sink.publish(entries.slice(100, 200));
  await systemClock.sleep(outageMs);
  if (how === 'killed') await node?.start();
  else node?.resume();
  await during;
  await sink.publish(entries.slice(200));
  await sink.close();
  await publisher.close(5_000);
  expect(warnings).toEqual([expect.stringMatching(/100 results wait.*nothing is lost/)]);
  const read = (await topics.read(topic)).map(({ value }) => (JSON.parse(String(value)) as { number: number }).number);
  expect([...new Set(read)].toSorted((a, b) => a - b)).toEqual(entries.map((_, n) => n));
});
