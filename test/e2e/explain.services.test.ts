/** `explain`, `records`, `status` and `ledger verify` beside a ledger in Redis that somebody changed. */
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { createKeyNames, shardOf } from '../support/ledger-names.ts';
import type { Explanation } from '../../src/terminal/explanation-text.ts';
import { systemClock } from '../../sandbox/clock.ts';
import { payoutEvent } from '../support/builders.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, until, type Cluster } from './cluster.ts';

const servers = () => ({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() });

interface Kept {
  readonly record: Buffer;
  readonly trail: readonly Buffer[];
}

/** The record and its trail as Redis holds them. */
async function withKeys<Result>(
  { prefix }: Cluster,
  work: (redis: Redis, keys: { readonly record: string; readonly trail: string }) => Promise<Result>,
): Promise<Result> {
  const redis = new Redis(redisUrl());
  const [names, shard] = [createKeyNames(prefix), shardOf('inv-1')];
  try {
    return await work(redis, { record: names.record(shard, 'inv-1'), trail: names.trail(shard, 'inv-1') });
  } finally {
    await redis.quit();
  }
}

const read = (cluster: Cluster): Promise<Kept> =>
  withKeys(cluster, async (redis, { record, trail }) => ({
    record: (await redis.getBuffer(record)) ?? Buffer.alloc(0),
    trail: await redis.lrangeBuffer(trail, 0, -1),
  }));

const write = (cluster: Cluster, { record, trail }: Kept): Promise<void> =>
  withKeys(cluster, async (redis, keys) => {
    await redis.set(keys.record, record);
    await redis.del(keys.trail);
    if (trail.length > 0) await redis.rpush(keys.trail, ...trail);
  });

const verified = async (cluster: Cluster) => {
  const { code, stdout, stderr } = await cluster.command(['explain', 'inv-1', '--verify', '--json']);
  return { code, stderr: stderr.replaceAll(/\s+/g, ' '), explanation: JSON.parse(stdout) as Explanation };
};

const expectBroken = async (cluster: Cluster, number: number, says: string): Promise<void> => {
  const { code, stderr, explanation } = await verified(cluster);
  expect({ code, verified: explanation.verified, number: explanation.broken?.number }).toEqual({ code: 2, verified: false, number });
  expect(stderr).toContain(`entry ${number} ${says}`);
};

/** The entries, with one byte of the text of one of them changed. */
const changed = (trail: readonly Buffer[], index: number): Buffer[] =>
  trail.map((entry, at) => {
    const copy = Buffer.from(entry);
    if (at === index) copy.writeUInt8((copy.at(-2) ?? 0) ^ 1, copy.length - 2);
    return copy;
  });

describe('explain --verify', () => {
  it('finds each change of a trail in Redis, and none in an untouched one', async () => {
    // It settles at the gateway when its open state was read, however long that took.
    let passedMs = 0;
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + passedMs };
    await inCluster(servers(), { partitions: 1, settleMs: 3_600_000, confirm: 'auto', clock }, async (cluster) => {
      const instance = await cluster.serve();
      await cluster.produce([payoutEvent('inv-1')]);
      await until('an open result', async () => (await cluster.results()).some(({ status }) => status === 'in_progress'));
      const listed = await cluster.command(['records', '--json']);
      expect(JSON.parse(listed.stdout)).toMatchObject({ record_id: 'inv-1', commands: ['disburse explain inv-1'] });
      const older = await read(cluster);
      passedMs = 10 * 3_600_000;
      await until('the end', async () => (await cluster.results()).some(({ final }) => final));
      instance.kill('SIGTERM');
      await instance.ended;
      const whole = await read(cluster);
      const length = whole.trail.length;

      const untouched = await verified(cluster);
      expect({ code: untouched.code, stderr: untouched.stderr }).toEqual({ code: 0, stderr: '' });
      expect(untouched.explanation).toMatchObject({ record: { status: 'succeeded' }, verified: true, verified_from: 1 });
      expect(untouched.explanation.trail).toHaveLength(length);
      expect((await cluster.command(['ledger', 'verify'])).code).toBe(0);
      expect((await cluster.command(['status', '--verify'])).code).toBe(0);

      await write(cluster, { ...whole, trail: changed(whole.trail, 1) });
      await expectBroken(cluster, 2, 'is not as it was written');
      await write(cluster, { ...whole, trail: whole.trail.toSpliced(0, 1) });
      expect((await verified(cluster)).code).toBe(2);
      await write(cluster, { ...whole, trail: whole.trail.slice(0, -1) });
      await expectBroken(cluster, length, 'is missing: the end of the trail was cut');
      await write(cluster, older);
      expect(older.trail.length).toBeLessThan(length);
      const rolledBack = await verified(cluster);
      expect(rolledBack.code).toBe(2);
      expect(rolledBack.stderr).toContain('a result event published it');
      expect((await cluster.command(['ledger', 'verify'])).code).toBe(2);

      await write(cluster, whole);
      expect((await verified(cluster)).code).toBe(0);
      const without = await cluster.command(['explain', 'inv-1', '--verify'], { LEDGER_KEY_FILE: undefined });
      expect(without.code).toBe(1);
      expect(without.stderr).toContain('LEDGER_KEY_FILE is not set');
    });
  });
});
