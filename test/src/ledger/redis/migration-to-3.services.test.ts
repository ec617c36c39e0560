/** A ledger of schema 2, which has no audit trails and no pauses; how it was made: test/fixtures/README.md. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAuditEntry } from '../../../../batches/audit/audit-entry.ts';
import { advanceOne, admitOne } from '../../../../batches/ports/single.ts';
import type { LedgerRecord } from '../../../../batches/record/record.ts';
import { move } from '../../../../batches/record/step.ts';
import { isBalanced } from '../../../../batches/record/tally.ts';
import { createKeyNames, shards } from '../../../support/ledger-names.ts';
import { openRedisReader, type RedisLedgerReader } from '../../../../src/ledger/redis/reader.ts';
import { connectRedis } from '../../../../src/redis/connection.ts';
import { admission, at, batchA, instructionOf, lineOf, transitionSettings, valid } from '../../../support/builders.ts';
import { intent, moved } from '../../../support/ledger-steps.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { contentsOf, writeFixture } from './fixtures.ts';
import { asAdmin, openInstance, removeKeys, type Instance } from './harness.ts';

let prefix: string;
let names: ReturnType<typeof createKeyNames>;
const opened: { close(): Promise<void> }[] = [];
const open = async (patch: Parameters<typeof openInstance>[2] = {}): Promise<Instance> => {
  const instance = await openInstance(redisUrl(), prefix, patch);
  opened.push(instance);
  return instance;
};
const openReader = async (): Promise<RedisLedgerReader> => {
  const connection = await connectRedis({ url: redisUrl(), onWarning: () => undefined });
  opened.push(connection);
  return openRedisReader({ connection, prefix });
};
const admin = <T>(work: Parameters<typeof asAdmin<T>>[1]): Promise<T> => asAdmin(redisUrl(), work);
const metaOf = (shard: number): Promise<Record<string, string>> => admin((client) => client.hgetall(names.meta(shard)));
const recordOf = async ({ ledger }: Instance, recordId: string): Promise<LedgerRecord> => {
  const record = await ledger.record(recordId);
  if (record === undefined) throw new Error(`${recordId} is gone`);
  return record;
};

beforeEach(async () => {
  prefix = uniquePrefix();
  names = createKeyNames(prefix);
  await admin((client) => writeFixture(client, 2, prefix));
});
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
  await removeKeys(redisUrl(), prefix);
});

describe('a ledger in Redis of schema 2', () => {
  it('is read by a reader as it is, without a migration', async () => {
    const reader = await openReader();
    expect(await reader.record('sent')).toMatchObject({ status: 'unknown', audit: null, alerts: [], resolvedBy: null });
    expect(isBalanced(await reader.tallies())).toBe(true);
    expect((await metaOf(0))['schema']).toBe('2');
  });

  it('is migrated by the first process that pays, which changes no record', async () => {
    const before = await admin((client) => contentsOf(client, prefix));
    const { warnings } = await open();
    expect(warnings).toEqual([
      expect.stringMatching(/has schema version 3 now; older versions of disburse refuse it/),
      expect.stringMatching(/is migrated to schema version 4, step 1 of 1: final records/),
      expect.stringMatching(/has schema version 4 now; older versions of disburse refuse it/),
    ]);
    const after = await admin((client) => contentsOf(client, prefix));
    for (const shard of shards) {
      const key = names.meta(shard);
      expect(after[key]).toEqual({ ...(before[key] as object), schema: '4' });
      before[key] = after[key];
      // Which records are to be packed is no part of them.
      for (const contents of [before, after]) delete contents[names.ends(shard)];
    }
    expect(after).toEqual(before);
  });

  it('keeps the terms of its open sends, which may be resent', async () => {
    const instance = await open();
    const record = await recordOf(instance, 'sent');
    expect(record).toMatchObject({ keyLifetimeMs: transitionSettings.keyLifetimeMs, sentClocks: { wallAt: at, uptimeMs: null } });
    expect(Buffer.from((await instance.ledger.body('sent')) ?? []).toString()).toBe('{"metadata":{"record_id":"sent","attempt":1}}');
    expect((await instance.ledger.due({ batchId: batchA, now: at, limit: 99 })).records).toContainEqual(record);
  });

  it('has no trails; a record begins its trail with its next step, also for a duplicate, and the trail is whole', async () => {
    const instance = await open();
    const { ledger } = instance;
    expect(await ledger.trail('sent')).toEqual([]);
    await moved(
      ledger,
      move(transitionSettings, await recordOf(instance, 'sent'), {
        patch: { status: 'succeeded', sessionId: 'ps_s' },
        event: 'webhook',
        at,
      }),
    );
    await admitOne(ledger, admission(lineOf(batchA, 301), valid(instructionOf('paid'))));
    for (const [recordId, event] of [
      ['sent', 'webhook'],
      ['paid', 'duplicate'],
    ] as const) {
      const entries = await ledger.trail(recordId);
      expect(entries.map(({ text }) => readAuditEntry(text)?.event)).toEqual(['restored', event]);
      const { audit: head } = await recordOf(instance, recordId);
      expect(transitionSettings.audit.verify(recordId, { entries, head, published: [] })).toEqual({ type: 'whole', from: 1 });
    }
  });

  it('purges details of records without a trail, and of those that began one since', async () => {
    const instance = await open();
    await admitOne(instance.ledger, admission(lineOf(batchA, 301), valid(instructionOf('paid'))));
    expect(await instance.ledger.purgeDetails({ olderThanMs: 0, limit: 100 })).toBeGreaterThan(4);
    expect((await recordOf(instance, 'succeeded')).audit).toBeNull();
    expect(await instance.ledger.trail('succeeded')).toEqual([]);
    expect((await instance.ledger.trail('paid')).map(({ text }) => readAuditEntry(text)?.event)).toEqual(['retention']);
  });

  it('obeys pauses once it is migrated', async () => {
    const instance = await open();
    await instance.ledger.setPause({ batchId: batchA, pause: { code: 'paused', by: 'alice', reason: null, at } });
    expect(await advanceOne(instance.ledger, intent(await recordOf(instance, 'waiting')))).toMatchObject({ ok: false, why: 'paused' });
  });

  it('is recounted to the same totals', async () => {
    const { ledger } = await open();
    const sorted = async (rows: ReturnType<typeof ledger.tallies>): Promise<unknown[]> =>
      (await rows).map(({ status, currency, count, amountMinor }) => `${status} ${currency} ${count} ${amountMinor}`).toSorted();
    expect(await sorted(ledger.recount())).toEqual(await sorted(ledger.tallies()));
  });

  it('knows what was published before both migrations, and stops a process of the former version at its next call', async () => {
    const marksSeen = ['id-0.0.6', 'id-1.0.6'];
    const former = await open({ hasResults: true, marksSeen });
    await admin((client) => Promise.all(shards.map((shard) => client.hset(names.meta(shard), 'schema', '2'))));
    await open({ hasResults: true, marksSeen });
    await expect(former.ledger.record('sent')).rejects.toThrow(/replaced while it was in use/);
  });

  it.each([1, 7, 16])('whose migration was killed after %i shards is completed by the next start', async (fenced) => {
    const generation = (await metaOf(0))['generation'] ?? '';
    await admin(async (client) => {
      for (const shard of shards.slice(0, fenced))
        await client.hset(names.meta(shard), {
          generation: 'id-9',
          state: 'migrating',
          schema: '3',
          migrated_from: generation,
          migrated: '0',
          taken_in: `id-0 ${generation}`,
        });
    });
    await expect(openReader()).rejects.toThrow(/is being migrated/);
    await open({ hasResults: true, marksSeen: ['id-0.0.6', `${generation}.0.6`] });
    for (const shard of shards)
      expect(await metaOf(shard)).toMatchObject({ schema: '4', state: 'live', taken_in: expect.stringContaining('id-9') as unknown });
  });

  it('is migrated once by several processes that start together, and all of them may pay', async () => {
    const instances = await Promise.all([open(), open(), open(), open()]);
    for (const { ledger } of instances) expect(isBalanced(await ledger.tallies())).toBe(true);
    expect(new Set(await Promise.all(shards.map(async (shard) => (await metaOf(shard))['generation']))).size).toBe(1);
  });
});
