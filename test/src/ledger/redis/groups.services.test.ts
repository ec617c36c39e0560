import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeyNames, shardOf } from '../../../support/ledger-names.ts';
import { batchA, manifest } from '../../../support/builders.ts';
import { admitted, intent, moved, step } from '../../../support/ledger-steps.ts';
import { startRedis, type RedisServer } from '../../../support/redis-server.ts';
import { asAdmin, openInstance, type Instance } from './harness.ts';

describe('calls of one shard that wait together', () => {
  const prefix = 'disburse';
  const shard = 3;
  const ids = Array.from({ length: 1_000 }, (_, index) => `inv-${index}`).filter((id) => shardOf(id) === shard);
  const [first = '', second = '', third = ''] = ids;
  // Its own: what other tests call is not counted.
  let server: RedisServer;
  let url = '';
  let instance: Instance;

  beforeAll(async () => {
    server = await startRedis();
    url = server.url;
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    instance = await openInstance(url, prefix);
    await instance.ledger.openBatch(manifest(batchA));
  });
  afterEach(async () => {
    await instance.close();
    await asAdmin(url, (client) => client.flushall());
  });

  it('are one call of Redis, and each of them has a number of its own', async () => {
    const { ledger } = instance;
    await admitted(ledger, first, 2);
    const calls = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await asAdmin(url, (client) => client.info('commandstats')))?.[1] ?? 0);
    const many = ids.slice(1, 21);
    const before = await calls();
    const records = await Promise.all(many.map((id, index) => admitted(ledger, id, index + 3)));
    // The claims of their places are one call, or two in two shards.
    expect((await calls()) - before).toBeLessThanOrEqual(4);
    await Promise.all(records.map((record) => moved(ledger, intent(record))));
    const listed = await ledger.list({ batchId: batchA, status: 'submitting', limit: 100 });
    expect(listed.map(({ record }) => record.recordId)).toEqual(many);
    expect(new Set(listed.map(({ cursor }) => cursor)).size).toBe(many.length);
  });

  it('are written, but for the one that cannot be read, which is rejected', async () => {
    const { ledger } = instance;
    const records = await Promise.all([first, second, third].map((id, index) => admitted(ledger, id, index + 2)));
    const key = createKeyNames(prefix).record(shard, second);
    const text = await asAdmin(url, async (client) => {
      const kept = await client.get(key);
      await client.del(key);
      await client.hset(key, 'another', 'program');
      return kept ?? '';
    });
    const results = await Promise.allSettled(records.map((record) => moved(ledger, intent(record))));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await asAdmin(url, (client) => client.set(key, text));
    expect((await ledger.record(first))?.status).toBe('submitting');
    expect((await ledger.record(second))?.status).toBe('queued');
    expect((await ledger.record(third))?.status).toBe('submitting');
    const counted = await ledger.recount(batchA);
    expect(counted).toHaveLength(3);
    expect(await ledger.tallies(batchA)).toEqual(expect.arrayContaining([...counted]));
  });

  it('that were decided on another status than the record has are refused, and write nothing', async () => {
    const { ledger } = instance;
    const record = await admitted(ledger, first, 2);
    const change = { ...step(record, { status: 'rejected' }), from: 'unknown' as const };
    await expect(ledger.advance([change])).rejects.toThrow('must not change');
    expect(await ledger.record(first)).toEqual(record);
  });
});
