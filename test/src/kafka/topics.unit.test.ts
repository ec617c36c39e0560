/** Reports on topics of a cluster of three brokers; on a real one: topics.services.test.ts. */
import { describe, expect, it } from 'vitest';
import type { CreateKafka } from '../../../src/kafka/client.ts';
import { planTopics } from '../../../src/kafka/topic-plan.ts';
import { ensureTopics } from '../../../src/kafka/topics.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const [plan] = planTopics({ prefix: 'payouts', partitions: 1, retentionMs: 86_400_000 });
if (plan === undefined) throw new Error('no plan');

function cluster(params: { readonly replicas?: number; readonly settings?: Readonly<Record<string, string>> }) {
  const { replicas, settings = {} } = params;
  const created: { replicationFactor: number; configEntries: { name: string; value: string }[] }[] = [];
  const all = {
    'min.insync.replicas': '2',
    'retention.ms': '-1',
    'retention.bytes': '-1',
    'cleanup.policy': 'delete',
    'max.message.bytes': '1048588',
    ...settings,
  };
  let copies = replicas;
  const admin = {
    connect: async () => undefined,
    disconnect: async () => undefined,
    describeCluster: async () => ({ brokers: [1, 2, 3] }),
    async fetchTopicMetadata() {
      if (copies === undefined) throw Object.assign(new Error('unknown'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' });
      return { topics: [{ name: plan?.topic, partitions: [{ leader: 1, replicas: Array.from({ length: copies }, (_, id) => id) }] }] };
    },
    async createTopics({ topics }: { topics: typeof created }) {
      created.push(...topics);
      copies = topics[0]?.replicationFactor;
    },
    describeConfigs: async () => ({
      resources: [{ configEntries: Object.entries(all).map(([configName, configValue]) => ({ configName, configValue })) }],
    }),
  };
  const createKafka = Object.assign(() => ({ admin: () => admin }), { brokers: ['k1:9092'], manner: '' }) as unknown as CreateKafka;
  return {
    created,
    ensure: async (create = true) =>
      (await ensureTopics(createKafka, [plan as NonNullable<typeof plan>], { clock: createVirtualClock(), create }))[0],
  };
}

describe('a topic in a cluster of three brokers', () => {
  it('is created with three replicas, two of them in sync', async () => {
    const { ensure, created } = cluster({});
    expect(await ensure()).toEqual({ topic: 'payouts.instructions', state: 'created', problems: [] });
    expect(created).toMatchObject([{ replicationFactor: 3 }]);
    expect(created[0]?.configEntries).toContainEqual({ name: 'min.insync.replicas', value: '2' });
  });

  it('that is missing is an error where topics are only verified, and none is created', async () => {
    const { ensure, created } = cluster({});
    expect(await ensure(false)).toMatchObject({ state: 'missing', problems: [{ code: 'missing', severity: 'error' }] });
    expect(created).toEqual([]);
  });

  it('that exists is verified in the same way where none is created', async () => {
    const { ensure } = cluster({ replicas: 3, settings: { 'cleanup.policy': 'compact', 'retention.ms': '1' } });
    expect((await ensure(false))?.problems.map(({ code }) => code)).toEqual(['cleanup_policy', 'retention']);
    expect(await ensure(false)).toEqual(await ensure(true));
  });

  it.each([
    [1, '1', [/on 1 of 3 brokers instead of 3: its records are lost with that broker/]],
    [2, '1', [/on 2 of 3 brokers/]],
    [3, '1', [/counts as written, and is lost/]],
    [3, '3', [/with one broker down nothing can be written/]],
    [3, '2', []],
  ] as const)('is reported correctly with %i replicas and min.insync.replicas=%s', async (replicas, inSync, messages) => {
    const report = await cluster({ replicas, settings: { 'min.insync.replicas': inSync } }).ensure();
    expect(report?.problems.map(({ message }) => message)).toEqual(messages.map((message) => expect.stringMatching(message) as string));
  });
});
