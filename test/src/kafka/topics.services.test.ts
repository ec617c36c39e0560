import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createKafkaFactory } from '../../../src/kafka/client.ts';
import { planTopics, topicNames } from '../../../src/kafka/topic-plan.ts';
import { ensureTopics, topicsExist } from '../../../src/kafka/topics.ts';
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
  const configEntries = Object.entries({ 'message.timestamp.type': 'LogAppendTime', ...settings }).map(([name, value]) => ({
    name,
    value,
  }));
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
  it('creates all four with their settings, and reports ok the second time', async () => {
    const prefix = uniquePrefix();
    const names = topicNames(prefix);
    expect(names).toEqual({
      instructions: `${prefix}.instructions`,
      results: `${prefix}.results`,
      deadLetters: `${prefix}.dead-letters`,
      alerts: `${prefix}.alerts`,
    });
    const topics = Object.values(names);
    expect(await ensureTopics(createKafka, plan(prefix), { clock: systemClock })).toEqual(
      topics.map((topic) => ({ topic, state: 'created', problems: [] })),
    );
    const { topics: found } = await admin.fetchTopicMetadata({ topics });
    expect(found.map(({ partitions }) => [partitions.length, partitions[0]?.replicas.length])).toEqual([
      [3, 1],
      [3, 1],
      [3, 1],
      [3, 1],
    ]);
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: topics.map((name) => ({ type: 2, name })) });
    const settings = Object.fromEntries(
      resources.map(({ resourceName, configEntries }) => [
        resourceName,
        Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue])),
      ]),
    );
    const retention = { instructions: String(400 * day), results: '-1', deadLetters: String(400 * day), alerts: '-1' };
    for (const name of ['instructions', 'results', 'deadLetters', 'alerts'] as const)
      expect(settings[names[name]]).toMatchObject({
        'retention.ms': retention[name],
        'retention.bytes': '-1',
        'cleanup.policy': 'delete',
        'min.insync.replicas': '1',
        'message.timestamp.type': 'LogAppendTime',
      });
    expect(await ensureTopics(createKafka, plan(prefix), { clock: systemClock })).toEqual(
      topics.map((topic) => ({ topic, state: 'ok', problems: [] })),
    );
  });

  it('succeeds in two processes at the same time', async () => {
    const plans = plan(uniquePrefix());
    const both = await Promise.all([1, 2].map(() => ensureTopics(createKafka, plans, { clock: systemClock })));
    for (const reports of both) for (const { problems } of reports) expect(problems).toEqual([]);
  });

  it.each([
    ['retention.ms', '604800000', 'retention', 'error', /7 days.*LEDGER_RETENTION.*400 days/, `retention.ms=${400 * day}`],
    ['retention.bytes', '1000000', 'retention', 'error', /deleted before their time/, 'retention.bytes=-1'],
    ['cleanup.policy', 'compact', 'cleanup_policy', 'error', /only the newest/, 'cleanup.policy=delete'],
    ['min.insync.replicas', '2', 'min_insync_replicas', 'error', /nothing can be written/, 'min.insync.replicas=1'],
    ['max.message.bytes', '100000', 'max_message_bytes', 'warning', /100000/, 'max.message.bytes=1048588'],
    ['message.timestamp.type', 'CreateTime', 'timestamp_type', 'warning', /no open send is resent/, 'message.timestamp.type=LogAppendTime'],
    ['unclean.leader.election.enable', 'true', 'unclean_leader_election', 'error', /can be lost/, 'unclean.leader.election.enable=false'],
  ] as const)('%s=%s is reported with the command that corrects it', async (name, value, code, severity, message, fix) => {
    const prefix = uniquePrefix();
    const { results } = topicNames(prefix);
    await make(results, { 'retention.ms': '-1', [name]: value });
    const reports = await ensureTopics(createKafka, plan(prefix), { clock: systemClock });
    expect(reports.map(({ state }) => state)).toEqual(['created', 'problems', 'created', 'created']);
    expect(reports[1]?.problems).toEqual([
      {
        code,
        severity,
        message: expect.stringMatching(message) as string,
        fix: `kafka-configs.sh --bootstrap-server ${kafkaBrokers()} --alter --entity-type topics --entity-name ${results} --add-config ${fix}`,
      },
    ]);
  });

  it('accepts unlimited and longer retention, and any retention of dead letters', async () => {
    const prefix = uniquePrefix();
    const { instructions, results, deadLetters, alerts } = topicNames(prefix);
    await make(instructions, { 'retention.ms': '-1' });
    await make(results, { 'retention.ms': String(500 * day) });
    await make(deadLetters, { 'retention.ms': '1000' });
    await make(alerts, { 'retention.ms': '1000' });
    const reports = await ensureTopics(createKafka, plan(prefix), { clock: systemClock });
    expect(reports.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it('reports too few partitions and accepts more', async () => {
    const prefix = uniquePrefix();
    const { instructions, results } = topicNames(prefix);
    await make(instructions, { 'retention.ms': '-1' }, 2);
    await make(results, { 'retention.ms': '-1' }, 5);
    const [first, second] = await ensureTopics(createKafka, plan(prefix), { clock: systemClock });
    expect(first?.problems).toEqual([
      {
        code: 'partitions',
        severity: 'warning',
        message: expect.stringMatching(/2 partitions instead of 3/) as string,
        fix: expect.stringMatching(/--alter --topic .*\.instructions --partitions 3$/) as string,
      },
    ]);
    expect(second?.state).toBe('ok');
  });

  it('reports the command for a topic that the cluster refuses to create', async () => {
    const reports = await ensureTopics(createKafka, plan(uniquePrefix(), { replication: 3 }), { clock: systemClock });
    for (const { topic, state, problems } of reports) {
      expect(state).toBe('problems');
      expect(problems).toMatchObject([
        { severity: 'error', fix: expect.stringContaining(`--create --topic ${topic} --partitions 3 --replication-factor 3`) as string },
      ]);
    }
  });
});

describe('topicsExist', () => {
  it('resolves when all exist, and otherwise names the missing ones and the command', async () => {
    const prefix = uniquePrefix();
    const { instructions, results, deadLetters } = topicNames(prefix);
    await make(instructions, {});
    await topicsExist(createKafka, [instructions]);
    await expect(topicsExist(createKafka, [instructions, results, deadLetters])).rejects.toMatchObject({
      exitCode: 1,
      message: `Kafka at ${kafkaBrokers()} has no topics ${results}, ${deadLetters}: create them with \`disburse topics\`, or correct KAFKA_TOPIC_PREFIX.`,
    });
  });
});
