import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createKafkaFactory } from '../../../src/kafka/client.ts';
import { ensureTopics, planTopics, topicNames, topicsExist } from '../../../src/kafka/topics.ts';
import { kafkaBrokers, uniquePrefix } from '../../support/services.ts';

const createKafka = createKafkaFactory({ brokers: [kafkaBrokers()], clientId: 'test', logger: () => undefined });
const admin = createKafka().admin();
const day = 86_400_000;
const made = new Set<string>();

const plan = (prefix: string, more: { readonly partitions?: number; readonly replication?: number } = {}) => {
  const plans = planTopics({ prefix, partitions: 3, retentionMs: 400 * day, ...more });
  for (const { topic } of plans) made.add(topic);
  return plans;
};
const make = async (topic: string, settings: Readonly<Record<string, string>>, numPartitions = 3): Promise<void> => {
  made.add(topic);
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ waitForLeaders: false, timeout: 15_000, topics: [{ topic, numPartitions, configEntries }] });
  const isThere = () =>
    topicsExist(createKafka, [topic]).then(
      () => true,
      () => false,
    );
  while (!(await isThere())) await systemClock.sleep(20);
};
afterEach(async () => {
  const there = (await admin.listTopics()).filter((topic) => made.has(topic));
  if (there.length > 0) await admin.deleteTopics({ topics: there });
});
afterAll(() => admin.disconnect());

describe('ensureTopics', () => {
  it('makes all three with what they need, and finds nothing to say the second time', async () => {
    const prefix = uniquePrefix();
    const names = topicNames(prefix);
    expect(names).toEqual({ instructions: `${prefix}.instructions`, results: `${prefix}.results`, deadLetters: `${prefix}.dead-letters` });
    const topics = Object.values(names);
    expect(await ensureTopics(createKafka, plan(prefix), { clock: systemClock })).toEqual(
      topics.map((topic) => ({ topic, state: 'created', problems: [] })),
    );
    const { topics: found } = await admin.fetchTopicMetadata({ topics });
    expect(found.map(({ partitions }) => [partitions.length, partitions[0]?.replicas.length])).toEqual([
      [3, 1],
      [3, 1],
      [3, 1],
    ]);
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: names.results }] });
    const settings = Object.fromEntries(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]) ?? []);
    expect(settings).toMatchObject({
      'retention.ms': String(400 * day),
      'retention.bytes': '-1',
      'cleanup.policy': 'delete',
      'min.insync.replicas': '1',
    });
    expect(await ensureTopics(createKafka, plan(prefix), { clock: systemClock })).toEqual(
      topics.map((topic) => ({ topic, state: 'ok', problems: [] })),
    );
  });

  it('two at once: both succeed', async () => {
    const plans = plan(uniquePrefix());
    const both = await Promise.all([1, 2].map(() => ensureTopics(createKafka, plans, { clock: systemClock })));
    for (const reports of both) for (const { problems } of reports) expect(problems).toEqual([]);
  });

  it.each([
    ['retention.ms', '604800000', 'error', /7 days.*LEDGER_RETENTION.*400 days/, `retention.ms=${400 * day}`],
    ['retention.bytes', '1000000', 'error', /before their time/, 'retention.bytes=-1'],
    ['cleanup.policy', 'compact', 'error', /only the newest/, 'cleanup.policy=delete'],
    ['min.insync.replicas', '2', 'error', /nothing can be written/, 'min.insync.replicas=1'],
    ['max.message.bytes', '100000', 'warning', /100000/, 'max.message.bytes=1048588'],
    ['unclean.leader.election.enable', 'true', 'error', /can be lost/, 'unclean.leader.election.enable=false'],
  ] as const)('%s=%s is told with the command that mends it', async (name, value, severity, message, mend) => {
    const prefix = uniquePrefix();
    const { results } = topicNames(prefix);
    await make(results, { 'retention.ms': '-1', [name]: value });
    const reports = await ensureTopics(createKafka, plan(prefix), { clock: systemClock });
    expect(reports.map(({ state }) => state)).toEqual(['created', 'problems', 'created']);
    expect(reports[1]?.problems).toEqual([
      {
        severity,
        message: expect.stringMatching(message) as string,
        mend: `kafka-configs.sh --bootstrap-server ${kafkaBrokers()} --alter --entity-type topics --entity-name ${results} --add-config ${mend}`,
      },
    ]);
  });

  it('for ever and longer are long enough; dead letters may go earlier', async () => {
    const prefix = uniquePrefix();
    const { instructions, results, deadLetters } = topicNames(prefix);
    await make(instructions, { 'retention.ms': '-1' });
    await make(results, { 'retention.ms': String(500 * day) });
    await make(deadLetters, { 'retention.ms': '1000' });
    const reports = await ensureTopics(createKafka, plan(prefix), { clock: systemClock });
    expect(reports.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
  });

  it('too few partitions are told; more are fine', async () => {
    const prefix = uniquePrefix();
    const { instructions, results } = topicNames(prefix);
    await make(instructions, { 'retention.ms': '-1' }, 2);
    await make(results, { 'retention.ms': '-1' }, 5);
    const [first, second] = await ensureTopics(createKafka, plan(prefix), { clock: systemClock });
    expect(first?.problems).toEqual([
      {
        severity: 'warning',
        message: expect.stringMatching(/2 partitions instead of 3/) as string,
        mend: expect.stringMatching(/--alter --topic .*\.instructions --partitions 3$/) as string,
      },
    ]);
    expect(second?.state).toBe('ok');
  });

  it('what the cluster refuses to make is told with the command', async () => {
    const reports = await ensureTopics(createKafka, plan(uniquePrefix(), { replication: 3 }), { clock: systemClock });
    for (const { topic, state, problems } of reports) {
      expect(state).toBe('problems');
      expect(problems).toMatchObject([
        { severity: 'error', mend: expect.stringContaining(`--create --topic ${topic} --partitions 3 --replication-factor 3`) as string },
      ]);
    }
  });
});

describe('topicsExist', () => {
  it('is silent when they do, and else names the missing ones and the command', async () => {
    const prefix = uniquePrefix();
    const { instructions, results, deadLetters } = topicNames(prefix);
    await make(instructions, {});
    await topicsExist(createKafka, [instructions]);
    await expect(topicsExist(createKafka, [instructions, results, deadLetters])).rejects.toMatchObject({
      exitCode: 1,
      message: `Kafka at ${kafkaBrokers()} has no topics ${results}, ${deadLetters}: make them with \`disburse topics\`, or correct KAFKA_TOPIC_PREFIX.`,
    });
  });
});
